"""The admin's pages of groups."""

import html as markup
import re
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.contrib.auth.models import Permission, User
from django.db import connection
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from yaml import safe_load

from proxyapp.config.file import parse
from proxyapp.models import ApiKey, AuditEntry, Group
from proxyapp.vocabulary.choices import KeyStatus
from tests.support.admin_pages import GROUP_FORM, PROXY, act, cells, page, submit, superuser, text
from tests.support.certificates import server_context
from tests.support.fake_upstream import FakeUpstream
from tests.support.pool_data import NOW, add_group, add_key, cool, pool_version, secret, use
from tests.support.ports import free_port
from tests.support.proxies import Socks5Proxy

pytestmark = pytest.mark.django_db


@pytest.fixture
def operator() -> Client:
    return superuser()


def staff(*permissions: str, name: str = "reader") -> Client:
    user = User.objects.create(username=name, is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__in=permissions))
    client = Client()
    client.force_login(user)
    return client


def test_the_list_of_groups_counts_keys_by_state_and_leads_to_them(operator: Client):
    group = add_group("main", proxy_url=PROXY)
    add_key(group, "one")
    cool(add_key(group, "two"), NOW + timedelta(hours=1))
    cool(add_key(group, "in project", project="p"), NOW + timedelta(hours=1), project="p")
    add_key(group, "its project cools", project="p")
    cool(add_key(group, "one model cools"), NOW + timedelta(hours=1), model="gemini-2.5-pro")
    add_key(group, "three", status=KeyStatus.DISABLED)
    add_key(group, "four", status=KeyStatus.INVALID)
    add_group("empty")

    with time_machine.travel(NOW, tick=False):
        html = page(operator, "proxyapp_group_changelist")

    assert cells(html, "keys_by_state") == ["2 available 3 cooling 1 disabled 1 invalid", "none"]
    assert cells(html, "proxy") == ["socks5://***@proxy.example:1080", "-"]
    for state in ("available", "cooling", "disabled", "invalid"):
        assert (
            f'href="/admin/proxyapp/apikey/?group__id__exact={group.pk}&amp;state={state}"' in html
        )


def test_the_list_of_groups_says_what_was_asked_and_refused_since_midnight(operator: Client):
    key, other = add_key(add_group("busy"), "one"), add_key(add_group("idle"), "two")
    use(key, NOW, requests=1000, rate_limited=3)
    use(key, NOW - timedelta(hours=3), requests=200, rate_limited=2)
    use(key, NOW - timedelta(hours=4), requests=7, rate_limited=7)
    use(other, NOW - timedelta(days=1), requests=9, rate_limited=9)

    with time_machine.travel(NOW, tick=False):
        listed = page(operator, "proxyapp_group_changelist")
        shown = page(operator, "proxyapp_group_change", key.group.pk)

    assert cells(listed, "requests_today") == ["1,200", "0"]
    assert cells(listed, "refusals_today") == ["5", "0"]
    assert "1,200 requests, 5 answered with 429 (since 00:00 UTC)" in shown


def test_the_list_of_groups_takes_the_same_number_of_queries_for_any_number_of_groups(
    operator: Client, django_assert_max_num_queries: Any
):
    add_key(add_group("first"), "first")
    with django_assert_max_num_queries(25) as for_one:
        page(operator, "proxyapp_group_changelist")
    for number in range(10):
        add_key(add_group(f"group {number}"), str(number))

    with django_assert_max_num_queries(len(for_one.captured_queries)):
        page(operator, "proxyapp_group_changelist")


def test_groups_are_dragged_only_where_all_of_them_are_listed_in_their_order(operator: Client):
    add_group("first")
    add_group("second")

    assert 'data-ordering-field="position"' in page(operator, "proxyapp_group_changelist")
    assert "data-ordering-field" not in page(operator, "proxyapp_group_changelist", q="first")
    assert "data-ordering-field" not in page(operator, "proxyapp_group_changelist", o="3")


