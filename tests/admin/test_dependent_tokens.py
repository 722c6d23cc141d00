"""What goes when keys and groups are disabled or deleted: client tokens are named, groups typed."""

from io import StringIO

import pytest
from django.core.management import call_command
from django.test import Client

from proxyapp.models import ApiKey, Group
from proxyapp.vocabulary.choices import KeyStatus
from tests.support.admin_pages import act, key_form, page, said, submit, superuser, text
from tests.support.client_tokens import add_token
from tests.support.pool_data import add_group, add_key
from tests.support.staff import staff

pytestmark = pytest.mark.django_db(transaction=True)

THEN = "Then without a usable key: 1 client token (only-main)."
NOW = THEN.replace("Then", "Now")


@pytest.fixture
def operator() -> Client:
    return superuser()


@pytest.fixture
def key() -> ApiKey:
    """The last usable one of its group, beside a group that has others."""
    main, other = add_group("main"), add_group("other")
    add_key(main, "spent", status=KeyStatus.DISABLED)
    add_key(other, "further")
    add_token("only-main", groups=[main])
    add_token("both", groups=[main, other])
    add_token("other", groups=[other])
    add_token("all")
    return add_key(main, "last")


def test_disabling_the_last_key_of_a_token_asks_first_and_names_it(operator: Client, key: ApiKey):
    question = act(operator, "apikey", "disable_keys", [key.pk])
    asked = ApiKey.objects.get(pk=key.pk).status
    html = act(operator, "apikey", "disable_keys", [key.pk], confirmed="yes")

    assert THEN in text(question)
    assert "No key will be available" not in question
    assert asked == "active"
    assert ("warning", NOW) in said(html)


def test_the_page_of_the_key_asks_and_tells_too(operator: Client, key: ApiKey):
    question = submit(operator, "proxyapp_apikey_disable", key.pk, data={})
    html = submit(operator, "proxyapp_apikey_disable", key.pk, data={"confirmed": "yes"})

    assert THEN in text(question)
    assert ("warning", NOW) in said(html)


@pytest.mark.parametrize("change", ["status", "group"])
def test_the_form_of_the_key_tells_whom_its_save_leaves_without_one(
    operator: Client, key: ApiKey, change: str
):
    form = key_form(key.group, name="moved")
    form |= (
        {"status": "disabled"}
        if change == "status"
        else {"group": Group.objects.get(name="other").pk}
    )

    html = submit(operator, "proxyapp_apikey_change", key.pk, data=form)

    assert ("warning", NOW) in said(html)


def test_deleting_keys_names_the_tokens_on_the_page_and_in_the_message(
    operator: Client, key: ApiKey
):
    question = act(operator, "apikey", "delete_selected", [key.pk])
    single = page(operator, "proxyapp_apikey_delete", key.pk)
    html = act(operator, "apikey", "delete_selected", [key.pk], post="yes")

    assert THEN in text(question)
    assert THEN in text(single)
    assert ("warning", NOW) in said(html)


def test_a_key_beside_another_usable_one_costs_no_token_anything(operator: Client, key: ApiKey):
    add_key(key.group, "second")

    html = act(operator, "apikey", "disable_keys", [key.pk])

    assert "Disabled 1 of 1 selected keys." in html
    assert "client token" not in html


def test_the_command_says_it_in_a_line(key: ApiKey):
    printed = StringIO()

    call_command("keys", "disable", str(key.pk), stdout=printed)

    assert printed.getvalue().splitlines()[-1] == NOW


def test_many_tokens_are_counted_and_names_are_for_those_who_may_see_tokens(
    operator: Client, key: ApiKey
):
    for number in range(11):
        add_token(f"t{number:02}", groups=[key.group])

    question = act(operator, "apikey", "disable_keys", [key.pk])
    unnamed = act(staff("view_apikey", "change_apikey"), "apikey", "disable_keys", [key.pk])

    assert "12 client tokens (only-main, t00, t01," in text(question)
    assert "t08 and 2 more)." in text(question)
    assert "Then without a usable key: 12 client tokens." in text(unnamed)
    assert "only-main" not in unnamed


def test_a_group_is_deleted_by_typing_its_name(operator: Client, key: ApiKey):
    question = page(operator, "proxyapp_group_delete", key.group_id)
    for typed in ({}, {"typed": ""}, {"typed": "Main"}, {"typed": "1"}, {"typed": "other"}):
        refused = submit(
            operator, "proxyapp_group_delete", key.group_id, data={"post": "yes", **typed}
        )
        assert "Nothing was deleted" in refused
    assert Group.objects.count() == 2
    html = submit(
        operator, "proxyapp_group_delete", key.group_id, data={"post": "yes", "typed": " main "}
    )

    assert THEN in text(question)
    assert "Less by a group: 1 client token (both)." in text(question)
    assert "API keys: 2" in text(question)
    assert "To delete it, type its name: main" in text(question)
    assert ("warning", NOW) in said(html)
    assert [group.name for group in Group.objects.all()] == ["other"]


def test_several_groups_are_deleted_by_typing_how_many_they_are(operator: Client, key: ApiKey):
    ids = list(Group.objects.values_list("pk", flat=True))

    question = act(operator, "group", "delete_selected", ids)
    refused = act(operator, "group", "delete_selected", ids, post="yes", typed="main")
    bare = act(operator, "group", "delete_selected", ids, post="yes")
    kept = Group.objects.count()
    html = act(operator, "group", "delete_selected", ids, post="yes", typed="2")

    assert "Then without a usable key: 3 client tokens (both, only-main, other)." in text(question)
    assert "To delete them, type how many they are: 2" in text(question)
    for again in (refused, bare):
        assert "Nothing was deleted" in again
    assert kept == 2
    assert "Successfully deleted 2 groups." in html
    assert not Group.objects.exists()


def test_one_selected_group_wants_its_name(operator: Client, key: ApiKey):
    act(operator, "group", "delete_selected", [key.group_id], post="yes", typed="1")
    kept = Group.objects.count()
    act(operator, "group", "delete_selected", [key.group_id], post="yes", typed="main")

    assert (kept, Group.objects.count()) == (2, 1)


def test_who_may_not_delete_groups_cannot_by_typing(key: ApiKey):
    url = f"/admin/proxyapp/group/{key.group_id}/delete/"

    answers = [
        staff("view_group", "change_group", name=name).post(url, {"post": "yes", "typed": typed})
        for name, typed in (("a", "main"), ("b", "wrong"))
    ]

    assert [answer.status_code for answer in answers] == [403, 403]
    assert Group.objects.count() == 2
