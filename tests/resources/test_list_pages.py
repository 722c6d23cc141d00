"""A list is asked for and told in the form of its API."""

import pytest

from proxyapp.resources.kinds import KINDS
from proxyapp.resources.list_pages import (
    following_of,
    form_of,
    items_of,
    list_query,
    name_of_item,
    page_with,
)

FILES, AGENTS, OPENAI = (form_of(KINDS[name]) for name in ("files", "agents", "openai/files"))


@pytest.mark.parametrize(
    ("query", "size", "token", "others"),
    [
        (None, 0, "", ()),
        (b"pageSize=5&pageToken=a%2Bb", 5, "a+b", ()),
        (b"page_size=5&page_token=t&filter=x%3Dy&", 5, "t", (b"filter=x%3Dy",)),
        (b"p%61geSize=7&alt=sse&%24alt=proto&fields=files(name)&callback=x", 7, "", ()),
        (b"pageSize=", 0, "", ()),
    ],
)
def test_a_query_is_taken_apart(query: bytes, size: int, token: str, others: tuple[bytes, ...]):
    found = list_query(query, FILES)

    assert found is not None
    assert (found.size, found.token, found.others) == (size, token, others)


@pytest.mark.parametrize("size", [b"-1", b"abc", b"1.5", b"%D9%A1", b"9" * 30])
def test_a_size_that_is_no_number_is_told(size: bytes):
    assert list_query(b"pageSize=" + size, FILES) is None


def test_an_upstream_is_asked_in_its_own_words():
    query = list_query(b"filter=a", FILES)
    other = list_query(b"purpose=batch&limit=3&after=file-1", OPENAI)

    assert query is not None
    assert query.raw(FILES, 3, "a+b") == b"filter=a&pageSize=3&pageToken=a%2Bb"
    assert query.raw(AGENTS, 3, "t") == b"filter=a&page_size=3&page_token=t"
    assert query.raw(FILES, 0, "") == b"filter=a"
    assert other is not None
    assert other.raw(OPENAI, 2, other.token) == b"purpose=batch&limit=2&after=file-1"
    empty = list_query(b"", FILES)
    assert empty is not None
    assert empty.raw(FILES, 0, "") is None


def test_a_page_says_what_it_has_and_how_it_goes_on():
    page = {"files": [{"name": "files/a"}, "odd"], "nextPageToken": "t"}
    openai = {"data": [{"id": "file-1"}, {"id": "file-2"}], "has_more": True}

    assert items_of(page, FILES) == [{"name": "files/a"}]
    assert following_of(page, FILES) == "t"
    assert following_of({"next_page_token": "t"}, AGENTS) == "t"
    assert following_of(openai, OPENAI) == "file-2"
    assert following_of({**openai, "has_more": False}, OPENAI) == ""
    assert items_of({"files": 5}, FILES) == []
    assert following_of({"nextPageToken": 5}, FILES) == ""


def test_a_page_is_told_as_its_api_tells_it():
    items = [{"id": "file-1"}, {"id": "file-2"}]

    assert page_with([], "", FILES) == {}
    assert page_with(items, "t", FILES) == {"files": items, "nextPageToken": "t"}
    assert page_with(items, "t", AGENTS) == {"agents": items, "next_page_token": "t"}
    ends = {"first_id": "file-1", "last_id": "file-2", "has_more": True}
    assert page_with(items, "t", OPENAI) == {"object": "list", "data": items, **ends}
    assert page_with([], "", OPENAI) == {"object": "list", "data": [], "has_more": False}


@pytest.mark.parametrize(
    ("kind", "item", "name"),
    [
        ("files", {"name": "files/a"}, "files/a"),
        ("batches", {"name": "batches/b", "response": {}}, "batches/b"),
        ("models/*/operations", {"name": "models/m/operations/o"}, "models/m/operations/o"),
        ("agents", {"id": "a", "name": "mine"}, "agents/a"),
        ("webhooks", {"id": "w", "name": "files/x"}, "webhooks/w"),
        ("openai/files", {"id": "files/a"}, "files/a"),
        ("openai/batches", {"id": "batch_1"}, "openai/batches/batch_1"),
        ("files", {"name": 5}, None),
        ("voices", {"id": "Puck"}, None),
        ("files", {}, None),
    ],
)
def test_an_item_is_known_by_its_name(kind: str, item: dict[str, object], name: str | None):
    assert name_of_item(item, KINDS[kind]) == name
