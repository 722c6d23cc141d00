"""A kind of verdict is said once, by its spec, and stands wherever kinds are shown."""

import ast
import re
from collections.abc import Callable
from datetime import timedelta
from functools import partial
from typing import Any, get_args

import pytest

from proxyapp.admin.parts.badges import Variant, badge
from proxyapp.operators.dashboard import Dashboard
from proxyapp.provider.kind_sets import EVENT_KINDS
from proxyapp.provider.kind_spec import KindSpec, Retry, Scope, Until
from proxyapp.provider.kinds import Kind
from proxyapp.provider.request_use import RequestUse
from proxyapp.provider.verdict import Verdict, of_an_unproven_key
from tests.support.admin_pages import cells, page, superuser, text, value
from tests.support.gateway import ROOT
from tests.support.pool_data import NOW, add_group, add_key, cool
from tests.support.refusals import google, info, judged, violations

RETRY_AFTER = [(b"Retry-After", b"90")]


def unproven() -> Verdict | None:
    dead = REFUSALS[Kind.DEAD_KEY]()
    return dead and of_an_unproven_key(dead, NOW, strikes=0)


# One refusal for each kind.
REFUSALS: dict[Kind, Callable[[], Verdict | None]] = {
    Kind.DAILY: partial(judged, b"", policy="daily"),
    Kind.MINUTE: partial(judged, google("x", 429, "X", violations(("RequestsPerMinute", "10")))),
    Kind.DAY: partial(judged, google("x", 429, "X", violations(("RequestsPerDay", "10")))),
    Kind.NO_QUOTA: partial(judged, google("x", 429, "X", violations(("RequestsPerDay", "0")))),
    Kind.TOO_LARGE: partial(
        judged,
        google("x", 429, "X", violations(("InputTokensPerMinute", "10"))),
        use=RequestUse(llm_tokens=12),
    ),
    Kind.SPEND: partial(judged, google("You exceeded your spend-based rate limit.")),
    Kind.UNKNOWN_LIMIT: partial(judged, b""),
    Kind.BILLING: partial(judged, google("Your prepayment credits are depleted.")),
    Kind.MODEL_BILLING: partial(judged, b"", 402),
    Kind.TOO_DEAR: partial(judged, google("You can only afford 10 tokens.", 402), 402),
    Kind.DEAD_KEY: partial(judged, google("x", 400, "X", info("API_KEY_INVALID")), 400),
    Kind.UNPROVEN: unproven,
    Kind.MODEL_FOR_KEY: partial(judged, google("The caller does not have permission"), 403),
    Kind.EGRESS: partial(judged, google("User location is not supported"), 400),
    Kind.SERVER: partial(judged, b"", 503, headers=RETRY_AFTER),
    Kind.WRONG_KEY: partial(judged, b"", 404, path=b"/v1beta/files/abc"),
    Kind.PROXY_FAULT: partial(judged, b"", 407),
    Kind.REQUEST: partial(judged, b"", 400),
}
WHAT = {
    (Scope.KEY, True): "the model, for the key",
    (Scope.KEY, False): "the key",
    (Scope.PROJECT, True): "the model, in the key's project",
    (Scope.PROJECT, False): "the key's project",
}
WHEN = {
    Until.STATED_DELAY: "the stated delay ({unstated} without one)",
    Until.BACK_OFF: "30 s, doubling to 1 h, until a success",
    Until.SHORT_BACK_OFF: "5 s, doubling to 5 min, until a success",
    Until.MIDNIGHT: "midnight Pacific",
    Until.DAILY_RESET: "the next reset",
    Until.OPERATOR: "`invalid` until an operator enables it, or a test finds that it works",
}
UNSTATED = {60: "60 s", 600: "10 min"}
WHERE_TO = {
    Retry.NEXT_KEY: "next key",
    Retry.OTHER_GROUP: "a key of another group",
    Retry.BACK_OFF: "2 other keys at most, after about 250 ms and 1 s",
    Retry.RELAY: "relayed",
}
each_kind = pytest.mark.parametrize("kind", Kind)
each_kind_of_events = pytest.mark.parametrize("kind", EVENT_KINDS)


@each_kind
def test_a_refusal_is_judged_so_and_the_verdict_is_what_the_spec_says(kind: Kind):
    verdict, spec = REFUSALS[kind](), kind.spec

    assert verdict is not None
    assert (verdict.kind, verdict.scope, verdict.retry) == (kind, spec.scope, spec.retry)
    assert bool(verdict.model) is spec.is_for_model
    assert verdict.takes_out is spec.has_events


