"""The URL for the parts of an upload is one that the client reaches, whatever stands in between."""

from collections.abc import Iterator
from urllib.parse import urlsplit

import httpx
import pytest

from tests.support import certificates
from tests.support.fake_upstream import FakeUpstream, body_of_bytes
from tests.support.fronts import HOST, NGINX_LINES, any_certificate, nginx
from tests.support.gateway import Gateway, group
from tests.support.tls_gateway import TlsGateway
from tests.support.upload_client import (
    FILES,
    GOOGLE,
    START,
    UploadClient,
    only_upload,
    parts_of,
    uploads_of,
)

PREFIX = "/team/gemini"
SERVERS = ["daphne", "uvicorn"]
DATA = body_of_bytes(700_000)
LINES = {
    "the host with its port": NGINX_LINES,
    "the host in a header of its own": """
            proxy_set_header X-Forwarded-Host $http_host;
            proxy_set_header X-Forwarded-Proto $scheme;
            client_max_body_size 0;
            proxy_request_buffering off;
""",
    "the port in a header of its own": NGINX_LINES.replace("$http_host", "$host")
    + "proxy_set_header X-Forwarded-Port $server_port;\n",
}


@pytest.fixture(scope="module", params=SERVERS)
def gateway(request: pytest.FixtureRequest, shared_upstream: FakeUpstream) -> Iterator[Gateway]:
    groups = [group(["KEY-A", "KEY-B"], shared_upstream.url, "team", auth="google")]
    config = {"server": {"path_prefix": PREFIX}, "groups": groups}
    with Gateway(config, server=request.param, env={"TRUSTED_PROXIES": "127.0.0.1"}) as running:
        yield running


@pytest.fixture
def target(google: FakeUpstream) -> FakeUpstream:
    google.public_url = GOOGLE
    return google


@pytest.mark.parametrize("way", LINES)
@pytest.mark.parametrize("end", ["", "/"], ids=["kept", "cut off"])
def test_behind_a_proxy_with_tls_and_a_prefix(
    gateway: Gateway, target: FakeUpstream, way: str, end: str
) -> None:
    location = f"{PREFIX}/"
    with nginx(gateway.url + end, LINES[way], is_tls=True, location=location) as front:
        own = f"{HOST}:{urlsplit(front).port}"
        for path in (FILES, "/g/team" + FILES):
            with httpx.Client(
                headers={"Host": own}, verify=any_certificate(), trust_env=False, timeout=30
            ) as http:
                begun = http.post(f"{front}{PREFIX}{path}", json={}, headers=START)
                url = begun.headers["x-goog-upload-url"]
                assert url.startswith(f"https://{own}{PREFIX}{path}?")
                last = http.post(
                    url.replace(f"https://{own}", front),
                    content=DATA,
                    headers={
                        "X-Goog-Upload-Command": "upload, finalize",
                        "X-Goog-Upload-Offset": "0",
                    },
                )
            assert last.status_code == 200, last.text
    assert [upload.content == DATA for upload in uploads_of(target)] == [True, True]


@pytest.mark.parametrize("server", SERVERS)
def test_who_is_no_trusted_proxy_says_nothing_of_the_address(
    upstream: FakeUpstream, server: str
) -> None:
    made_up = {
        "X-Forwarded-Host": "evil.example",
        "X-Forwarded-Proto": "https",
        "X-Forwarded-Port": "1",
    }
    groups = [group(["KEY-A"], upstream.url, auth="google")]
    with (
        Gateway({"groups": groups}, server=server) as gateway,
        UploadClient(gateway.url) as client,
    ):
        url = client.begin(**made_up)

    assert url.startswith(gateway.url + FILES)


@pytest.mark.parametrize("server", SERVERS)
def test_over_tls_of_the_gateways_own(upstream: FakeUpstream, server: str) -> None:
    upstream.resources.uploads.granularity = 100_000
    groups = [group(["KEY-A"], upstream.url, auth="google")]
    trust = certificates.client_context()
    with (
        TlsGateway(groups, server=server) as gateway,
        UploadClient(gateway.url, verify=trust) as client,
    ):
        url = client.begin()
        assert url.startswith(gateway.url + FILES)
        assert client.parts(url, DATA, 300_000).status_code == 200

    assert only_upload(upstream).content == DATA


def test_a_target_below_a_path_and_with_two_credentials_gets_its_parts(
    upstream: FakeUpstream,
) -> None:
    upstream.resources.uploads.granularity = 100_000
    groups = [group(["KEY-A"], f"{upstream.url}/mirror")]
    with Gateway({"groups": groups}) as gateway, UploadClient(gateway.url) as client:
        url = client.begin()
        assert client.parts(url, DATA, 300_000).status_code == 200

    assert only_upload(upstream).content == DATA
    for request in parts_of(upstream):
        assert request.path == f"/mirror{FILES}"
        assert request.values("x-goog-api-key") == ["KEY-A"]
        assert request.values("authorization") == []
