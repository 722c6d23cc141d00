"""How a list is asked for page by page, and what a page of it says, in Google's forms and OpenAI's.

Google has page tokens, in two spellings; OpenAI's lists go on after the last ID that was told.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote_plus, unquote_plus

from proxyapp.resources.kinds import ResourceKind
from proxyapp.resources.names import name_of

# How an answer is written, and what of it: a union of answers is JSON, and has to be continued.
_OF_FORM = frozenset(("alt", "$alt", "callback", "$callback", "fields", "$fields"))
_LONGEST_SIZE = 9


@dataclass(frozen=True, slots=True)
class ListForm:
    """What the parts of a list are called."""

    listed: str
    size: str
    token: str
    following: str
    spellings: frozenset[str]
    is_openais: bool = False


@dataclass(frozen=True, slots=True)
class ListQuery:
    """`size` 0: the upstream's. `others`: what else was asked, raw."""

    size: int
    token: str
    others: tuple[bytes, ...]

    def raw(self, form: ListForm, size: int, token: str) -> bytes | None:
        """As an upstream is asked."""
        parts = list(self.others)
        if size:
            parts.append(f"{form.size}={size}".encode())
        if token:
            parts.append(f"{form.token}={quote_plus(token)}".encode())
        return b"&".join(parts) or None


def form_of(kind: ResourceKind) -> ListForm:
    if kind.name.startswith("openai/"):
        spellings = frozenset(("limit", "after"))
        return ListForm(kind.listed, "limit", "after", "last_id", spellings, is_openais=True)
    both = frozenset(("pageSize", "page_size", "pageToken", "page_token"))
    if kind.made[0] == "id":  # the newer parts of Google's API
        return ListForm(kind.listed, "page_size", "page_token", "next_page_token", both)
    return ListForm(kind.listed, "pageSize", "pageToken", "nextPageToken", both)


def list_query(query: bytes | None, form: ListForm) -> ListQuery | None:
    """None: it asks for no number of items; the upstream says so best."""
    size, token, others = "", "", []
    for part in (query or b"").split(b"&"):
        raw_name, _, raw_value = part.partition(b"=")
        name = unquote_plus(raw_name.decode("latin-1"))
        value = unquote_plus(raw_value.decode("latin-1"))
        if name in form.spellings and name.lower().endswith(("size", "limit")):
            size = value
        elif name in form.spellings:
            token = value
        elif part and name not in _OF_FORM:
            others.append(part)
    if size and not (size.isascii() and size.isdigit() and len(size) <= _LONGEST_SIZE):
        return None
    return ListQuery(int(size or 0), token, tuple(others))


def items_of(page: Mapping[str, Any], form: ListForm) -> list[dict[str, Any]]:
    items = page.get(form.listed)
    return [item for item in items if isinstance(item, dict)] if isinstance(items, list) else []


def following_of(page: Mapping[str, Any], form: ListForm) -> str:
    """With what the upstream is asked for its next page; empty: it has none."""
    if form.is_openais:
        items = items_of(page, form)
        return str(items[-1].get("id") or "") if items and page.get("has_more") is True else ""
    token = page.get("nextPageToken") or page.get("next_page_token")
    return token if isinstance(token, str) else ""


def name_of_item(item: Mapping[str, Any], kind: ResourceKind) -> str | None:
    """None: nothing that belongs to a key."""
    for field in ("name", "id"):
        value = item.get(field)
        if isinstance(value, str) and field in kind.made:
            name = name_of(value, kind, is_id=field == "id")
            if name is not None:
                return name
    return None


def page_with(items: Sequence[Mapping[str, Any]], following: str, form: ListForm) -> dict[str, Any]:
    """`following`: the gateway's page token; empty: there is no more."""
    if form.is_openais:
        ends = {"first_id": items[0].get("id"), "last_id": items[-1].get("id")} if items else {}
        return {"object": "list", "data": [*items], **ends, "has_more": bool(following)}
    page: dict[str, Any] = {form.listed: [*items]} if items else {}
    return {**page, form.following: following} if following else page
