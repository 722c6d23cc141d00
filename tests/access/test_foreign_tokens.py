"""Client tokens that another gateway made."""

import pytest

from proxyapp.access.foreign_tokens import ForeignToken, is_weak, take_over, why_refused
from proxyapp.access.token_book import LONGEST_FOREIGN, Client, TokenRefusal
from proxyapp.access.token_store import read_book
from proxyapp.models import AuditEntry, ClientToken, audit
from tests.support.pool_data import add_group

NOW = 1_000.0
OLD = "sk-clients-of-old-8c1f04"
BY = audit.command("test")


def shown(text: str) -> list[tuple[bytes, bytes]]:
    return [(b"authorization", b"Bearer " + text.encode())]


@pytest.mark.django_db
def test_a_client_is_found_by_the_token_that_it_had_elsewhere():
    group = add_group("gemini")
    tokens = [
        ForeignToken(text=OLD, name="old", groups=["gemini"], models=["gemini-*"]),
        ForeignToken(text="another-token-of-old-77", name="OLD"),
    ]

    made = take_over(tokens, BY)

    client = read_book().client_of(shown(OLD), b"", NOW)
    assert isinstance(client, Client)
    assert client.groups == frozenset({group.pk})
    assert [token.name for token in made] == ["old", "OLD 2"]
    assert read_book().client_of(shown(OLD + "x"), b"", NOW) is TokenRefusal.FOREIGN
    kept = [*ClientToken.objects.values_list("token_hash", "masked", "name"), *said()]
    assert OLD not in str(kept)


@pytest.mark.django_db
def test_a_second_time_changes_nothing_and_brings_no_revoked_one_back():
    (token,) = take_over([ForeignToken(text=OLD, name="old")], BY)
    ClientToken.objects.update(revoked_at=token.created_at)
    entries = len(said())

    assert take_over([ForeignToken(text=OLD, name="old")] * 2, BY) == []
    assert read_book().client_of(shown(OLD), b"", NOW) is TokenRefusal.REVOKED
    assert len(said()) == entries


@pytest.mark.django_db
def test_a_token_of_two_groups_is_for_both_and_one_of_all_for_all():
    places = [add_group("one").name, add_group("two").name]
    every = "another-token-of-old-77"
    in_groups = [ForeignToken(text=OLD, name=name, groups=[name]) for name in places]

    take_over([*in_groups, ForeignToken(text=every, name="a", groups=["one"])], BY)
    (token,) = ClientToken.objects.filter(name="one")
    assert {group.name for group in token.allowed_groups.all()} == {"one", "two"}

    ClientToken.objects.all().delete()
    texts = [ForeignToken(text=every, name="a", groups=groups) for groups in (["one"], None)]
    (token,) = take_over(texts, BY)
    assert not token.is_limited_to_groups


@pytest.mark.parametrize("text", ["sk-1", "YOUR_API_KEY", "ключ-клиента", "two words", "a" * 513])
def test_what_protects_nothing_or_fits_no_header_is_refused(text: str):
    assert why_refused(text)


def test_a_short_one_or_one_of_few_characters_is_weak():
    assert [is_weak(text) for text in ("sk-123456", "a" * 40, OLD)] == [True, True, False]
    assert not why_refused("sk-123456")


@pytest.mark.django_db
def test_a_longer_credential_costs_no_hash():
    take_over([ForeignToken(text=OLD, name="old")], BY)

    long = shown("x" * (LONGEST_FOREIGN + 1))
    assert read_book().client_of(long, b"", NOW) is TokenRefusal.FOREIGN


def said() -> list[tuple[str, str]]:
    return list(AuditEntry.objects.values_list("label", "detail"))
