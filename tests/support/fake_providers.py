"""OpenAI, Anthropic, OpenRouter, Azure and Vertex AI, as far as docs/PROVIDERS.md shows them.

One real server with TLS answers for all of their hosts, and a proxy leads each host to it: a group
is tested with the target that its example names. It is strict: exactly one credential, in the place
that the host takes it, and the paths and headers that it has.
"""

import asyncio
import json
import ssl
import time
from collections.abc import Mapping
from typing import Any, Self
from urllib.parse import parse_qs, unquote

from cryptography import x509

from tests.support import certificates
from tests.support.fake_http import Connection, Recorded
from tests.support.fake_upstream import FakeUpstream
from tests.support.proxies import HttpProxy, either
from tests.support.service_accounts import account, decoded_assertion

PROMPT, OUTPUT = 12, 5
BEARER, GOOG = "authorization", "x-goog-api-key"
OPENAI, ANTHROPIC, OPENROUTER = "api.openai.com", "api.anthropic.com", "openrouter.ai"
AZURE, EXPRESS, TOKENS = (
    "my-resource.openai.azure.com",
    "aiplatform.googleapis.com",
    "oauth2.googleapis.com",
)
VERTEX = "europe-west4-aiplatform.googleapis.com"
PLACES = {
    OPENAI: BEARER,
    ANTHROPIC: "x-api-key",
    OPENROUTER: BEARER,
    AZURE: "api-key",
    EXPRESS: GOOG,
    VERTEX: BEARER,
}
CREDENTIALS = (BEARER, GOOG, "x-api-key", "api-key")
JSON = [("Content-Type", "application/json")]
EVENTS = [("Content-Type", "text/event-stream")]
Reply = tuple[int, Any]


class Detour(HttpProxy):
    """Leads every tunnel to one server, whatever host is asked for."""

    def __init__(self, port: int) -> None:
        super().__init__()
        self.server_port = port

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await self._read_request(reader)
        upstream = await asyncio.open_connection("127.0.0.1", self.server_port)
        writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
        await either(
            _carry(reader, upstream[1]), _carry(upstream[0], writer), closing=(upstream[1], writer)
        )


