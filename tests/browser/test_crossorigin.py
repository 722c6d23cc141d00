"""A page of another origin uses the gateway by `fetch`, with a client token or without."""

from typing import Any

from playwright.sync_api import Browser

from tests.conftest import MakeGateway
from tests.support.fake_upstream import Connection, FakeUpstream, Recorded
from tests.support.gateway import group
from tests.support.gateway_tokens import make_tokens
from tests.support.raw_client import exchange
from tests.support.waiting import wait_for

MODEL = "/v1beta/models/gemini-2.5-flash:generateContent"
ASK = """async ([url, headers]) => {
    const all = {"Content-Type": "application/json", ...headers};
    const options = {method: "POST", headers: all, body: "{}"};
    const answer = await fetch(url, options);
    const body = await answer.json();
    const code = body.error ? body.error.code : "answered";
    return [answer.status, answer.headers.get("retry-after") !== null, code];
}"""


async def show_app(request: Recorded, connection: Connection) -> None:
    await connection.send(
        b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 13\r\n\r\n<title>An app"
    )


def test_a_page_with_a_token_reads_answers_and_refusals(
    browser: Browser, make_gateway: MakeGateway, upstream: FakeUpstream
) -> None:
    groups = [
        group([f"KEY-{name}"], upstream.url, name, auth="google") for name in ("good", "spent")
    ]
    gateway = make_gateway(groups=groups)
    token = make_tokens(gateway, {"page": {}})["page"]
    upstream.exhausted("KEY-spent")
    upstream.on("/page", show_app)
    wait_for(lambda: exchange(gateway.url, "GET", "/v1beta/models").status == 401)
    page = browser.new_page()
    page.goto(f"{upstream.url}/page")

    def ask(group_name: str, headers: dict[str, str]) -> Any:
        return page.evaluate(ASK, [f"{gateway.url}/g/{group_name}{MODEL}", headers])

    assert ask("good", {"Authorization": f"Bearer {token}"}) == [200, False, "answered"]
    assert ask("good", {"x-goog-api-key": token}) == [200, False, "answered"]
    assert ask("good", {}) == [401, False, 401]
    assert ask("spent", {"x-goog-api-key": token}) == [429, True, 429]
    assert ask("spent", {"x-goog-api-key": token}) == [429, True, 429], "and so it is later on"
    page.context.close()


def test_without_tokens_a_page_of_this_machine_needs_none(
    browser: Browser, make_gateway: MakeGateway, upstream: FakeUpstream
) -> None:
    """To the browser `localhost` is another site than `127.0.0.1`."""
    gateway = make_gateway()
    upstream.on("/page", show_app)
    page = browser.new_page()
    page.goto(f"{upstream.url}/page".replace("127.0.0.1", "localhost"))

    answered = page.evaluate(ASK, [f"{gateway.url}{MODEL}", {"x-goog-api-key": "any"}])
    refused = page.evaluate(ASK, [f"{gateway.url}/g/none{MODEL}", {}])

    assert answered == [200, False, "answered"]
    assert refused == [404, False, 404]
    methods = [request.method for request in upstream.requests]
    assert [method for method in methods if method != "GET"] == ["POST"]
    page.context.close()
