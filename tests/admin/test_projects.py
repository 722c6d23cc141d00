"""The pages of projects."""

import pytest
from django.test import Client
from django.urls import reverse

from proxyapp.models import ApiKey, AuditEntry, PoolChange, Project
from tests.support.admin_pages import page, submit, superuser, text
from tests.support.pool_data import add_group, add_key

pytestmark = pytest.mark.django_db
LIST, CHANGE = "proxyapp_project_changelist", "proxyapp_project_change"
LINE = "gemini-2.5-*: requests_per_minute 10"
FORM = {"name": "alpha", "tier": "free", "limits": LINE, "max_concurrent": "4"}


@pytest.fixture
def operator() -> Client:
    return superuser()


def test_the_list_offers_the_labels_of_keys_and_shows_what_is_set(operator: Client) -> None:
    group = add_group("main")
    add_key(group, "one", project="alpha")
    add_key(group, "two", project="beta & co")
    Project.objects.create(name="alpha", tier="free", limits={"*": {"requests_per_day": 5}})

    shown = page(operator, LIST)

    assert "?name=beta+%26+co" in shown
    assert "?name=alpha" not in shown
    assert "*: requests_per_day 5" in text(shown)
    assert 'project=alpha">1</a>' in shown
    add = operator.get(f"{reverse('admin:proxyapp_project_add')}?name=beta+%26+co")
    assert 'value="beta &amp; co"' in add.content.decode()
    assert reverse(f"admin:{LIST}") in page(operator, "proxyapp_group_changelist")


def test_what_is_set_reaches_every_process_and_the_audit_log(operator: Client) -> None:
    submit(operator, "proxyapp_project_add", data=FORM)

    project = Project.objects.get()
    assert (project.name, project.tier, project.max_concurrent) == ("alpha", "free", 4)
    assert project.limits == {"gemini-2.5-*": {"requests_per_minute": 10}}
    assert PoolChange.objects.latest("version").touched == {"settings": True}
    entry = AuditEntry.objects.latest("pk")
    assert (entry.object_type, entry.action) == ("project", "add")
    assert f"limits: '{LINE}'" in entry.detail
    submit(operator, CHANGE, project.pk, data={**FORM, "tier": ""})
    assert "tier 'free' → ''" in AuditEntry.objects.latest("pk").detail


def test_what_is_wrong_is_said_and_nothing_is_saved(operator: Client) -> None:
    shown = submit(operator, "proxyapp_project_add", data={**FORM, "limits": "*: rpm 5"})

    assert "did you mean 'requests_per_minute'?" in text(shown)
    assert not Project.objects.exists()


def test_keys_stay_when_what_is_set_of_their_project_goes(operator: Client) -> None:
    key = add_key(add_group("main"), "one", project="alpha")
    project = Project.objects.create(name="alpha", tier="free")

    submit(operator, "proxyapp_project_delete", project.pk, data={"post": "yes"})

    assert not Project.objects.exists()
    assert ApiKey.objects.get() == key
    assert PoolChange.objects.latest("version").touched == {"settings": True}
