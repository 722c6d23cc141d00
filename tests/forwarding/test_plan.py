"""What is made of a request before it has a key: whose turn it takes, what its quota counts for."""

import timeit
from collections.abc import Callable
from typing import Any

import pytest

from proxyapp.access.token_book import Client
from proxyapp.forwarding.path_facts import facts_of
from proxyapp.forwarding.plan import LONGEST_PATH_BYTES, plan
from proxyapp.forwarding.request_body import RequestBody
from proxyapp.forwarding.request_plan import RequestPlan
from proxyapp.pool.cooldowns import Cooldowns
from proxyapp.pool.ring_names import ALL_GROUPS
from proxyapp.pool.snapshot import build
from proxyapp.vocabulary.errors import BadRequest, NotAllowed, PathTooLong, UnknownGroup
from proxyapp.vocabulary.model_patterns import pattern_of
from tests.support.snapshots import group, snapshot

PRO = "gemini-2.5-pro"
GENERATE = b"/v1beta/models/gemini-2.5-pro:generateContent"


def planned(path: bytes, method: str = "POST", **given: Any) -> RequestPlan:
    """For a pool of the groups One (1) and Two (2), of which client 7 has its own ring."""
    pool = snapshot()
    pool.add_ring(frozenset({1, 2}))
    body = given.pop("body", b"")
    rest = {"query": None, "headers": [], "client": Client(id=0), **given}
    return plan(pool, method=method, path=path, body=RequestBody(body, length=len(body)), **rest)


@pytest.mark.parametrize(
    ("path", "model", "quota_scope"),
    [
        (b"/v1beta/models/gemini-2.5-pro:generateContent", PRO, PRO),
        (b"/v1beta/models/gemini-2.5-pro:streamGenerateContent", PRO, PRO),
        (b"/v1beta/openai/chat/completions", PRO, PRO),
        (b"/v1beta/interactions", PRO, PRO),
        (b"/v1beta/models/gemini-2.5-pro:countTokens", PRO, f"{PRO}:countTokens"),
        (b"/v1beta/models/gemini-2.5-pro:batchGenerateContent", PRO, f"{PRO}:batchGenerateContent"),
        (b"/v1beta/cachedContents", PRO, "/cachedContents"),
        (b"/v1beta/batches", "", "/batches"),
        (b"/v1beta/models", "", "/models"),
        (b"/upload/v1beta/files", "", "/files"),
    ],
)
def test_a_quota_takes_out_no_more_than_what_it_counts_for(
    path: bytes, model: str, quota_scope: str
):
    assert facts_of(path).quota_scope(model) == quota_scope


def test_a_request_takes_the_turn_of_all_groups_and_the_quota_of_its_model():
    made = planned(b"/v1beta/openai/chat/completions", body=b'{"model": "models/gemini-2.5-pro"}')

    assert (made.ring, made.model, made.quota_scope) == (ALL_GROUPS, PRO, PRO)


def test_a_group_in_the_path_is_cut_off_and_names_the_ring():
    made = planned(b"/g/two" + GENERATE)

    assert (made.ring, made.path) == ("group:2", GENERATE)


@pytest.mark.parametrize("before", [b"/", b"/g/two/", b"/g/"])
def test_a_path_that_no_api_has_is_not_looked_at(before: bytes):
    fitting = before + b"x" * (LONGEST_PATH_BYTES - len(before))

    with pytest.raises(PathTooLong, match="longer than 8192 bytes"):
        planned(fitting + b"x")
    if before != b"/g/":
        assert planned(fitting, query=b"x" * 20_000).path.endswith(b"xx")


def test_a_group_that_does_not_exist_is_not_found():
    with pytest.raises(UnknownGroup):
        planned(b"/g/three" + GENERATE)


@pytest.mark.parametrize(
    ("groups", "path", "ring"),
    [
        ({1, 2}, GENERATE, "groups:1,2"),
        ({1, 2}, b"/g/One" + GENERATE, "group:1"),
    ],
)
def test_a_client_with_groups_takes_the_turn_of_these(groups: set[int], path: bytes, ring: str):
    assert planned(path, client=Client(id=7, groups=frozenset(groups))).ring == ring


@pytest.mark.parametrize(
    ("groups", "path"),
    [({1}, b"/g/Two" + GENERATE), ({1}, b"/g/Three" + GENERATE), (set(), GENERATE)],
)
def test_a_group_of_others_is_refused_as_one_that_does_not_exist(groups: set[int], path: bytes):
    with pytest.raises(NotAllowed):
        planned(path, client=Client(id=7, groups=frozenset(groups)))


def test_a_client_with_models_gets_no_other():
    limited = Client(id=7, models=pattern_of(["gemini-2.5-pro"]))

    assert planned(GENERATE, client=limited).model == PRO
    with pytest.raises(NotAllowed):
        planned(b"/v1beta/models/gemini-2.5-flash:generateContent", client=limited)


def test_the_key_of_the_client_does_not_go_on():
    assert planned(GENERATE, query=b"alt=sse&key=SECRET").query == b"alt=sse"


@pytest.mark.parametrize(
    ("method", "path"), [("TRACE", GENERATE), ("GET", b"/v1beta/../../elsewhere")]
)
def test_what_would_lead_elsewhere_is_refused(method: str, path: bytes):
    with pytest.raises(BadRequest):
        planned(path, method)


def test_an_upstream_with_a_prefix_gets_it_in_front():
    made = planned(GENERATE, query=b"alt=sse")

    assert made.target(b"/proxy") == b"/proxy" + GENERATE + b"?alt=sse"


@pytest.mark.parametrize(
    ("path", "auths", "is_refused"),
    [
        (b"/v1beta/upload/v1beta/files", ("google", "google"), False),
        (b"/v1beta/upload/v1beta/files", ("google", "bearer"), True),
        (b"/v1beta/upload/v1beta/files", ("both", "bearer"), True),
        (b"/upload/v1beta/files", ("google", "bearer"), False),
        (b"/v1/chat/completions", ("google", "bearer"), False),
    ],
)
def test_what_is_allowed_by_its_path_is_so_on_every_path_that_is_sent(
    path: bytes, auths: tuple[str, str], is_refused: bool
):
    """A file is not looked at, but only Gemini's API is known to take this one for a file."""
    groups = [group(number, str(number), auth=auth) for number, auth in enumerate(auths)]
    pool = build(1, groups, [], Cooldowns())
    body = b'{"model": "gemini-2.5-flash"}'
    client = Client(id=7, models=pattern_of(["gemini-2.5-flash"]))

    def allowed() -> RequestPlan:
        return plan(
            pool, method="POST", path=path, query=None, headers=[],
            body=RequestBody(body, length=len(body)), client=client,
        )  # fmt: skip

    if is_refused:
        with pytest.raises(NotAllowed, match="none of those that name one"):
            allowed()
    else:
        assert allowed().written.path == path


def test_a_path_that_needs_no_rewriting_pays_less_than_a_microsecond() -> None:
    made, google = planned(GENERATE), group(1, "google")

    def seconds(work: Callable[[], object]) -> float:
        return min(timeit.repeat(work, number=10_000, repeat=5)) / 10_000

    assert not made.is_rewritten
    more = seconds(lambda: made.sent_to(google, "google"))
    assert more - seconds(lambda: google.prefix_before(GENERATE)) < 1e-6