async def _carry(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
    while data := await source.read(65536):
        sink.write(data)
        await sink.drain()


class FakeProviders:
    """`accounts`: private keys of the service accounts that get tokens, by their names."""

    def __init__(self) -> None:
        self.certificate = certificates.pem(
            "providers", tuple(x509.DNSName(host) for host in (*PLACES, TOKENS))
        )
        context: ssl.SSLContext = certificates.server_context(self.certificate)
        self.server = FakeUpstream(strict=False, tls=context)
        self.keys: dict[str, str] = {}
        own = account()
        self.accounts: dict[str, str] = {own["client_email"]: own["private_key"]}
        self.tokens: dict[str, float] = {}
        self.token_seconds = 3600
        self.refusals: dict[str, Reply] = {}
        self.minted = 0

    def __enter__(self) -> Self:
        self.server.__enter__()
        self.server.on("", self._answer)
        self.proxy = Detour(self.server.port)
        self.proxy.__enter__()
        return self

    def __exit__(self, *error: Any) -> None:
        self.proxy.__exit__(*error)
        self.server.__exit__(*error)

    def way(self) -> dict[str, str]:
        """What a group has besides its example."""
        return {
            "proxy_url": self.proxy.url,
            "ca_certificates": certificates.authority(self.certificate),
        }

    def of(self, host: str) -> list[Recorded]:
        return [request for request in self.server.requests if request.value("host") == host]

    async def _answer(self, request: Recorded, connection: Connection) -> None:
        host = request.value("host")
        status, body = self._reply(host, request)
        if isinstance(body, list):
            await connection.answer(status, b"".join(body), EVENTS)
        else:
            await connection.answer(status, json.dumps(body).encode(), JSON)

    def _reply(self, host: str, request: Recorded) -> Reply:
        if host in self.refusals:
            return self.refusals[host]
        if host == TOKENS:
            return self._token(request)
        found = credentials_in(request)
        place = PLACES.get(host, BEARER)
        key = found.get(place, "").removeprefix("Bearer " if place == BEARER else "")
        if set(found) != {place}:
            return 401, {"error": {"message": f"credentials in {sorted(found)}, not in {place}"}}
        is_known = (
            self.tokens.get(key, 0) > time.time() if host == VERTEX else key == self.keys[host]
        )
        if not is_known:
            return 401, {"error": {"message": "Incorrect API key", "code": "invalid_api_key"}}
        return REPLIES.get(host, openai)(request)

    def _token(self, request: Recorded) -> Reply:
        """RFC 7523, as Google has it."""
        form = parse_qs(request.body.decode())
        claims = decoded_assertion(form["assertion"][0], self.accounts)
        is_right = (
            request.path == "/token"
            and form["grant_type"] == ["urn:ietf:params:oauth:grant-type:jwt-bearer"]
            and claims is not None
            and claims["aud"] == f"https://{TOKENS}/token"
            and "cloud-platform" in claims["scope"]
            and claims["iat"] <= time.time() + 60 < claims["exp"]
        )
        if not is_right:
            return 400, {"error": "invalid_grant", "error_description": "Invalid JWT Signature."}
        self.minted += 1
        token = f"ya29.token-number-{self.minted:020}"
        self.tokens[token] = time.time() + self.token_seconds
        return 200, {
            "access_token": token,
            "expires_in": self.token_seconds,
            "token_type": "Bearer",
        }


def credentials_in(request: Recorded) -> dict[str, str]:
    """By their place: what any provider takes for one, and doubled ones with a comma."""
    found = {name: request.value(name) for name in CREDENTIALS if request.values(name)}
    for part in filter(None, request.query.split("&")):
        name, _, value = part.partition("=")
        if unquote(name).lower() in ("key", "api_key", "api-key"):
            found[f"?{name}"] = value
    return found


def openai(request: Recorded) -> Reply:
    if request.method == "GET" and request.path == "/v1/models":
        return 200, {"object": "list", "data": [{"id": "gpt-4o-mini", "object": "model"}]}
    if request.path != "/v1/chat/completions":
        return 404, {"error": {"message": f"Invalid URL ({request.method} {request.path})"}}
    return 200, chat(request)


def chat(request: Recorded) -> Any:
    asked: Mapping[str, Any] = request.json()
    usage = {"prompt_tokens": PROMPT, "completion_tokens": OUTPUT, "total_tokens": PROMPT + OUTPUT}
    head = {"id": "chatcmpl-1", "created": 1, "model": asked.get("model", "gpt-4o")}
    if not asked.get("stream"):
        message = {"role": "assistant", "content": "Hello."}
        choice = {"index": 0, "message": message, "finish_reason": "stop"}
        return {**head, "object": "chat.completion", "choices": [choice], "usage": usage}
    head["object"] = "chat.completion.chunk"
    deltas = [{"role": "assistant", "content": "Hel"}, {"content": "lo."}]
    events = [{**head, "choices": [{"index": 0, "delta": delta}]} for delta in deltas]
    if (asked.get("stream_options") or {}).get("include_usage"):
        events.append({**head, "choices": [], "usage": usage})
    return [*(b"data: %s\n\n" % json.dumps(one).encode() for one in events), b"data: [DONE]\n\n"]


def openrouter(request: Recorded) -> Reply:
    if request.method == "GET" and request.path == "/api/v1/key":
        return 200, {"data": {"label": "sk-or-v1-…", "usage": 0}}
    if request.path != "/api/v1/chat/completions":
        return 404, {"error": {"code": 404, "message": "Not found"}}
    return 200, chat(request)


def azure(request: Recorded) -> Reply:
    if "api-version=2024-10-21" not in request.query.split("&"):
        return 404, {"error": {"code": "404", "message": "Resource not found"}}
    if request.method == "GET" and request.path == "/openai/models":
        return 200, {"object": "list", "data": []}
    if request.path != "/openai/deployments/gpt-4o/chat/completions":
        return 404, {"error": {"code": "DeploymentNotFound", "message": "There is none."}}
    return 200, chat(request)


def anthropic(request: Recorded) -> Reply:
    if request.value("anthropic-version") != "2023-06-01":
        said = "anthropic-version: header is required"
        return 400, {"type": "error", "error": {"type": "invalid_request_error", "message": said}}
    if request.method == "GET" and request.path == "/v1/models":
        return 200, {"data": [{"type": "model", "id": "claude-sonnet-4-5"}], "has_more": False}
    if request.path != "/v1/messages":
        return 404, {"type": "error", "error": {"type": "not_found_error", "message": "Not found"}}
    head = {"id": "msg_1", "type": "message", "role": "assistant", "model": request.json()["model"]}
    if not request.json().get("stream"):
        usage = {"input_tokens": PROMPT, "output_tokens": OUTPUT}
        text = {"type": "text", "text": "Hello."}
        return 200, {**head, "content": [text], "stop_reason": "end_turn", "usage": usage}
    begun = {**head, "content": [], "usage": {"input_tokens": PROMPT, "output_tokens": 1}}
    delta = {"type": "text_delta", "text": "Hello."}
    return 200, [
        b"event: %s\ndata: %s\n\n" % (str(event["type"]).encode(), json.dumps(event).encode())
        for event in (
            {"type": "message_start", "message": begun},
            {"type": "content_block_start", "index": 0, "content_block": {"type": "text"}},
            {"type": "content_block_delta", "index": 0, "delta": delta},
            {"type": "content_block_stop", "index": 0},
            {
                "type": "message_delta",
                "delta": {"stop_reason": "end_turn"},
                "usage": {"output_tokens": OUTPUT},
            },
            {"type": "message_stop"},
        )
    ]


def express(request: Recorded) -> Reply:
    return vertex(request, ("/v1/publishers/google", "/v1beta1/publishers/google"))


def of_project(request: Recorded) -> Reply:
    base = "/v1/projects/my-project/locations/europe-west4"
    if request.path == f"{base}/endpoints/openapi/chat/completions":
        return 200, chat(request)
    return vertex(request, (f"{base}/publishers/google",))


def vertex(request: Recorded, bases: tuple[str, ...]) -> Reply:
    for base in bases:
        if request.path == f"{base}/models/gemini-2.5-flash:countTokens":
            return 200, {"totalTokens": 1}
        if request.path == f"{base}/models/gemini-2.5-flash:generateContent":
            return 200, generated()
        if request.path == f"{base}/models/gemini-2.5-flash:streamGenerateContent":
            return 200, [b"data: %s\n\n" % json.dumps(generated()).encode()]
    return 404, {"error": {"code": 404, "message": "Not found", "status": "NOT_FOUND"}}


def generated() -> dict[str, Any]:
    usage = {"promptTokenCount": PROMPT, "candidatesTokenCount": OUTPUT}
    content = {"role": "model", "parts": [{"text": "Hello."}]}
    return {
        "candidates": [{"content": content, "finishReason": "STOP"}],
        "usageMetadata": {**usage, "totalTokenCount": PROMPT + OUTPUT},
    }


REPLIES = {
    OPENROUTER: openrouter,
    AZURE: azure,
    ANTHROPIC: anthropic,
    EXPRESS: express,
    VERTEX: of_project,
}
