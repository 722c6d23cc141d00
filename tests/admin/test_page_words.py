"""Titles, crumbs, empty lists and the history of an object, in the gateway's words."""

import re

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

from proxyapp.models import AuditEntry, audit
from tests.support.admin_pages import act, page, superuser, text
from tests.support.pool_data import add_group, add_key
from tests.support.staff import staff

pytestmark = pytest.mark.django_db

STOCK = ("to change", "yielded into no results", "hourly usage", "Gemini Key Gateway")


@pytest.fixture
def operator() -> Client:
    return superuser()


def heading(html: str) -> str:
    found = re.findall(r"<h1[^>]*>(.*?)</h1>", html, re.DOTALL)
    assert len(found) == 1, found
    return text(found[0])


def crumbs(html: str) -> list[str]:
    found = re.search(r'<nav class="crumbs".*?</nav>', html, re.DOTALL)
    return re.findall(r"<a [^>]*>(.*?)</a>", found[0]) if found else []


@pytest.mark.parametrize(
    ("model", "title", "none"),
    [
        ("proxyapp_apikey", "Keys", "There are no keys yet."),
        ("proxyapp_group", "Groups", "There are no groups yet."),
        ("proxyapp_project", "Projects", "add it here to set its tier and limits."),
        ("proxyapp_clienttoken", "Client tokens", "There are no client tokens yet."),
        ("proxyapp_operatortoken", "Operator tokens", "There are no operator tokens yet."),
        ("proxyapp_alertchannel", "Alert channels", "Add one and send a test."),
        ("proxyapp_ratelimitevent", "Events", "No provider has refused a key yet."),
        ("proxyapp_auditentry", "Audit log", "Nobody has changed anything yet."),
        ("proxyapp_hourlyusage", "Usage by hour", "No request was answered yet."),
        ("auth_group", "Roles", ""),
    ],
)
def test_a_list_bears_its_own_title_and_says_why_it_is_empty(
    operator: Client, model: str, title: str, none: str
):
    AuditEntry.objects.all().delete()

    html = page(operator, f"{model}_changelist")

    assert heading(html) == title
    assert f"<title>{title} | Gemini Key Gateway</title>" in re.sub(r"\s+", " ", html)
    assert crumbs(html) == []
    content = text(html[html.index("<main") :])
    assert none in content
    assert [words for words in STOCK if words in content] == []


def test_a_search_that_finds_nothing_offers_to_show_all(operator: Client):
    add_key(add_group(), "one")

    html = page(operator, "proxyapp_apikey_changelist", q="nowhere")

    assert "No API keys fit what you look for." in text(html)
    assert "Show all" in text(html[html.index("<main") :])


def test_a_count_below_a_list_is_in_words_of_the_list(operator: Client):
    audit.record(audit.command("test"), "add", [add_key(add_group(), "one")])

    assert "1 entry" in text(page(operator, "proxyapp_auditentry_changelist"))


def test_pages_of_a_row_say_what_they_are_below(operator: Client):
    key = add_key(add_group(), "one", name="first")
    change = page(operator, "proxyapp_apikey_change", key.pk)
    delete = page(operator, "proxyapp_apikey_delete", key.pk)
    many = act(operator, "apikey", "delete_selected", [key.pk])

    assert (heading(change), crumbs(change)) == (str(key), ["Keys"])
    assert "Change API key" not in change
    assert (heading(delete), crumbs(delete)) == ("Delete API key", ["Keys", str(key)])
    assert heading(page(operator, "proxyapp_apikey_add")) == "Add API key"
    assert heading(many) == "Delete API keys"


def test_the_history_has_what_was_done_by_commands_too(operator: Client):
    key = add_key(add_group(), "one")
    audit.record(audit.command("keys disable"), "disable", [key], "by <hand>")

    html = page(operator, "proxyapp_apikey_history", key.pk)

    assert "command: keys disable disable by <hand>" in text(html)
    assert f"?object=key%3A{key.pk}" in html


def test_who_may_not_see_the_audit_log_sees_no_history():
    key = add_key(add_group(), "one")
    reader = staff("view_apikey")

    assert "history" not in page(reader, "proxyapp_apikey_change", key.pk)
    history = reverse("admin:proxyapp_apikey_history", args=[key.pk])
    assert reader.get(history).status_code == 403
    assert staff("view_auditentry", name="auditor").get(history).status_code == 403


def test_what_the_rotation_keeps_for_itself_is_on_no_menu(operator: Client):
    listed = page(operator, "app_list", "proxyapp")

    assert "rotationcursor" not in page(operator, "index") + listed
    assert User.objects.get().is_superuser
