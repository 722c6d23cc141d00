"""The client token that the environment gives."""

from typing import Any

import pytest
from django.utils import timezone

from proxyapp.access.token_book import Client, TokenRefusal
from proxyapp.access.token_store import read_book
from proxyapp.models import AuditEntry, ClientToken
from proxyapp.process import environment_token

ONE, OTHER = "gk-of-the-environment-1234", "gk-of-the-environment-5678"
SHOWN = "GATEWAY_CLIENT_TOKEN, gk-o…1234"

pytestmark = pytest.mark.django_db


def start(settings: Any, text: str) -> list[str]:
    settings.GATEWAY_CLIENT_TOKEN = text
    return environment_token.made()


def client_of(text: str) -> Client | TokenRefusal:
    return read_book().client_of([(b"x-goog-api-key", text.encode())], b"", 1_000.0)


def test_a_start_makes_it_once_and_keeps_its_hash_only(settings: Any) -> None:
    said = start(settings, ONE)

    assert said == [f"The client token of GATEWAY_CLIENT_TOKEN was made: {SHOWN}."]
    assert start(settings, ONE) == []
    assert isinstance(client_of(ONE), Client)
    (row,) = ClientToken.objects.values()
    (entry,) = AuditEntry.objects.filter(action="add").values()
    assert ONE not in f"{row}{entry}"
    assert (entry["actor"], entry["detail"]) == ("start", "environment")


def test_without_one_nothing_is_made(settings: Any) -> None:
    assert start(settings, "") == []
    assert not ClientToken.objects.exists()


def test_one_that_was_revoked_stays_so_and_the_start_says_it(settings: Any) -> None:
    start(settings, ONE)
    ClientToken.objects.update(revoked_at=timezone.now(), name="laptop")

    assert start(settings, ONE) == [
        "warning: the token of GATEWAY_CLIENT_TOKEN was revoked and lets nobody in: give another"
        " one there."
    ]
    assert client_of(ONE) is TokenRefusal.REVOKED


def test_another_one_is_made_and_each_start_warns_of_the_earlier(settings: Any) -> None:
    start(settings, ONE)
    (first,) = ClientToken.objects.all()
    warning = (
        "warning: an earlier token of GATEWAY_CLIENT_TOKEN still lets in. Once no client uses it:"
        f" `python manage.py tokens revoke {first.pk}` ({SHOWN})."
    )

    assert start(settings, OTHER)[1:] == [warning]
    assert start(settings, OTHER) == [warning]
    assert isinstance(client_of(ONE), Client)
    ClientToken.objects.filter(pk=first.pk).update(revoked_at=timezone.now())
    assert start(settings, OTHER) == []


def test_with_a_new_secret_it_is_found_by_the_older_one(settings: Any) -> None:
    start(settings, ONE)
    settings.SECRET_KEY_FALLBACKS = [settings.SECRET_KEY]
    settings.SECRET_KEY = "another-secret-0123456789-abcdefghijkl"
    assert start(settings, ONE) == []

    settings.SECRET_KEY_FALLBACKS = []
    assert start(settings, ONE) == [
        "The client token of GATEWAY_CLIENT_TOKEN was made: GATEWAY_CLIENT_TOKEN 2, gk-o…1234."
    ], "nobody can use the first any more"
