"""The exits of a group in the admin: a line each, without user and password."""

import pytest
from django.test import Client

from proxyapp.models import AuditEntry, Group
from proxyapp.vocabulary.exits import chosen_exit
from proxyapp.vocabulary.exits import pool_of as pool_text
from tests.support.admin_pages import GROUP_FORM, PROXY, page, submit, superuser, text
from tests.support.fake_upstream import FakeUpstream
from tests.support.pool_data import add_group, add_key, pool_version
from tests.support.ports import free_port
from tests.support.proxies import HttpProxy, Socks5Proxy
from tests.support.staff import staff

pytestmark = pytest.mark.django_db(transaction=True)

POOL = f"{PROXY}\ndirect"
SHOWN = "socks5://***@proxy.example:1080"
ANOTHER = "http://user:other-MARKER@two.example:8080"
STEERS = ("view_group", "change_group", "add_group", "view_apikey", "change_apikey", "add_apikey")


@pytest.fixture
def operator() -> Client:
    return superuser()


@pytest.fixture
def group() -> Group:
    return add_group("main", proxy_pool=POOL)


def save(client: Client, group: Group, **fields: str) -> str:
    return submit(client, "proxyapp_group_change", group.pk, data={**GROUP_FORM, **fields})


def pool_of(group: Group) -> str | None:
    group.refresh_from_db()
    return group.proxy_pool


def test_a_new_group_takes_exits(operator: Client):
    html = submit(
        operator, "proxyapp_group_add", data={**GROUP_FORM, "new_proxy_pool": f" {POOL}\n\n"}
    )

    assert Group.objects.get().proxy_pool == POOL
    assert "MARKER" not in html


def test_the_page_the_list_and_the_yaml_show_them_masked(operator: Client, group: Group):
    add_key(group, "one")

    shown = page(operator, "proxyapp_group_change", group.pk)
    listed = page(operator, "proxyapp_group_changelist")

    assert f"{SHOWN}\ndirect</textarea>" in shown
    assert "2 exits" in listed
    assert "MARKER" not in shown + listed


def test_lines_as_they_are_shown_keep_their_passwords(operator: Client, group: Group):
    version = pool_version()

    save(operator, group, new_proxy_pool=f"{ANOTHER}\n{SHOWN}")

    assert pool_of(group) == f"{ANOTHER}\n{PROXY}"
    assert pool_version() > version


def test_a_form_that_says_nothing_of_them_leaves_them(operator: Client, group: Group):
    save(operator, group, weight="3")

    assert pool_of(group) == POOL


def test_an_empty_text_removes_them(operator: Client, group: Group):
    save(operator, group, new_proxy_pool="")

    assert pool_of(group) is None


def test_the_audit_log_tells_them_masked(operator: Client, group: Group):
    html = save(operator, group, new_proxy_pool=f"{ANOTHER}\n{SHOWN}")

    (entry,) = AuditEntry.objects.all()
    assert entry.detail == (f"exits '{SHOWN}, direct' → 'http://***@two.example:8080, {SHOWN}'")
    assert "MARKER" not in html + page(operator, "proxyapp_group_history", group.pk)


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        (f"direct\nftp://u:w-MARKER@h:{1}", "Line 2 scheme 'ftp' is not supported"),
        (f"direct\n{ANOTHER}\ndirect", "Line 3 is the exit of line 1 again"),
        ("socks5://***@elsewhere.example:1", "Line 1 is a masked address"),
        ("http://169.254.169.254:80", "Line 1"),
    ],
)
def test_a_line_that_is_wrong_is_named_and_nothing_is_saved(
    operator: Client, group: Group, lines: str, said: str
):
    html = save(operator, group, new_proxy_pool=lines)

    assert said in text(html)
    assert "MARKER" not in html
    assert pool_of(group) == POOL


def test_exits_that_are_shown_alike_are_entered_anew(operator: Client):
    alike = "http://one:word-MARKER@h:1\nhttp://two:word-MARKER@h:1"
    group = add_group("main", proxy_pool=alike)

    html = save(operator, group, new_proxy_pool="http://***@h:1")

    assert "Several exits are shown as http://***@h:1: enter them anew." in text(html)
    assert pool_of(group) == alike


def test_one_proxy_and_exits_do_not_go_together(operator: Client, group: Group):
    html = save(operator, group, new_proxy_url=ANOTHER)

    assert "One proxy for all and exits of each key's own do not go together" in text(html)
    group.refresh_from_db()
    assert (group.proxy_url, group.proxy_pool) == (None, POOL)


def test_without_the_right_to_see_keys_nobody_sends_them_through_another_exit(group: Group):
    add_key(group, "one")

    html = save(staff(*STEERS), group, new_proxy_pool=f"{SHOWN}\n{ANOTHER}")

    assert "1 key of this group would go to another host or proxy." in text(html)
    assert pool_of(group) == POOL


def test_who_may_only_look_sees_them_masked(group: Group):
    html = page(staff("view_group", "view_apikey"), "proxyapp_group_change", group.pk)

    assert f"{SHOWN}, direct" in text(html)
    assert "MARKER" not in html


def test_a_test_of_the_connection_goes_through_each_exit(operator: Client):
    with FakeUpstream() as upstream, HttpProxy("user", "word-MARKER") as one:
        down = f"http://127.0.0.1:{free_port()}"
        exits = [one.url, down, "direct"]
        group = add_group(
            "main", target_url=upstream.url, auth="google", proxy_pool=pool_text(exits)
        )
        for number in range(24):
            add_key(group, f"key-{number}")

        html = submit(operator, "proxyapp_group_test", group.pk, data={})

        said = text(html)
        assert f"through http://***@{one.host}, with key" in said
        assert f"through {down}, with key" in said
        assert "directly, with key" in said
        assert said.count("200: works") == 2
        assert f"proxy {down.removeprefix('http://')}: cannot connect to the proxy" in said
        assert "MARKER" not in html
        assert len(upstream.requests) == 2
        (through,) = one.connections
        assert chosen_exit(exits, through.value("x-goog-api-key")) == one.url


def test_an_exit_without_a_key_is_tested_as_far_as_it_goes(operator: Client):
    with FakeUpstream() as upstream, Socks5Proxy() as one:
        group = add_group("main", target_url=upstream.url, proxy_pool=one.url)

        html = submit(operator, "proxyapp_group_test", group.pk, data={})

        assert "reachable, no key to ask with" in text(html)
        assert one.connections_made == 1


def test_of_two_pages_the_second_does_not_undo_the_first(operator: Client, group: Group):
    html = page(operator, "proxyapp_group_change", group.pk)
    version = html.partition('name="row_version" value="')[2].partition('"')[0]
    save(operator, group, new_proxy_pool=SHOWN)

    second = save(
        operator,
        group,
        new_proxy_pool=f"direct\n{ANOTHER}",
        row_version=version.replace("&quot;", '"'),
    )

    assert "this was changed while your page was open" in text(second)
    assert pool_of(group) == PROXY
    assert "MARKER" not in second