def test_the_form_of_a_group_says_what_each_policy_and_each_auth_does(
    operator: Client, settings: Any
):
    settings.RATE_LIMIT_RESET_TIME = "11:22"

    shown = text(page(operator, "proxyapp_group_add"))

    assert (
        "daily : any 429 takes the key out, for every model, until the next reset at 11:22"
        " Europe/Moscow." in shown
    )
    assert "quota_aware : reads the provider's answer." in shown
    assert (
        "both : both headers; a target that refuses two credentials gets one from then on." in shown
    )


@pytest.mark.parametrize(
    ("auth", "stored"),
    [
        ("x-api-key", "x-api-key"),
        (" header:X-Token ", "header:X-Token"),
        ("query:key", "query:key"),
    ],
)
def test_a_group_may_name_the_place_of_its_keys(operator: Client, auth: str, stored: str):
    submit(operator, "proxyapp_group_add", data={**GROUP_FORM, "auth": auth})

    assert Group.objects.get().auth == stored


@pytest.mark.parametrize("auth", ["", "header:", "header:host", "query:a b", "cookie:x"])
def test_a_place_that_takes_no_key_is_refused_in_the_form(operator: Client, auth: str):
    html = submit(operator, "proxyapp_group_add", data={**GROUP_FORM, "auth": auth})

    assert not Group.objects.exists()
    assert "The way to sign in" in html or "required" in html


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
        (
            {"target_url": "generativelanguage.googleapis.com"},
            "The target URL has no scheme; write it as https://generativelanguage.googleapis.com",
        ),
        ({"new_proxy_url": "me:pw-MARKER@127.0.0.1:7890"}, "or socks5://user:***@127.0.0.1:7890"),
        ({"target_url": "https://user:pw-MARKER@host"}, "The target URL has a user or password"),
        ({"new_proxy_url": "ftp://user:pw-MARKER@host:21"}, "is not supported"),
        ({"new_proxy_url": "socks5://***@host:1080"}, "The proxy URL is a masked address"),
    ],
)
def test_a_bad_group_is_refused_as_in_the_config_file(
    operator: Client, fields: dict[str, str], said: str
):
    add_group("first")

    html = submit(operator, "proxyapp_group_add", data={**GROUP_FORM, **fields})

    assert said in html
    assert "new_proxy_url" not in fields or "pw-MARKER" not in html
    assert Group.objects.count() == 1


def test_an_empty_proxy_field_keeps_the_proxy(operator: Client):
    group = add_group("main", proxy_url=PROXY)

    html = submit(
        operator, "proxyapp_group_change", group.pk, data={**GROUP_FORM, "name": "renamed"}
    )

    assert "was changed successfully" in html
    group.refresh_from_db()
    assert (group.name, group.proxy_url) == ("renamed", PROXY)


