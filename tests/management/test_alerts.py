"""`manage.py alerts`."""

import json
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from proxyapp.models import AlertChannel
from tests.support.webhook import webhook

pytestmark = pytest.mark.django_db


def run(*words: str) -> str:
    out = StringIO()
    call_command("alerts", *words, stdout=out)
    return out.getvalue()


def test_channels_are_listed_without_their_secrets():
    assert "There is no channel." in run("list")
    AlertChannel.objects.create(name="ops", url="slack://TOKEN/MARKER/x", kinds="spool")
    found: list[dict[str, Any]] = json.loads(run("list", "--json"))
    assert (found[0]["name"], found[0]["url"], found[0]["kinds"]) == ("ops", "slack://…", ["spool"])
    assert "slack://…" in run("list")
    assert "MARKER" not in run("list") + str(found)


def test_a_test_reaches_the_channels_that_are_named():
    with webhook() as hook:
        AlertChannel.objects.create(name="ops", url=hook.url)
        AlertChannel.objects.create(name="lost", url="slack://short")
        assert run("test", "OPS") == "ops: the service took the test.\n"
        with pytest.raises(CommandError, match="1 of 2 tests did not arrive"):
            run("test")
        with pytest.raises(CommandError, match="There is no channel 'x'"):
            run("test", "x")
    assert len(hook.told) == 2