@each_kind
def test_its_event_finds_room_in_the_database_and_its_texts_are_there(kind: Kind):
    assert len(kind) <= 20  # the column's
    assert kind.name == kind.upper()
    assert kind.spec.label
    assert kind.spec.meaning
    assert kind.spec.tone in get_args(Variant)


def test_no_two_kinds_have_one_label():
    labels = [kind.spec.label for kind in Kind]

    assert sorted(set(labels)) == sorted(labels)


def out(spec: KindSpec) -> str:
    if not spec.has_events:
        return "nothing"
    what = WHAT[spec.scope, spec.is_for_model]
    if spec.until is Until.NOTHING:
        return f"nothing (with `Retry-After`: {what})"
    when = WHEN[spec.until].format(unstated=UNSTATED.get(spec.unstated_seconds))
    return f"{what}: {when}"


@each_kind
def test_the_page_has_its_row(kind: Kind):
    page = (ROOT / "docs/QUOTA.md").read_text()
    rows = re.findall(rf"^\| `{kind}` \| (.+) \| (.+) \| (.+) \|$", page, re.MULTILINE)

    assert rows == [(kind.spec.meaning, out(kind.spec), WHERE_TO[kind.spec.retry])]


def test_the_page_has_no_row_of_a_kind_that_is_gone():
    page = (ROOT / "docs/QUOTA.md").read_text()
    table = page.partition("| kind | what the provider said |")[2].partition("\n\n")[0]

    assert re.findall(r"^\| `(\w+)` \|", table, re.MULTILINE) == list(Kind)


# The admin.


@pytest.mark.django_db
def test_the_filter_of_events_offers_the_kinds_that_events_can_have():
    html = page(superuser(), "proxyapp_ratelimitevent_changelist")

    offered = re.findall(r'href="\?(?:[^"]*&amp;)?kind=(\w+)', html)
    assert offered == [kind for kind in Kind if kind.spec.has_events]
    assert [kind for kind in EVENT_KINDS if kind.spec.label not in text(html)] == []


@each_kind_of_events
@pytest.mark.django_db
def test_its_event_is_found_by_the_filter_and_shown_with_its_badge_and_meaning(kind: Kind):
    operator = superuser()
    key = add_key(add_group(), "one")
    event = cool(key, NOW + timedelta(hours=1), kind=kind)
    for other in EVENT_KINDS:
        if other is not kind:
            cool(key, NOW + timedelta(hours=1), kind=other)

    listed = page(operator, "proxyapp_ratelimitevent_changelist", kind=kind)
    shown = page(operator, "proxyapp_ratelimitevent_change", event.pk)

    label = kind.spec.label
    assert cells(listed, "kind_badge") == [label]
    assert (value(shown, "Kind"), value(shown, "Meaning")) == (label, kind.spec.meaning)
    assert squeezed(badge(label, kind.spec.tone)) in squeezed(listed)


@each_kind_of_events
@pytest.mark.django_db
def test_its_label_stands_on_the_dashboard_and_on_the_pages_of_keys(kind: Kind):
    operator = superuser()
    key = add_key(add_group(), "one")
    cool(key, NOW + timedelta(hours=1), kind=kind)

    state: dict[str, Any] = Dashboard().snapshot(NOW)
    of_key = page(operator, "proxyapp_apikey_change", key.pk)
    of_keys = page(operator, "proxyapp_apikey_changelist")

    label = kind.spec.label
    assert [row["kind"] for row in (*state["events"], *state["releases"])] == [label] * 2
    assert label in text(of_key)
    assert label in text(of_keys)


@pytest.mark.django_db
def test_an_event_of_a_kind_that_another_version_wrote_is_shown_by_its_name():
    event = cool(add_key(add_group(), "one"), NOW, kind="not_yet_known")

    shown = page(superuser(), "proxyapp_ratelimitevent_change", event.pk)

    assert (value(shown, "Kind"), value(shown, "Meaning")) == ("not yet known", "-")


# One place.


def test_no_other_room_asks_for_a_certain_kind():
    """It asks the spec, which a kind that is added later has, too."""
    naming = {
        path.relative_to(ROOT).as_posix()
        for path in (ROOT / "proxyapp").rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Attribute) and ast.unparse(node.value).split(".")[-1] == "Kind"
    }

    assert naming == {"proxyapp/provider/refusal_rules.py", "proxyapp/provider/verdict.py"}


def test_no_page_and_no_script_knows_a_kind_by_name():
    names = [kind for kind in Kind if "_" in kind]
    files = [
        path
        for folder in ("templates", "proxyapp/static")
        for path in (ROOT / folder).rglob("*")
        if path.suffix in (".html", ".js", ".css")
    ]

    assert files
    assert [path for path in files if any(name in path.read_text() for name in names)] == []


def squeezed(html: str) -> str:
    return "".join(html.split())
