"""Which keys a request gets by the model that it names."""

from typing import Any

import pytest

from proxyapp.access.model_routes import ModelRoute
from proxyapp.access.token_book import ANYONE, Client
from proxyapp.forwarding.plan import plan
from proxyapp.forwarding.request_body import RequestBody
from proxyapp.forwarding.request_plan import RequestPlan
from proxyapp.pool.changes import PoolChanges
from proxyapp.pool.cooldowns import Cooldowns
from proxyapp.pool.keys_and_groups import PoolKey
from proxyapp.pool.probation import PastRefusals, Recovery
from proxyapp.pool.snapshot import Snapshot, build
from proxyapp.pool.taking import take
from proxyapp.vocabulary.errors import NotAllowed, UnknownGroup, UnknownModel
from proxyapp.vocabulary.model_patterns import pattern_of
from tests.support.snapshots import group


def pool(*fields: dict[str, Any]) -> Snapshot:
    groups = [group(number, f"g{number}", **each) for number, each in enumerate(fields, 1)]
    keys = [PoolKey(each.id, each, f"K{each.id}", "…", "active") for each in groups]
    return build(1, groups, keys, Cooldowns())


THREE = (
    {"models": ["gemini-*"], "aliases": {"fast": "gemini-2.5-flash"}},
    {"models": ["gpt-*", "gemini-2.5-pro"], "aliases": {"fast": "gpt-4o-mini"}},
    {"models": ["claude-*"]},
)


def planned(
    snapshot: Snapshot, model: str, client: Client = ANYONE, prefix: str = ""
) -> RequestPlan:
    return plan(
        snapshot,
        method="POST",
        path=f"{prefix}/v1beta/models/{model}:generateContent".encode(),
        query=None,
        headers=[],
        body=RequestBody(b"{}", length=2),
        client=client,
    )


def route(*arguments: Any, **options: Any) -> ModelRoute:
    found = planned(*arguments, **options).route
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("model", "ring"),
    [
        ("gemini-2.5-flash", "group:1"),
        ("gemini-2.5-pro", "groups:1,2"),
        ("gpt-4o", "group:2"),
        ("claude-x", "group:3"),
    ],
)
def test_a_request_gets_the_keys_of_groups_that_have_its_model(model, ring) -> None:
    made = planned(pool(*THREE), model)

    assert (made.ring, made.route, made.quota_scope) == (ring, None, model)


def test_a_group_without_models_has_every_one() -> None:
    assert planned(pool(*THREE, {}), "gemini-2.5-pro").ring == "groups:1,2,4"
    assert planned(pool(*THREE, {}), "unheard-of").ring == "group:4"
    assert planned(pool({}, {"models": ["*"]}), "any").ring == ""


def test_an_alias_is_no_model_of_a_group_that_names_none() -> None:
    snapshot = pool({"aliases": {"fast": "gemini-2.5-flash"}}, {})

    (only,) = route(snapshot, "fast").choices
    assert (only.ring, only.model) == ("group:1", "gemini-2.5-flash")
    assert planned(snapshot, "gemini-2.5-flash").ring == ""


def test_a_model_that_another_group_has_as_an_alias_stays_a_model() -> None:
    google = {"models": ["gemini-*"], "aliases": {"gpt-4o": "gemini-x"}}
    snapshot = pool(google, {"models": ["gpt-*"]})

    assert [choice.model for choice in route(snapshot, "gpt-4o").choices] == ["gemini-x", "gpt-4o"]


def test_a_request_that_names_no_model_gets_all_keys() -> None:
    made = plan(
        pool(*THREE),
        method="GET",
        path=b"/v1beta/cachedContents",
        query=None,
        headers=[],
        body=RequestBody(),
    )

    assert made.ring == ""


def test_a_model_that_no_group_has_is_said_with_those_that_there_are() -> None:
    with pytest.raises(UnknownModel) as refused:
        planned(pool(*THREE), "llama")

    assert "'llama'" in refused.value.message
    assert "gemini-*, fast, gpt-*, gemini-2.5-pro, claude-*" in refused.value.message


