"""`manage.py groups`: whether a target gets one credential, and the way back to two."""

from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from proxyapp.models import AuditEntry
from proxyapp.pool.single_credential import keep_single_credential
from tests.support.pool_data import NOW, add_group, pool_version

pytestmark = pytest.mark.django_db


def groups(*arguments: str) -> str:
    output = StringIO()
    call_command("groups", *arguments, stdout=output)
    return output.getvalue()


def test_it_says_since_when_a_target_gets_one_credential_and_ends_that():
    group = add_group("main", auth="both")
    assert groups("credentials", "main").endswith("has not refused two credentials.\n")
    keep_single_credential(group.pk, NOW)

    assert groups("credentials", "MAIN") == (
        "Group main: its target gets one credential since 2026-11-24 03:48 UTC.\n"
    )
    version = pool_version()
    assert groups("credentials", "main", "--reset").endswith("are tried again.\n")

    group.refresh_from_db()
    assert group.single_credential_since is None
    assert pool_version() == version + 1
    assert list(AuditEntry.objects.order_by("pk").values_list("actor", "detail")) == [
        ("gateway", "one credential: its target refuses two"),
        ("command: groups credentials", "two credentials are tried again"),
    ]
    assert groups("credentials", "main", "--reset").endswith("nothing to reset.\n")


def test_an_unknown_group_is_an_error():
    with pytest.raises(CommandError, match="There is no group 'x'"):
        groups("credentials", "x")
