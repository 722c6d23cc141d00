"""Static files and pages on their way to a browser: kept for good, and packed."""

import gzip
import re

import httpx
import pytest
from django.contrib.staticfiles.storage import staticfiles_storage
from django.test import Client

from gateway.static_files import VersionedStorage, digest
from tests.conftest import MakeGateway
from tests.support.admin_pages import superuser
from tests.support.pool_data import NOW, add_group, add_key, cool

pytestmark = pytest.mark.django_db

STYLES = "unfold/css/styles.css"
PACKED = {"Accept-Encoding": "gzip"}


def versioned(name: str) -> str:
    return f"/static/v-{digest()}/{name}"


def test_an_address_of_this_release_is_kept_for_good():
    answer = Client().get(versioned(STYLES))

    assert answer.status_code == 200
    assert answer["Cache-Control"] == "public, max-age=31536000, immutable"
    assert answer["Content-Type"].startswith("text/css")
    assert Client().get(versioned("unfold/nothing.css")).status_code == 404


def test_another_releases_address_is_answered_and_kept_for_a_minute():
    answer = Client().get(f"/static/v-{'0' * 12}/{STYLES}")

    assert (answer.status_code, answer["Cache-Control"]) == (200, "max-age=60, public")


def test_a_text_is_packed_for_who_takes_it_and_asked_for_again_it_is_the_same():
    client = Client()
    plain = b"".join(client.get(f"/static/{STYLES}").streaming_content)  # type: ignore[attr-defined]
    packed = client.get(f"/static/{STYLES}", headers=PACKED)
    again = client.get(
        f"/static/{STYLES}", headers={**PACKED, "If-None-Match": packed.get("ETag", "")}
    )

    assert gzip.decompress(packed.content) == plain
    assert int(packed["Content-Length"]) == len(packed.content) < len(plain) / 5
    assert "Accept-Encoding" in packed["Vary"]
    assert client.get(f"/static/{STYLES}", headers=PACKED).content == packed.content
    assert again.status_code in (200, 304)


def test_a_font_is_not_packed_again():
    font = "/static/unfold/fonts/inter/Inter-Regular.woff2"

    assert "Content-Encoding" not in Client().get(font, headers=PACKED).headers


def test_addresses_have_the_digest_where_a_server_runs():
    served = VersionedStorage()
    served.is_served = True

    assert served.url("proxyapp/admin.css") == versioned("proxyapp/admin.css")
    assert staticfiles_storage.url("proxyapp/admin.css") == "/static/proxyapp/admin.css"


def test_a_hundred_events_are_at_most_150_kilobytes_on_their_way():
    operator, group = superuser(), add_group()
    for number in range(100):
        cool(add_key(group, f"key-{number}", name=f"name-{number}"), NOW, model="gemini-2.5-pro")

    page = operator.get("/admin/proxyapp/ratelimitevent/", headers=PACKED)

    assert page["Content-Encoding"] == "gzip"
    assert gzip.decompress(page.content).count(b'name="_selected_action"') == 100
    assert len(page.content) <= 150_000


@pytest.mark.parametrize("server", ["daphne", "uvicorn"])
def test_a_running_gateway_has_pages_and_files_packed_and_nothing_that_is_proxied(
    make_gateway: MakeGateway, server: str
):
    gateway = make_gateway(server=server)
    with httpx.Client(base_url=gateway.url, trust_env=False, headers=PACKED) as browser:
        page = browser.get("/admin/login/")
        address = re.findall(r'href="(/static/[^"]+/admin\.css)"', page.text)[0]
        proxied = browser.post(
            "/v1beta/models/gemini-2.5-flash:generateContent", json={"contents": []}
        )

        assert page.headers["Content-Encoding"] == "gzip"
        assert address == versioned("proxyapp/admin.css")
        assert "immutable" in browser.get(address).headers["Cache-Control"]
        assert proxied.status_code == 200
        assert "Content-Encoding" not in proxied.headers
