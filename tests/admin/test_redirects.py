"""Who may send keys that are there to another host or proxy."""

import pytest
from django.contrib.auth.models import User
from django.test import Client

from proxyapp.models import ApiKey, AuditEntry, Group
from tests.support.admin_pages import GROUP_FORM, PROXY, key_form, submit, superuser, text
from tests.support.certificates import authority
from tests.support.fake_upstream import FakeUpstream
from tests.support.pool_data import add_group, add_key, pool_version, secret
from tests.support.staff import staff

pytestmark = pytest.mark.django_db(transaction=True)

GOOGLE = GROUP_FORM["target_url"]
ELSEWHERE = "https://keys.evil.example"
STEERS = ("view_group", "change_group", "add_group", "view_apikey", "change_apikey", "add_apikey")
REFUSED = "Can see API keys in clear"
WANTS = f"This wants the right “{REFUSED}”"
PRUNES = ("delete_group", "delete_apikey")


@pytest.fixture
def operator() -> Client:
    return staff(*STEERS, "import_config")


@pytest.fixture
def key() -> ApiKey:
    return add_key(add_group("main"), "MARKER", name="first")


def import_file(client: Client, yaml: str, **fields: str) -> str:
    """To the end: what is shown is then imported."""
    html = submit(client, "import_config", data={"text": yaml, **fields})
    carried = html.partition('name="carried" value="')[2].partition('"')[0]
    return submit(client, "import_config", data={"carried": carried}) if carried else html


def save_group(client: Client, pk: int, **changes: str) -> str:
    return submit(client, "proxyapp_group_change", pk, data={**GROUP_FORM, **changes})


def config(*groups: str) -> str:
    return "groups:\n" + "".join(f"  - {group}\n" for group in groups)


@pytest.mark.parametrize(
    "change",
    [
        {"target_url": ELSEWHERE},
        {"target_url": "http://generativelanguage.googleapis.com"},
        {"target_url": f"{GOOGLE}:8443"},
        {"target_url": "https://generativelanguage.googleapis.com.evil.example"},
        {"new_proxy_url": "http://127.0.0.1:9"},
        {"ca_certificates": authority()},
        {"allow_link_local": "on"},
    ],
    ids=lambda change: next(iter(change)),
)
def test_without_the_right_to_see_keys_nobody_sends_them_elsewhere(
    operator: Client, key: ApiKey, change: dict[str, str]
):
    version = pool_version()

    html = save_group(operator, key.group_id, **change, weight="7")

    assert (
        f"1 key of this group would go to another host or proxy. This wants the right “{REFUSED}”"
        in text(html)
    )
    assert 'value="7"' in html
    group = Group.objects.get()
    assert (group.target_url, group.proxy_url, group.weight) == (GOOGLE, None, 1)
    assert (group.ca_certificates, group.allow_link_local) == ("", False)
    assert pool_version() == version
    assert not AuditEntry.objects.exists()


@pytest.mark.parametrize(
    "change", [{"new_proxy_url": "socks5://evil.example:1"}, {"remove_proxy": "on"}]
)
def test_nor_through_another_proxy_or_none(operator: Client, change: dict[str, str]):
    add_key(add_group("main", proxy_url=PROXY), "one")

    html = save_group(operator, Group.objects.get().pk, **change)

    assert REFUSED in html
    assert Group.objects.get().proxy_url == PROXY
    assert "pass-MARKER" not in html


@pytest.mark.parametrize(
    "change",
    [
        {"target_url": f"{GOOGLE}/v1beta/projects"},
        {"target_url": f"{GOOGLE}:443"},
        {"auth": "bearer"},
        {"rate_limit_policy": "quota_aware"},
        {"name": "renamed", "priority": "2"},
    ],
    ids=str,
)
def test_what_sends_no_key_elsewhere_is_free(operator: Client, key: ApiKey, change: dict[str, str]):
    save_group(operator, key.group_id, **change)

    group = Group.objects.get()
    assert all(str(getattr(group, name)) == value for name, value in change.items())


def test_on_other_hosts_the_path_says_whose_endpoint_it_is(operator: Client):
    group = add_group("main", target_url="https://gateway.example/tenants/us/")
    add_key(group, "one")

    refused = save_group(operator, group.pk, target_url="https://gateway.example/tenants/them")
    free = save_group(operator, group.pk, target_url="https://Gateway.example/tenants/us")

    assert REFUSED in refused
    assert REFUSED not in free
    assert Group.objects.get().target_url.lower() == "https://gateway.example/tenants/us"


def test_a_group_without_keys_is_free_and_takes_new_keys(operator: Client):
    group = add_group("main")

    save_group(operator, group.pk, target_url=ELSEWHERE)
    submit(operator, "proxyapp_apikey_add", data=key_form(group, new_secret=secret("own")))

    group.refresh_from_db()
    assert group.target_url == ELSEWHERE
    assert group.keys.count() == 1