def test_a_proxy_is_replaced_or_removed_but_not_both(operator: Client):
    group = add_group("main", proxy_url=PROXY)
    new = "http://other:pw@proxy.example:3128"

    both = submit(
        operator,
        "proxyapp_group_change",
        group.pk,
        data={**GROUP_FORM, "new_proxy_url": new, "remove_proxy": "on"},
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
    assert "Since 2026-11-24 03:48:00 UTC this target gets one credential" in text(html)
    assert "Multiple authentication credentials received" in html
    other = add_group("other")
    assert "gets one credential" not in page(operator, "proxyapp_group_change", other.pk)


@pytest.mark.parametrize(
    ("fields", "is_kept"),
    [
        ({"auth": "bearer"}, False),
        ({"target_url": "https://other.example"}, False),
        ({"name": "renamed"}, True),
    ],
)
def test_a_change_of_target_or_auth_forgets_that_it_wanted_one_credential(
    operator: Client, fields: dict[str, str], is_kept: bool
):
    group = add_group("main", single_credential_since=NOW)

    submit(operator, "proxyapp_group_change", group.pk, data={**GROUP_FORM, **fields})

    group.refresh_from_db()
    assert (group.single_credential_since is not None) == is_kept


def positions(groups: Sequence[Group], wanted: Sequence[int]) -> dict[str, Any]:
    """The list's form. `groups` as they are listed."""
    data: dict[str, Any] = {
        "form-TOTAL_FORMS": len(groups),
        "form-INITIAL_FORMS": len(groups),
        "_save": "Save",
    }
    for number, (group, position) in enumerate(zip(groups, wanted, strict=True)):
        data |= {f"form-{number}-id": group.pk, f"form-{number}-position": position}
    return data


def test_positions_are_edited_in_the_list_and_every_process_hears_of_it(operator: Client):
    one, two = add_group("one"), add_group("two")
    version = pool_version()

    html = submit(operator, "proxyapp_group_changelist", data=positions([one, two], [5, 1]))

    assert "were not changed" not in html
    assert list(Group.objects.values_list("name", flat=True)) == ["two", "one"]
    assert pool_version() == version + 1
    entry = AuditEntry.objects.get()
    assert (entry.action, entry.label, entry.detail) == ("change", "one", "position '0' → '5'")


@pytest.mark.parametrize(
    ("wanted", "order"),
    [
        ([0, 1, 2, 0], ["d", "a", "b", "c"]),
        ([0, 1, 1, 3], ["a", "c", "b", "d"]),
        ([2, 1, 2, 3], ["b", "c", "a", "d"]),
        ([3, 1, 2, 0], ["d", "b", "c", "a"]),
    ],
)
def test_a_position_that_is_taken_is_given_to_the_group_that_was_moved_there(
    operator: Client, wanted: list[int], order: list[str]
):
    groups = [add_group(name) for name in "abcd"]

    submit(operator, "proxyapp_group_changelist", data=positions(groups, wanted))

    assert list(Group.objects.values_list("name", "position")) == [
        (name, place) for place, name in enumerate(order)
    ]


def test_deleting_a_group_counts_what_goes_with_it_and_every_process_hears_of_it(operator: Client):
    group = add_group("main", proxy_url=PROXY)
    for label in ("one", "two"):
        key = add_key(group, label)
        cool(key, NOW)
        use(key)
    version = pool_version()

    question = page(operator, "proxyapp_group_delete", group.pk)
    html = submit(
        operator, "proxyapp_group_delete", group.pk, data={"post": "yes", "typed": "main"}
    )

    assert "API keys: 2" in question
    assert "Rate limit events: 2" in question
    assert "usage" not in question.split("API keys: 2")[1].split("</ul>")[0]
    assert "was deleted successfully" in html
    assert not ApiKey.objects.exists()
    assert pool_version() == version + 1


def test_ten_thousand_keys_do_not_fill_the_page_that_asks_before_a_group_is_deleted(
    operator: Client,
):
    group, small = add_group("large"), add_group("small")
    keys = [
        ApiKey(group=group, key_hash=f"{n:064}", masked=f"AIza…{n:04}", secret=None)
        for n in range(10_000)
    ]
    ApiKey.objects.bulk_create(keys, batch_size=2000)

    question = page(operator, "proxyapp_group_delete", group.pk)
    on_change = page(operator, "proxyapp_group_change", group.pk)
    of_small = [page(operator, f"proxyapp_group_{name}", small.pk) for name in ("delete", "change")]

    assert "API keys: 10000" in question
    assert len(question) < len(of_small[0]) + 2_000
    assert "10,000 in all" in on_change
    assert "It has too many keys to be shown here." in text(on_change)
    assert len(on_change) < len(of_small[1]) + 2_000


# The config file of one group.


def test_the_page_of_a_group_shows_its_part_of_a_config_file_masked(operator: Client):
    group = add_group("main", proxy_url=PROXY, rate_limit_policy="quota_aware")
    key = add_key(group, "MARKER", name="first")
    add_key(add_group("other"), "two")

    html = page(operator, "proxyapp_group_change", group.pk)

    yaml = markup.unescape(html.split('<code id="group-yaml">')[1].split("</code>")[0])
    entry = {"key": key.masked, "name": "first"}
    assert safe_load(yaml)["groups"] == [
        {
            "name": "main",
            "target_url": group.target_url,
            "proxy_url": "socks5://***@proxy.example:1080",
            "rate_limit_policy": "quota_aware",
            "api_keys": [entry],
        }
    ]


def test_a_group_is_downloaded_masked_by_a_link_and_with_its_keys_by_a_button(operator: Client):
    group = add_group("main", proxy_url=PROXY)
    add_key(group, "MARKER")
    add_key(add_group("other"), "two")
    url = reverse("admin:proxyapp_group_yaml", args=[group.pk])

    masked, clear = operator.get(url), operator.post(url)

    assert secret("MARKER") not in masked.content.decode()
    assert masked["Content-Disposition"] == f'attachment; filename="group-{group.pk}-masked.yaml"'
    (exported,) = parse(clear.content.decode()).groups
    assert (exported.name, exported.proxy_url) == ("main", PROXY)
    assert [key.secret for key in exported.api_keys] == [secret("MARKER")]
    assert "no-store" in clear["Cache-Control"]
    entry = AuditEntry.objects.get()
    assert (entry.actor, entry.action, entry.detail) == ("admin", "export", "keys in clear")


@pytest.mark.parametrize(
    "permissions", [["view_group"], ["view_group", "export_config"], ["view_group", "view_secret"]]
)
def test_keys_are_given_out_only_to_those_who_may_both_export_and_see_them(permissions: list[str]):
    group = add_group("main")
    add_key(group, "MARKER")
    reader = staff(*permissions)

    shown = page(reader, "proxyapp_group_change", group.pk)
    response = reader.post(reverse("admin:proxyapp_group_yaml", args=[group.pk]))

    assert "Download, masked" in shown
    assert "Download with the keys" not in shown
    assert response.status_code == 403
    assert not AuditEntry.objects.exists()


# The test of the connection.


def steps(html: str) -> list[tuple[str, str, str]]:
    """Step, result and details of each line."""
    found = re.findall(
        r'<th scope="row">(.*?)</th>\s*<td>(.*?)</td>.*?<td class="wide">(.*?)</td>',
        html,
        re.DOTALL,
    )
    return [(name, text(result), text(detail)) for name, result, detail in found]


def test_the_connection_of_a_group_is_tested_up_to_the_answer_of_the_provider(
    operator: Client, upstream: FakeUpstream
):
    group = add_group("main", target_url=upstream.url, auth="google")
    cool(add_key(group, "cooling"), timezone.now() + timedelta(hours=1))
    add_key(group, "usable")

    html = submit(operator, "proxyapp_group_test", group.pk, data={})

    assert steps(html) == [
        ("Name resolution", "ok", "127.0.0.1"),
        ("Connection", "ok", upstream.host),
        ("Request", "ok", "200: works"),
    ]
    assert upstream.picked() == [secret("usable")]
    assert secret("usable") not in html


def test_a_group_whose_keys_all_cool_is_tested_with_the_first_of_them(
    operator: Client, upstream: FakeUpstream
):
    group = add_group("main", target_url=upstream.url, auth="google")
    cool(add_key(group, "cooling"), timezone.now() + timedelta(hours=1))

    html = submit(operator, "proxyapp_group_test", group.pk, data={})

    assert steps(html)[-1] == ("Request", "ok", "200: works")


def test_what_the_provider_says_against_the_key_is_shown(operator: Client, upstream: FakeUpstream):
    group = add_group("main", target_url=upstream.url, auth="google")
    add_key(group, "one")
    upstream.refuse(secret("one"), status=400, body="400_api_key_invalid")

    html = submit(operator, "proxyapp_group_test", group.pk, data={})

    said = "400: the key is dead: API key not valid. Please pass a valid API key."
    assert steps(html)[-1] == ("Request", "failed", said)


def test_a_key_that_the_test_finds_dead_is_taken_out_and_one_that_works_comes_back(
    operator: Client, upstream: FakeUpstream
):
    group = add_group("main", target_url=upstream.url, auth="google")
    key = add_key(group, "one", name="first")
    upstream.refuse(secret("one"), status=400, body="400_api_key_invalid")

    dead = submit(operator, "proxyapp_group_test", group.pk, data={})
    status = ApiKey.objects.get().status
    upstream.recover(secret("one"))
    works = submit(operator, "proxyapp_group_test", group.pk, data={})

    assert "it is taken out of rotation" in text(dead)
    assert status == "invalid"
    assert "works; it was invalid and is enabled again" in text(works)
    key.refresh_from_db()
    assert key.status == "active"
    actions = AuditEntry.objects.order_by("pk").values_list("actor", "action")
    assert list(actions) == [("admin", "disable"), ("admin", "enable")]


def test_a_test_that_says_nothing_of_the_key_leaves_it(operator: Client, upstream: FakeUpstream):
    group = add_group("main", target_url=upstream.url, auth="google")
    add_key(group, "one")
    upstream.refuse(secret("one"), status=500)

    submit(operator, "proxyapp_group_test", group.pk, data={})

    assert ApiKey.objects.get().status == "active"


def test_without_a_usable_key_the_way_is_tested_and_nothing_is_asked(
    operator: Client, upstream: FakeUpstream
):
    group = add_group("main", target_url=upstream.url)
    add_key(group, "one", status=KeyStatus.DISABLED)

    html = submit(operator, "proxyapp_group_test", group.pk, data={})

    assert steps(html)[1] == ("Connection", "ok", upstream.host)
    assert steps(html)[2] == (
        "Request",
        "not reached",
        "not asked: the group has no key that may be used now",
    )
    assert upstream.requests == []


def test_a_proxy_that_refuses_is_named_and_its_password_is_not(
    operator: Client, upstream: FakeUpstream
):
    with Socks5Proxy(username="user", password="word") as proxy:
        group = add_group(
            "main", target_url=upstream.url, proxy_url=proxy.url_with("user", "pass-MARKER")
        )
        add_key(group, "one")

        html = submit(operator, "proxyapp_group_test", group.pk, data={})

    assert [(name, result) for name, result, _ in steps(html)] == [
        ("Name resolution", "ok"),
        ("Proxy", "failed"),
        ("Request", "not reached"),
    ]
    assert "proxy refused" in steps(html)[1][2]
    assert "pass-MARKER" not in html
    assert upstream.requests == []


def test_a_way_through_a_proxy_that_works_says_so(operator: Client, upstream: FakeUpstream):
    with Socks5Proxy(username="user", password="word") as proxy:
        group = add_group("main", target_url=upstream.url, proxy_url=proxy.url, auth="google")
        add_key(group, "one")

        html = submit(operator, "proxyapp_group_test", group.pk, data={})

    assert [(name, result) for name, result, _ in steps(html)] == [
        ("Name resolution", "ok"),
        ("Proxy", "ok"),
        ("Request", "ok"),
    ]


@pytest.mark.parametrize(
    ("fields", "failed", "reason"),
    [
        (
            {"target_url": "http://no-such-name.invalid"},
            "Name resolution",
            "No connection to no-such-name.invalid",
        ),
        (
            {"proxy_url": "http://no-such-name.invalid:3128"},
            "Name resolution",
            "cannot connect to the proxy",
        ),
        ({"target_url": "http://127.0.0.1:{port}"}, "Connection", "Connection refused"),
    ],
    ids=["name", "name of the proxy", "port"],
)
def test_the_step_that_failed_is_told(
    operator: Client, fields: dict[str, str], failed: str, reason: str
):
    group = add_group(
        "main", **{name: value.format(port=free_port()) for name, value in fields.items()}
    )
    add_key(group, "one")

    html = submit(operator, "proxyapp_group_test", group.pk, data={})

    (step,) = [step for step in steps(html) if step[1] == "failed"]
    assert step[0] == failed
    assert reason in step[2]


def test_a_certificate_that_is_not_trusted_fails_at_tls(operator: Client):
    with FakeUpstream(tls=server_context()) as upstream:
        group = add_group("main", target_url=upstream.url)
        add_key(group, "one")

        html = submit(operator, "proxyapp_group_test", group.pk, data={})

    assert [(name, result) for name, result, _ in steps(html)][2:] == [
        ("TLS", "failed"),
        ("Request", "not reached"),
    ]
    assert "certificate refused" in steps(html)[2][2]


def test_a_proxy_url_that_no_secret_opens_is_not_passed_by(
    operator: Client, upstream: FakeUpstream
):
    group = add_group("main", target_url=upstream.url, proxy_url=PROXY)
    add_key(group, "one")
    with connection.cursor() as cursor:
        cursor.execute("UPDATE proxyapp_group SET proxy_url = 'gAAAAA-of-another-secret'")

    html = submit(operator, "proxyapp_group_test", group.pk, data={})

    assert steps(html) == [
        ("Proxy", "failed", "SECRET_KEY does not open the proxy URL of the group")
    ]
    assert upstream.requests == []


def test_selected_groups_are_tested_together(operator: Client, upstream: FakeUpstream):
    groups = [
        add_group(name, target_url=upstream.url, auth="google") for name in ("one", "two", "three")
    ]
    for group in groups:
        add_key(group, group.name)

    html = act(operator, "group", "test_connections", [group.pk for group in groups[:2]])

    assert re.findall(r'data-group="(\w+)"', html) == ["one", "two"]
    assert [result for _, result, _ in steps(html)] == ["ok"] * 6
    assert len(upstream.requests) == 2


def test_only_who_may_change_groups_tests_them_and_only_with_a_button(
    operator: Client, upstream: FakeUpstream
):
    group = add_group("main", target_url=upstream.url)
    add_key(group, "one")
    url = reverse("admin:proxyapp_group_test", args=[group.pk])

    assert staff("view_group").post(url).status_code == 403
    assert operator.get(url).status_code == 302
    assert "Test connection" not in page(
        staff("view_group", name="other"), "proxyapp_group_change", group.pk
    )
    assert upstream.requests == []


def test_a_button_lets_two_credentials_be_tried_again_and_the_log_says_who_did(operator: Client):
    group = add_group("main", auth="both", single_credential_since=NOW)
    assert "Try two again" in page(operator, "proxyapp_group_change", group.pk)
    version = pool_version()

    operator.get(reverse("admin:proxyapp_group_two", args=[group.pk]))
    group.refresh_from_db()
    assert group.single_credential_since
    html = operator.post(
        reverse("admin:proxyapp_group_two", args=[group.pk]), follow=True
    ).content.decode()

    group.refresh_from_db()
    entry = AuditEntry.objects.get()
    assert group.single_credential_since is None
    assert "two credentials are tried again" in html
    assert "Try two again" not in html
    assert (entry.actor, entry.action, entry.object_type) == ("admin", "change", "group")
    assert pool_version() == version + 1


def test_a_new_group_is_quota_aware_unless_somebody_says_daily(operator: Client):
    html = page(operator, "proxyapp_group_add")
    add_group("old", rate_limit_policy="daily")

    assert '<option value="quota_aware" selected' in html
    old = page(operator, "proxyapp_group_change", Group.objects.get(name="old").pk)
    assert '<option value="daily" selected' in old


@pytest.mark.parametrize(("posted", "is_on"), [({}, True), ({"rewrite_paths": "false"}, False)])
def test_a_switch_that_a_form_does_not_send_stays_as_it_was(
    operator: Client, posted: dict[str, str], is_on: bool
) -> None:
    group = add_group("main")

    submit(operator, "proxyapp_group_change", group.pk, data=GROUP_FORM | posted)

    group.refresh_from_db()
    assert (group.rewrite_paths, group.unwrap_errors) == (is_on, True)


def test_the_form_says_of_a_switch_that_it_is_off(operator: Client) -> None:
    html = page(operator, "proxyapp_group_change", add_group("main").pk)

    off = html.index('<input type="hidden" name="rewrite_paths" value="false">')
    assert off < html.index('type="checkbox" name="rewrite_paths"')
