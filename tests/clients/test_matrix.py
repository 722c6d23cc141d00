"""Real clients in front of the real gateway, each pointed at it as docs/CLIENTS.md says.

`make test-clients` installs them and runs this. What a client cannot be asked stands in the table.
"""

import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pytest

from proxyapp.access.admission import BAD_TOKEN
from tests.clients.running import said_by
from tests.clients.steps import MODEL, asks, steps_at
from tests.clients.table import CLIENTS, GATEWAY, NO_LIST, OPENAI, URLS, ClientRow
from tests.conftest import MakeGateway
from tests.support.fake_gemini import MODELS, PROMPT_TOKENS, TEXT
from tests.support.fake_http import Recorded
from tests.support.fake_upstream import FakeUpstream
from tests.support.gateway import Gateway
from tests.support.gateway_tokens import make_tokens
from tests.support.waiting import wait_for

pytestmark = pytest.mark.clients

SPENT_MODEL, NO_MODEL = "gemini-2.5-pro", "nope"
SPENT_KEY, OTHER_KEY = "KEY-A", "KEY-B"
ERROR_TEXT = "is not found for API version"


Start = Callable[[str], Gateway]


@pytest.fixture
def start(make_gateway: MakeGateway, upstream: FakeUpstream) -> Start:
    """Starts a gateway with two keys, of which one has spent its day for one model."""
    upstream.refuse(SPENT_KEY, model=SPENT_MODEL)
    keys = [SPENT_KEY, OTHER_KEY]
    return lambda server: make_gateway(keys, rate_limit_policy="quota_aware", server=server)


def more_steps(url: str, client: ClientRow) -> list[dict[str, str]]:
    """An error, also where a stream is due, and as many questions as there are keys."""
    ask = {"url": url, "call": asks(client)}
    in_a_stream = {**ask, "step": "error of a stream", "model": NO_MODEL, "call": "stream"}
    return [
        {**ask, "step": "error", "model": NO_MODEL},
        *([] if client.is_command else [in_a_stream]),
        {**ask, "step": "failover 1", "model": SPENT_MODEL},
        {**ask, "step": "failover 2", "model": SPENT_MODEL},
    ]


def text_of(line: Mapping[str, Any]) -> str:
    """In one line: a terminal breaks them anywhere."""
    return " ".join(f"{line.get('said')} {line.get('error')}".split())


def is_right(line: Mapping[str, Any]) -> bool:
    step, said = line["step"], line.get("said")
    if step.startswith("error"):
        return ERROR_TEXT in text_of(line)
    if step == "embed":
        return bool(said == [0.25, -0.5, 1.0])
    if step == "models":
        return {name.rpartition("/")[2] for name in said or []} >= set(MODELS)
    return TEXT in str(said)


def wrong(said: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [line for line in said if not is_right(line)]


def tells_usage(request: Recorded) -> bool:
    """Whether the fake upstream's answer said how many LLM tokens the request cost."""
    if request.method != "POST" or NO_MODEL in request.path or is_refused(request):
        return False
    if "/openai/" not in request.path:
        return request.path.endswith("enerateContent")
    asked = request.json()
    is_silent = asked.get("stream") and not (asked.get("stream_options") or {}).get("include_usage")
    return asked["model"] != NO_MODEL and not is_silent


def is_refused(request: Recorded) -> bool:
    return request.key == SPENT_KEY and SPENT_MODEL in f"{request.path} {request.body!r}"


def counted(gateway: Gateway) -> int:
    return sum(key["prompt_tokens"] for key in gateway.keys())


def case(client: ClientRow, *more: str) -> Any:
    is_left_out = client.newest_python is not None and sys.version_info[:2] > client.newest_python
    why = f"{client.package} wants an older Python"
    return pytest.param(
        client,
        *more,
        id="-".join([client.program, *more]),
        marks=pytest.mark.skipif(is_left_out, reason=why),
    )


def each(clients: Sequence[ClientRow]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("client", [case(client) for client in clients])


# A command, which takes its time, stands behind the default server alone.
BEHIND = [
    case(client, server)
    for client in CLIENTS
    for server in (["daphne"] if client.is_command else ["daphne", "uvicorn"])
]


@pytest.mark.parametrize(("client", "server"), BEHIND)
def test_a_client_works_as_its_row_says(
    client: ClientRow, server: str, start: Start, upstream: FakeUpstream
) -> None:
    gateway = start(server)
    url = client.url.replace(GATEWAY, gateway.url)
    steps = [*steps_at(url, client), *more_steps(url, client)]

    said = said_by(client, steps)

    assert wrong(said) == []
    assert [line["step"] for line in said] == [step["step"] for step in steps]
    assert [request.key for request in upstream.requests if is_refused(request)] == [SPENT_KEY]
    expected = PROMPT_TOKENS * sum(map(tells_usage, upstream.requests))
    assert expected
    wait_for(lambda: counted(gateway) == expected)


@each(CLIENTS)
def test_a_client_works_with_what_people_type_first(client: ClientRow, start: Start) -> None:
    gateway = start("uvicorn")
    steps = [
        step
        for typed in [*client.typed, f"/g/default{URLS[client.speaks]}"]
        for step in steps_at(gateway.url + typed, client)
        if step["call"] == asks(client) or not client.is_command
        if (client.speaks, typed, step["call"]) != (OPENAI, NO_LIST, "models")
    ]

    said = said_by(client, steps)

    assert wrong(said) == []
    assert len(said) == len(steps)


@each([client for client in CLIENTS if client.environment])
def test_a_client_works_with_its_environment_and_a_client_token(
    client: ClientRow, start: Start
) -> None:
    """The key of the program's own is any text, and so none that is known."""
    gateway = start("daphne")
    token = make_tokens(gateway, {"one": {}})["one"]
    variables = {
        name: token if value == "any" else value.replace(GATEWAY, gateway.url)
        for name, value in client.environment.items()
    }
    ask = {"call": asks(client), "model": MODEL}
    without_token = {**ask, "url": client.url.replace(GATEWAY, gateway.url), "step": "error"}

    good, refused = said_by(client, [{**ask, "url": "", "step": "ask"}, without_token], variables)

    assert wrong([good]) == []
    assert BAD_TOKEN in text_of(refused)
