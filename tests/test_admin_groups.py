"""The admin's pages of groups."""

from datetime import timedelta

import pytest
import time_machine
from django.test import Client

from proxyapp.models import ApiKey, Group, KeyStatus
from tests.adminpages import GROUP_FORM, PROXY, cells, page, submit, superuser
from tests.pooldata import NOW, add_group, add_key, cool, pool_version, use

pytestmark = pytest.mark.django_db


@pytest.fixture
def operator() -> Client:
    return superuser()


def test_the_list_of_groups_counts_keys_and_available_keys(operator: Client):
    group = add_group("main", proxy_url=PROXY)
    add_key(group, "one")
    cool(add_key(group, "two"), NOW + timedelta(hours=1))
    add_key(group, "three", status=KeyStatus.DISABLED)
    add_group("empty")

    with time_machine.travel(NOW, tick=False):
        html = page(operator, "proxyapp_group_changelist")

    link = f"/admin/proxyapp/apikey/?group__id__exact={group.pk}"
    assert cells(html, "key_count") == ["3", "0"]
    assert cells(html, "available") == ["1", "0"]
    assert cells(html, "proxy") == ["socks5://***@proxy.example:1080", "-"]
    assert f'href="{link}"' in html
    assert f'href="{link}&amp;state=available"' in html


def test_a_new_group_goes_last_and_every_process_hears_of_it(operator: Client):
    add_group("first", position=7)
    version = pool_version()

    html = submit(operator, "proxyapp_group_add", data={**GROUP_FORM, "new_proxy_url": PROXY})

    assert "was added successfully" in html
    group = Group.objects.get(name="main")
    assert (group.position, group.proxy_url) == (8, PROXY)
    assert pool_version() > version


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"name": "FIRST"}, "This name is taken (case does not count)."),
        ({"target_url": "generativelanguage.googleapis.com"}, "The target URL has no scheme"),
        ({"target_url": "https://user:pw-MARKER@host"}, "The target URL has a user or password"),
        ({"new_proxy_url": "ftp://user:pw-MARKER@host:21"}, "is not supported"),
        ({"new_proxy_url": "socks5://***@host:1080"}, "The proxy URL is a masked address"),
    ],
)
def test_a_bad_group_is_refused_as_in_the_config_file(operator: Client, fields: dict[str, str], said: str):
    add_group("first")

    html = submit(operator, "proxyapp_group_add", data={**GROUP_FORM, **fields})

    assert said in html
    assert "new_proxy_url" not in fields or "pw-MARKER" not in html
    assert Group.objects.count() == 1


def test_an_empty_proxy_field_keeps_the_proxy(operator: Client):
    group = add_group("main", proxy_url=PROXY)

    html = submit(operator, "proxyapp_group_change", group.pk, data={**GROUP_FORM, "name": "renamed"})

    assert "was changed successfully" in html
    group.refresh_from_db()
    assert (group.name, group.proxy_url) == ("renamed", PROXY)


def test_a_proxy_is_replaced_or_removed_but_not_both(operator: Client):
    group = add_group("main", proxy_url=PROXY)
    new = "http://other:pw@proxy.example:3128"

    both = submit(
        operator, "proxyapp_group_change", group.pk, data={**GROUP_FORM, "new_proxy_url": new, "remove_proxy": "on"}
    )
    submit(operator, "proxyapp_group_change", group.pk, data={**GROUP_FORM, "new_proxy_url": new})
    replaced = Group.objects.get().proxy_url
    submit(operator, "proxyapp_group_change", group.pk, data={**GROUP_FORM, "remove_proxy": "on"})

    assert "Replace the proxy or remove it, not both." in both
    assert replaced == new
    assert Group.objects.get().proxy_url is None


def test_the_page_of_a_group_shows_its_proxy_masked_and_offers_to_remove_it(operator: Client):
    with_proxy, without = add_group("with", proxy_url=PROXY), add_group("without")

    html = page(operator, "proxyapp_group_change", with_proxy.pk)

    assert "Now: socks5://***@proxy.example:1080. Leave empty to keep it." in html
    assert "remove_proxy" in html
    assert "remove_proxy" not in page(operator, "proxyapp_group_change", without.pk)


def test_the_page_of_a_group_says_since_when_its_target_gets_one_credential(operator: Client):
    group = add_group("main", auth="both", single_credential_since=NOW)

    html = page(operator, "proxyapp_group_change", group.pk)

    assert "both (one credential)" in page(operator, "proxyapp_group_changelist")
    assert "Since 2026-11-24 03:48 UTC this target gets one credential" in html
    assert "Multiple authentication credentials received" in html
    other = add_group("other")
    assert "gets one credential" not in page(operator, "proxyapp_group_change", other.pk)


@pytest.mark.parametrize(
    ("fields", "is_kept"),
    [({"auth": "bearer"}, False), ({"target_url": "https://other.example"}, False), ({"name": "renamed"}, True)],
)
def test_a_change_of_target_or_auth_forgets_that_it_wanted_one_credential(
    operator: Client, fields: dict[str, str], is_kept: bool
):
    group = add_group("main", single_credential_since=NOW)

    submit(operator, "proxyapp_group_change", group.pk, data={**GROUP_FORM, **fields})

    group.refresh_from_db()
    assert (group.single_credential_since is not None) == is_kept


def test_positions_are_edited_in_the_list_and_every_process_hears_of_it(operator: Client):
    one, two = add_group("one"), add_group("two")
    version = pool_version()
    data = {
        "form-TOTAL_FORMS": 2,
        "form-INITIAL_FORMS": 2,
        "form-0-id": one.pk,
        "form-0-position": 5,
        "form-1-id": two.pk,
        "form-1-position": 1,
        "_save": "Save",
    }

    html = submit(operator, "proxyapp_group_changelist", data=data)

    assert "were not changed" not in html
    assert list(Group.objects.values_list("name", flat=True)) == ["two", "one"]
    assert pool_version() == version + 1


def test_deleting_a_group_counts_what_goes_with_it_and_every_process_hears_of_it(operator: Client):
    group = add_group("main", proxy_url=PROXY)
    for label in ("one", "two"):
        key = add_key(group, label)
        cool(key, NOW)
        use(key)
    version = pool_version()

    question = page(operator, "proxyapp_group_delete", group.pk)
    html = submit(operator, "proxyapp_group_delete", group.pk, data={"post": "yes"})

    assert "API keys: 2" in question
    assert "Hours of usage: 2" in question
    assert "was deleted successfully" in html
    assert not ApiKey.objects.exists()
    assert pool_version() == version + 1


def test_ten_thousand_keys_do_not_fill_the_page_that_asks_before_a_group_is_deleted(operator: Client):
    group, small = add_group("large"), add_group("small")
    keys = [ApiKey(group=group, key_hash=f"{n:064}", masked=f"AIza…{n:04}", secret=None) for n in range(10_000)]
    ApiKey.objects.bulk_create(keys, batch_size=2000)

    question = page(operator, "proxyapp_group_delete", group.pk)
    on_change = page(operator, "proxyapp_group_change", group.pk)
    of_small = [page(operator, f"proxyapp_group_{name}", small.pk) for name in ("delete", "change")]

    assert "API keys: 10000" in question
    assert len(question) < len(of_small[0]) + 2_000
    assert "10000 in all" in on_change
    assert len(on_change) < len(of_small[1]) + 2_000