def test_of_groups_that_a_client_may_not_use_nothing_is_said() -> None:
    snapshot, client = pool(*THREE), Client(id=7, groups=frozenset({3}))

    with pytest.raises(UnknownModel) as refused:
        planned(snapshot, "gemini-2.5-pro", client)
    with pytest.raises(UnknownModel) as in_group:
        planned(snapshot, "gpt-4o", prefix="/g/g3")

    assert "There are: claude-*." in refused.value.message
    assert "There are: claude-*." in in_group.value.message
    with pytest.raises(UnknownGroup):
        planned(snapshot, "gpt-4o", prefix="/g/none")


def test_an_alias_leads_to_the_models_that_it_stands_for() -> None:
    found = route(pool(*THREE), "fast")

    assert [choice[:2] for choice in found.choices] == [
        ("group:1", "gemini-2.5-flash"),
        ("group:2", "gpt-4o-mini"),
    ]
    (only,) = route(pool(*THREE), "fast", prefix="/g/g2").choices
    assert only == ("group:2", "gpt-4o-mini", frozenset())


@pytest.mark.parametrize(
    ("patterns", "models"),
    [
        (["fast"], ["gemini-2.5-flash", "gpt-4o-mini"]),
        (["gpt-*"], ["gpt-4o-mini"]),
        (["gemini-2.5-flash"], ["gemini-2.5-flash"]),
    ],
)
def test_a_client_may_use_an_alias_or_what_it_stands_for(patterns, models) -> None:
    client = Client(id=7, models=pattern_of(patterns))

    found = route(pool(*THREE), "fast", client)

    assert [choice.model for choice in found.choices] == models


def test_an_alias_of_what_a_client_may_not_use_is_refused() -> None:
    with pytest.raises(NotAllowed, match="'fast'"):
        planned(pool(*THREE), "fast", Client(id=7, models=pattern_of(["claude-*"])))


def test_an_alias_beside_another_mention_of_it_is_no_way_round_a_limit() -> None:
    body = b'{"model":"fast","models":["fast"]}'

    with pytest.raises(NotAllowed):
        plan(
            pool(*THREE),
            method="POST",
            path=b"/v1/chat/completions",
            query=None,
            headers=[],
            body=RequestBody(body, length=len(body)),
            client=Client(id=7, models=pattern_of(["gpt-4o-mini"])),
        )


def test_what_a_name_leads_to_is_known_until_groups_change() -> None:
    snapshot = pool({"models": ["gemini-*"]}, {"models": ["gpt-*"]})
    assert planned(snapshot, "gpt-4o").ring == "group:2"

    for number in range(3000):  # made-up names are forgotten again
        with pytest.raises(UnknownModel):
            planned(snapshot, f"made-up-{number}")
    assert len(snapshot.model_choices) <= 1000
    news = PoolChanges(
        version=2,
        stamp=2,
        keys={},
        groups=(group(1, "g1", models=["gpt-*"]), group(2, "g2", models=["gemini-*"])),
        read_groups=frozenset(),
        projects=frozenset(),
        cooldowns=[],
        has_tokens=False,
    )
    take(snapshot, Recovery(PastRefusals()), news, 10.0)

    assert planned(snapshot, "gpt-4o").ring == "group:1"


def test_a_pool_whose_groups_name_no_models_has_no_routes() -> None:
    snapshot = pool({}, {})

    assert planned(snapshot, "anything").route is None
    assert not snapshot.routed


def test_fallbacks_are_the_tokens_then_the_groups() -> None:
    snapshot = pool({"fallbacks": {"a": ["b", "c"]}}, {"fallbacks": {"a": ["c", "d"], "x": ["y"]}})
    client = Client(id=7, fallbacks={"a": ["z"]})

    assert list(route(snapshot, "a").then) == ["b", "c", "d"]
    assert list(route(snapshot, "a", client).then) == ["z", "b", "c", "d"]
    assert planned(snapshot, "b").route is None
    assert list(route(pool({}), "a", client).then) == ["z"]
