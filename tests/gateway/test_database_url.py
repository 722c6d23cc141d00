"""What DATABASE_URL says, with any character in it and several hosts."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.database import configured_database
from gateway.database_url import check_database_url, parsed_database_url

pytestmark = pytest.mark.once
# All that is printed in ASCII, and what is not ASCII; a URL has no line's end.
WORDS = st.text(st.characters(min_codepoint=0x20, exclude_categories=["Cs", "Cc", "Zl", "Zp"]))


def encoded(text: str) -> str:
    """As many programs do it: each byte."""
    return "".join(f"%{byte:02X}" for byte in text.encode())


@given(st.tuples(WORDS, WORDS.filter(bool), WORDS))
def test_any_character_may_stand_percent_encoded(words: tuple[str, str, str]):
    user, password, file = words
    url = f"postgresql://u{encoded(user)}:{encoded(password)}@h:5432/n?sslrootcert=/{encoded(file)}"

    assert check_database_url(url) == ""
    database = configured_database(url, 1.0)
    assert (database["USER"], database["PASSWORD"]) == (f"u{user}", password)
    assert (database["HOST"], database["PORT"], database["NAME"]) == ("h", 5432, "n")
    assert database["OPTIONS"]["sslrootcert"] == f"/{file}"


@given(WORDS.filter(bool))
def test_what_is_not_encoded_is_taken_as_it_is_or_refused(password: str):
    url = f"postgresql://u:{password}@h:5432/n"
    database = parsed_database_url(url)

    said = check_database_url(url)
    is_meant = (database.get("PASSWORD"), database.get("HOST")) == (password, "h")
    is_encoded = "%" in password  # then it may well be meant
    assert said or is_meant or is_encoded


@pytest.mark.parametrize(
    ("hosts", "named", "ports"),
    [
        ("one:5432,two:5433", "one,two", "5432,5433"),
        ("one,two", "one,two", ""),
        ("one:5433,two", "one,two", "5433,"),
        ("one,two:5433", "one,two", ",5433"),
        ("[::1]:5432,[fd00::2]:5432", "::1,fd00::2", "5432,5432"),
        ("%2Frun%2Fa,one:5", "/run/a,one", ",5"),
        ("one:5432", "one", 5432),
        ("[::1]:5432", "::1", 5432),
    ],
)
def test_each_host_has_its_own_port(hosts: str, named: str, ports: object):
    url = f"postgresql://us,er:p,w@{hosts}/n?target_session_attrs=read-write"
    database = parsed_database_url(url)

    assert check_database_url(url) == ""
    assert (database["USER"], database["PASSWORD"]) == ("us,er", "p,w")
    assert (database["HOST"], database["PORT"]) == (named, ports)


@pytest.mark.parametrize("hosts", ["one:x,two:5", "one:70000,two:5", ",one", "one,", "[::1,two"])
def test_a_host_that_is_none_is_refused(hosts: str):
    assert check_database_url(f"postgresql://u:hush-hush@{hosts}/n") != ""
    assert "hush" not in check_database_url(f"postgresql://u:hush-hush@{hosts}/n")