def test_a_key_is_not_moved_to_a_group_that_sends_it_elsewhere(operator: Client, key: ApiKey):
    evil, same = (
        add_group("evil", target_url=ELSEWHERE),
        add_group("same", target_url=f"{GOOGLE}/x"),
    )

    html = submit(operator, "proxyapp_apikey_change", key.pk, data=key_form(evil, name="x"))
    assert (
        f"1 key of group main would go to another host or proxy. This wants the right “{REFUSED}”"
        in text(html)
    )
    key.refresh_from_db()
    assert (key.group.name, key.name) == ("main", "first")

    submit(operator, "proxyapp_apikey_change", key.pk, data=key_form(same, name="x"))
    key.refresh_from_db()
    assert key.group == same


def test_a_key_that_is_replaced_may_go_anywhere(operator: Client, key: ApiKey):
    evil = add_group("evil", target_url=ELSEWHERE)

    submit(
        operator, "proxyapp_apikey_change", key.pk, data=key_form(evil, new_secret=secret("own"))
    )

    key.refresh_from_db()
    assert (key.group, key.secret) == (evil, secret("own"))


@pytest.mark.parametrize(
    "groups",
    [
        [f"{{name: main, target_url: {ELSEWHERE!r}, api_keys: [{secret('new')}]}}"],
        [f"{{name: main, proxy_url: 'http://evil.example:8080', api_keys: [{secret('new')}]}}"],
        [f"{{name: other, target_url: {ELSEWHERE!r}, api_keys: [{secret('MARKER')}]}}"],
    ],
)
def test_an_import_that_sends_keys_elsewhere_wants_the_right_too(
    operator: Client, key: ApiKey, groups: list[str]
):
    html = import_file(operator, config(*groups))

    assert "1 key that the gateway already has would go to another host or proxy" in text(html)
    assert REFUSED in html
    assert [(one.name, one.target_url, one.proxy_url) for one in Group.objects.all()] == [
        ("main", GOOGLE, None)
    ]
    assert not AuditEntry.objects.exists()


def test_an_import_of_new_keys_for_another_host_is_free(operator: Client, key: ApiKey):
    new = f"{{name: new, target_url: {ELSEWHERE!r}, api_keys: [{secret('own')}]}}"

    html = import_file(operator, config(new))

    assert "Imported." in text(html)
    assert Group.objects.get(name="new").keys.count() == 1


def test_the_right_may_be_lost_between_the_two_steps_of_an_import(key: ApiKey):
    client = staff("import_config", "view_secret")
    moved = f"{{name: main, target_url: {ELSEWHERE!r}, api_keys: [{secret('new')}]}}"
    html = submit(client, "import_config", data={"text": config(moved)})
    carried = html.partition('name="carried" value="')[2].partition('"')[0]
    user = User.objects.get(username="staff")
    user.user_permissions.remove(user.user_permissions.get(codename="view_secret"))

    refused = submit(client, "import_config", data={"carried": carried})

    assert REFUSED in refused
    assert Group.objects.get().target_url == GOOGLE


def test_who_may_see_keys_sends_them_where_he_likes_and_the_audit_log_has_both_places(key: ApiKey):
    admin = superuser()

    for change in (
        {"target_url": ELSEWHERE},
        {"target_url": ELSEWHERE, "new_proxy_url": PROXY},
        {"target_url": ELSEWHERE, "new_proxy_url": "http://u:pass-MARKER@other.example:3128"},
    ):
        save_group(admin, key.group_id, **change)

    told = list(AuditEntry.objects.order_by("id").values_list("detail", flat=True))
    assert told == [
        f"target_url {GOOGLE!r} → {ELSEWHERE!r}",
        "proxy set to socks5://***@proxy.example:1080",
        "proxy socks5://***@proxy.example:1080 → http://***@other.example:3128",
    ]


@pytest.mark.parametrize("rights", [(), PRUNES[:1], PRUNES[1:], PRUNES])
def test_an_import_that_prunes_wants_the_rights_to_delete(key: ApiKey, rights: tuple[str, ...]):
    client = staff(*STEERS, "import_config", *rights)
    other = f"{{name: other, api_keys: [{secret('own')}]}}"

    html = import_file(client, config(other), prune="on")

    is_free = rights == PRUNES
    assert ("wants the rights to delete groups and API keys" in text(html)) != is_free
    assert Group.objects.filter(name="main").exists() != is_free


def test_testing_a_connection_tells_an_operator_no_key(
    operator: Client, key: ApiKey, upstream: FakeUpstream
):
    """The whole attack."""
    save_group(operator, key.group_id, target_url=upstream.url)
    Group.objects.update(proxy_url="http://127.0.0.1:9")  # nothing leaves this machine

    operator.post(f"/admin/proxyapp/group/{key.group_id}/test/")

    assert not any(secret("MARKER") in str(request) for request in upstream.requests)
