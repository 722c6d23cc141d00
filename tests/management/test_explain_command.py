"""`manage.py explain`: which key would answer, and why the others would not."""

import json
from datetime import UTC, datetime, timedelta
from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from proxyapp.management.commands import explain as command
from tests.support.client_tokens import add_token
from tests.support.pool_data import add_group, add_key, cool, secret

pytestmark = pytest.mark.django_db
FLASH = "gemini-2.5-flash"


def explain(*arguments: str, model: str = FLASH) -> str:
    output = StringIO()
    call_command("explain", "--model", model, *arguments, stdout=output)
    return output.getvalue()


def test_the_next_key_comes_first_and_the_others_say_why_not() -> None:
    group = add_group()
    until = datetime.now(UTC).replace(microsecond=0) + timedelta(hours=1)
    cooling = add_key(group, "bbbb", name="phone")
    event = cool(cooling, until, kind="day", model=FLASH)
    laptop = add_key(group, "aaaa", name="laptop", project="alpha")

    shown = explain()

    lines = shown.splitlines()
    assert lines[0].startswith(f"Next: key {laptop.pk} laptop of group main, for {FLASH}: ")
    assert lines[2] == f"{FLASH} (asked for): 1 of 2 keys can answer"
    assert lines[5].split()[:5] == ["→", str(laptop.pk), "main", "laptop", "alpha"]
    assert f"cooling: day limit (event {event.pk})" in lines[6]
    assert secret("aaaa") not in shown


def test_programs_get_every_reason_with_its_time() -> None:
    group = add_group()
    until = datetime.now(UTC).replace(microsecond=0) + timedelta(hours=1)
    key = add_key(group, "bbbb", name="phone")
    event = cool(key, until, kind="day", model=FLASH)
    end = until.isoformat().replace("+00:00", "Z")

    found = json.loads(explain("--json"))

    assert (found["answers"], found["problem"]) == (None, None)
    (step,) = found["steps"]
    assert (step["next"], step["how"], step["back_at"]) == (None, None, end)
    assert step["counts"] == {"cooling": 1}
    assert step["keys"] == [
        {
            "id": key.pk,
            "name": "phone",
            "masked": key.masked,
            "group": "main",
            "project": "",
            "reason": "cooling",
            "detail": "day limit",
            "until": end,
            "event": event.pk,
        }
    ]
    assert "No key can answer now. The first is back at" in explain()


def test_many_keys_are_counted_and_the_first_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(command, "MOST_KEYS", 2)
    group = add_group()
    for name in ("aaaa", "bbbb", "cccc"):
        add_key(group, name)
    assert explain().splitlines()[-1] == "and 1 more: --all shows them."
    assert "more" not in explain("--all")
    (step,) = json.loads(explain("--json"))["steps"]
    assert (step["counts"], len(step["keys"])) == ({"can answer": 3}, 2)


def test_a_token_and_a_group_that_do_not_fit_say_so() -> None:
    main, other = add_group("main"), add_group("other")
    add_key(main, "aaaa")
    add_key(other, "bbbb")
    add_token("app", groups=[main])
    assert "The token may not use: other." in explain("--token", "app")
    assert "may not use the keys of the group 'other'" in explain(
        "--token", "app", "--group", "other"
    )
    with pytest.raises(CommandError, match="No token fits"):
        explain("--token", "nobody")
    with pytest.raises(CommandError, match="Which model"):
        explain(model=" ")
