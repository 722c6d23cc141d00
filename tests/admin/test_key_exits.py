"""A key's own exit in the admin: written, shown without user and password."""

import pytest
from django.test import Client

from proxyapp.models import ApiKey, AuditEntry
from tests.support.admin_pages import PROXY, key_form, page, submit, superuser, text
from tests.support.pool_data import add_group, add_key, pool_version
from tests.support.staff import staff

pytestmark = pytest.mark.django_db(transaction=True)

SHOWN = "socks5://***@proxy.example:1080"
ANOTHER = "http://user:other-MARKER@two.example:8080"
STEERS = ("view_group", "view_apikey", "change_apikey", "add_apikey")


@pytest.fixture
def operator() -> Client:
    return superuser()


@pytest.fixture
def key() -> ApiKey:
    return add_key(add_group("main"), "one", proxy_url=PROXY)


def save(client: Client, key: ApiKey, **fields: str) -> str:
    return submit(client, "proxyapp_apikey_change", key.pk, data=key_form(key.group, **fields))


def exit_of(key: ApiKey) -> str | None:
    key.refresh_from_db()
    return key.proxy_url


def test_the_list_and_the_page_show_it_masked(operator: Client, key: ApiKey):
    shown = page(operator, "proxyapp_apikey_change", key.pk)
    listed = page(operator, "proxyapp_apikey_changelist")

    assert f"Exit {SHOWN}" in text(shown)
    assert f"Now: {SHOWN}. Leave empty to keep it." in text(shown)
    assert f"through {SHOWN}" in text(listed)
    assert "MARKER" not in shown + listed


def test_the_list_shows_which_exit_of_its_group_a_key_has(operator: Client):
    add_key(add_group("main", proxy_pool="direct"), "one")
    add_key(add_group("plain", proxy_url=PROXY), "two")

    listed = text(page(operator, "proxyapp_apikey_changelist"))

    assert listed.count("through") == 1
    assert "through direct" in listed


@pytest.mark.parametrize(
    ("fields", "stored", "told"),
    [
        ({"new_proxy_url": ANOTHER}, ANOTHER, "exit set to http://***@two.example:8080"),
        ({"new_proxy_url": "direct"}, "direct", "exit set to direct"),
        ({"remove_proxy": "on"}, None, "exit removed"),
    ],
)
def test_it_is_replaced_and_removed(operator: Client, key: ApiKey, fields, stored, told):
    version = pool_version()

    html = save(operator, key, **fields)

    assert exit_of(key) == stored
    assert pool_version() > version
    assert told in AuditEntry.objects.get().detail
    assert "MARKER" not in html + AuditEntry.objects.get().detail


def test_an_empty_field_keeps_it(operator: Client, key: ApiKey):
    save(operator, key, name="renamed")

    assert exit_of(key) == PROXY


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"new_proxy_url": "ftp://u:word-MARKER@h"}, "The exit scheme 'ftp' is not supported"),
        ({"new_proxy_url": "http://169.254.169.254"}, "The exit"),
        ({"new_proxy_url": ANOTHER, "remove_proxy": "on"}, "Replace the exit or remove it"),
    ],
)
def test_what_is_wrong_is_said_and_nothing_is_saved(operator: Client, key: ApiKey, fields, said):
    html = save(operator, key, **fields)

    assert said in text(html)
    assert "MARKER" not in html
    assert exit_of(key) == PROXY


@pytest.mark.parametrize("fields", [{"new_proxy_url": ANOTHER}, {"remove_proxy": "on"}])
def test_without_the_right_to_see_keys_nobody_sends_one_through_another_exit(key: ApiKey, fields):
    html = save(staff(*STEERS), key, **fields)

    assert "would go to another host or proxy." in text(html)
    assert exit_of(key) == PROXY


def test_a_new_key_takes_one(operator: Client):
    group = add_group("main")

    submit(
        operator,
        "proxyapp_apikey_add",
        data=key_form(group, new_secret="AIzaSy-new-key-0123456789", new_proxy_url=ANOTHER),
    )

    assert ApiKey.objects.get().proxy_url == ANOTHER
