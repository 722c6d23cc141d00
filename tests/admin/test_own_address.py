"""No page takes a target that is the gateway's own address."""

from io import BytesIO
from typing import Any

import pytest
from django.core.handlers.asgi import ASGIRequest
from django.test import Client

from proxyapp.models import Group
from proxyapp.operators.own_addresses import own_addresses
from proxyapp.vocabulary.addresses import leads_to
from tests.support.admin_pages import GROUP_FORM, submit, superuser, text

pytestmark = pytest.mark.django_db
CONFIG = """
groups:
  - name: main
    target_url: http://testserver/v1beta
    api_keys: [AIzaSyA0000000000000000000000000000000a]
"""


@pytest.fixture
def operator() -> Client:
    return superuser()


def test_the_form_of_a_group_refuses_it(operator: Client) -> None:
    html = submit(
        operator, "proxyapp_group_add", data={**GROUP_FORM, "target_url": "http://testserver"}
    )

    assert "The target URL leads back to this gateway: write the provider" in text(html)
    assert not Group.objects.exists()


def test_an_import_refuses_it(operator: Client) -> None:
    html = submit(operator, "import_config", data={"text": CONFIG})

    assert "group 'main': target_url leads back to this gateway" in text(html)
    assert not Group.objects.exists()


def test_each_port_that_is_listened_on_is_its_own(settings: Any) -> None:
    settings.LISTEN_PORTS = [8080, 8443]
    scope = {
        "type": "http",
        "method": "GET",
        "path": "/admin/",
        "scheme": "http",
        "headers": [(b"host", b"localhost:8080")],
        "server": ("127.0.0.1", 8080),
    }

    found = own_addresses(ASGIRequest(scope, BytesIO()))

    assert sorted(found) == [("127.0.0.1", 8080), ("127.0.0.1", 8443)]


@pytest.mark.parametrize(
    ("url", "host", "port", "is_own"),
    [
        ("http://127.0.0.1:8080", "0.0.0.0", 8080, True),
        ("http://localhost:8080/x", "::1", 8080, True),
        ("http://[::ffff:127.0.0.1]:8080", "127.0.0.1", 8080, True),
        ("http://GW.example", "gw.example", 80, True),
        ("https://gw.example", "gw.example", 443, True),
        ("http://127.0.0.1:8081", "127.0.0.1", 8080, False),
        ("http://127.0.0.1:8080", "10.0.0.5", 8080, False),
        ("https://generativelanguage.googleapis.com", "0.0.0.0", 443, False),
        ("http://h:x", "h", 80, False),
    ],
)
def test_what_plainly_is_the_address(url: str, host: str, port: int, is_own: bool) -> None:
    assert leads_to(url, (host, port)) is is_own
