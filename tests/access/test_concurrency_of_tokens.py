"""How many requests of a token may be under way at a time."""

import json
from io import StringIO

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError

from proxyapp.access import token_store
from proxyapp.models import AuditEntry, ClientToken
from tests.support.admin_pages import TOKEN_FORM, submit, superuser
from tests.support.client_tokens import add_token

pytestmark = pytest.mark.django_db


def tokens(*arguments: str) -> str:
    out = StringIO()
    call_command("tokens", *arguments, stdout=out, stderr=StringIO())
    return out.getvalue()


def test_the_command_sets_it_and_shows_it() -> None:
    tokens("create", "app", "--max-concurrent", "3")

    (client,) = token_store.read_book().clients
    assert client.max_concurrent == 3
    assert "3 requests at a time" in tokens("list")
    assert json.loads(tokens("list", "--json"))[0]["max_concurrent"] == 3
    assert "3" in AuditEntry.objects.get().detail


def test_more_than_anybody_uses_is_refused() -> None:
    with pytest.raises(CommandError, match="from 1 to 100,000"):
        tokens("create", "app", "--max-concurrent", "100001")


def test_the_form_sets_it() -> None:
    token = add_token("app")
    form = {**TOKEN_FORM, "max_concurrent": "2"}
    submit(superuser(), "proxyapp_clienttoken_change", token.pk, data=form)

    assert ClientToken.objects.get().max_concurrent == 2
