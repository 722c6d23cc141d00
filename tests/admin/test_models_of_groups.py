"""Models, aliases and fallbacks in the forms of groups and of client tokens."""

import pytest
from django.test import Client

from proxyapp.models import AuditEntry, ClientToken, Group
from tests.support.admin_pages import GROUP_FORM, TOKEN_FORM, page, submit, superuser, text
from tests.support.client_tokens import add_token
from tests.support.pool_data import add_group, pool_version

pytestmark = pytest.mark.django_db
CHANGE = "proxyapp_group_change"


@pytest.fixture
def operator() -> Client:
    return superuser()


def change(operator: Client, group: Group, **fields: str) -> str:
    return submit(operator, CHANGE, group.pk, data={**GROUP_FORM, **fields})


def test_they_are_written_an_entry_a_line_and_shown_that_way(operator: Client) -> None:
    group = add_group("main")
    before = pool_version()

    change(
        operator,
        group,
        models="gemini-*\r\nmodels/gpt-4o",
        aliases="fast: gemini-2.5-flash\r\n\r\nsmart = gemini-2.5-pro",
        fallbacks="gemini-2.5-pro: gemini-2.5-flash, gpt-4o",
    )

    group.refresh_from_db()
    assert group.models == ["gemini-*", "gpt-4o"]
    assert group.aliases == {"fast": "gemini-2.5-flash", "smart": "gemini-2.5-pro"}
    assert group.fallbacks == {"gemini-2.5-pro": ["gemini-2.5-flash", "gpt-4o"]}
    assert pool_version() > before
    shown = page(operator, CHANGE, group.pk)
    assert "fast: gemini-2.5-flash\nsmart: gemini-2.5-pro" in shown
    entry = AuditEntry.objects.latest("pk")
    assert "aliases: 'fast: gemini-2.5-flash; smart: gemini-2.5-pro'" in entry.detail


def test_a_form_that_says_nothing_of_them_leaves_them(operator: Client) -> None:
    group = add_group("main", aliases={"fast": "a"}, models=["a"], fallbacks={"a": ["b"]})

    change(operator, group, name="renamed")

    group.refresh_from_db()
    assert (group.name, group.aliases, group.models) == ("renamed", {"fast": "a"}, ["a"])
    assert group.fallbacks == {"a": ["b"]}


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"aliases": "fast"}, "Line 1 is not of the form fast: MODEL."),
        ({"aliases": "fast: fast"}, "fast: stands for itself"),
        ({"models": "a b"}, "[0]: is no name of a model"),
        ({"models": "fast", "aliases": "fast: a"}, "fast: hides the model fast of models"),
        ({"fallbacks": "a: b\nb: a"}, "a: leads back to itself (a → b → a)"),
        ({"fallbacks": "a:"}, "a: must not be empty"),
    ],
)
def test_what_is_wrong_is_said_and_nothing_is_saved(operator: Client, fields, words) -> None:
    group = add_group("main")

    shown = change(operator, group, **fields)

    assert words in text(shown)
    assert Group.objects.get().aliases == {}


def test_a_page_that_is_stale_says_what_the_other_operator_wrote(operator: Client) -> None:
    group = add_group("main", aliases={"fast": "a"})
    sent = page(operator, CHANGE, group.pk)
    version = sent.partition('name="row_version" value="')[2].partition('"')[0]
    Group.objects.update(aliases={"fast": "b"}, fallbacks={"a": ["b", "c"]})

    shown = change(
        operator,
        group,
        aliases="fast: c",
        fallbacks="a: b, d",
        row_version=version.replace("&quot;", '"'),
    )

    assert "Nothing was saved" in text(shown)
    assert Group.objects.get().aliases == {"fast": "b"}
    assert "fast: b" in text(shown)
    assert "fast: c" in text(shown)
    assert "a: b, c" in text(shown)
    assert "a: b, d" in text(shown)


def test_a_token_has_fallbacks_of_its_own(operator: Client) -> None:
    token = add_token("app")

    submit(
        operator,
        "proxyapp_clienttoken_change",
        token.pk,
        data={**TOKEN_FORM, "fallbacks": "gemini-2.5-pro: gemini-2.5-flash"},
    )

    token.refresh_from_db()
    assert token.fallbacks == {"gemini-2.5-pro": ["gemini-2.5-flash"]}
    assert "fallbacks: gemini-2.5-pro: gemini-2.5-flash" in AuditEntry.objects.latest("pk").detail


def test_a_tokens_fallbacks_are_checked(operator: Client) -> None:
    token = add_token("app")

    shown = submit(
        operator,
        "proxyapp_clienttoken_change",
        token.pk,
        data={**TOKEN_FORM, "fallbacks": "a: a"},
    )

    assert "a: leads back to itself" in text(shown)
    assert ClientToken.objects.get().fallbacks == {}
