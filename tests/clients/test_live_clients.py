"""Real clients talk to the Live API, of which one key has spent its quota."""

from collections.abc import Iterator

import pytest

from tests.clients.running import said_by
from tests.clients.table import ClientRow, another_program
from tests.support import certificates
from tests.support.fake_live import ANSWER, QUOTA_WORDS, TOKENS, FakeLive, Script
from tests.support.gateway import group
from tests.support.tls_gateway import TlsGateway
from tests.support.waiting import wait_for

pytestmark = pytest.mark.clients

MODEL = "gemini-live-2.5-flash"
SERVERS = pytest.mark.parametrize("server", ["daphne", "uvicorn"])


PYTHON = another_program("genai_python_live", "genai_python")
JAVASCRIPT = another_program("genai_js_live.mjs", "genai_js.mjs")


@pytest.fixture
def live() -> Iterator[FakeLive]:
    with FakeLive() as server:
        server.scripts["KEY-A"] = Script(close=(1011, QUOTA_WORDS))
        yield server


@SERVERS
@pytest.mark.parametrize("client", [PYTHON, JAVASCRIPT], ids=lambda client: client.program)
@pytest.mark.parametrize("below", ["", "/g/default"])
def test_a_client_talks_live(client: ClientRow, server: str, below: str, live: FakeLive):
    """google-genai for Python dials TLS only; the one for JS is tried without, too."""
    groups = [group(["KEY-A", "KEY-B"], live.url, auth="google")]
    with TlsGateway(groups, server=server, has_both=True) as gateway:
        file = gateway.directory / "authority.pem"
        file.write_text(certificates.authority())
        trust = dict.fromkeys(("SSL_CERT_FILE", "NODE_EXTRA_CA_CERTS"), str(file))
        urls = [gateway.url, *([gateway.plain_url] if client is JAVASCRIPT else [])]
        steps = [
            {"url": url + below, "step": "live", "call": "live", "model": MODEL}
            for url in [*urls, *urls]
        ]

        said = said_by(client, steps, trust)

        whole = {"said": [ANSWER, ANSWER], "tokens": 2 * TOKENS}
        assert [line.get("said", line) for line in said] == [whole] * len(steps)
        assert live.keys().count("KEY-A") == 1
        wait_for(
            lambda: (
                sum(key["prompt_tokens"] + key["output_tokens"] for key in gateway.keys())
                == 2 * TOKENS * len(steps)
            )
        )
