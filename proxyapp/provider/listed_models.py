"""Lists of models in Google's and OpenAI's words: read, told in the other's, and page by page."""

import json
import re
from collections.abc import Sequence
from typing import Any, NamedTuple

from proxyapp.provider.model_name import normal_name

# As Google has it.
USUAL_PAGE, LARGEST_PAGE = 50, 1000
# More than any provider has; what is beyond them is no list of models.
MOST_MODELS = 20_000
_TOKEN = re.compile(r"at-([0-9]{1,6})")


class ListedModel(NamedTuple):
    """`name`: as requests give it. `fields`: as the provider wrote them."""

    name: str
    fields: dict[str, Any]


class ModelPage(NamedTuple):
    models: list[ListedModel]
    next_token: str = ""


class NoPage(ValueError):
    """What a client asks for is no page. Its text says why."""


def read_page(body: bytes) -> ModelPage | None:
    """None: it is no list of models."""
    try:
        page = json.loads(body)
    except (ValueError, RecursionError):
        return None
    if isinstance(page, list):  # of some local servers
        page = {"data": page}
    if not isinstance(page, dict):
        return None
    lists = [page[key] for key in ("models", "data") if isinstance(page.get(key), list)]
    if not lists and page != {}:  # as Google says that there are none
        return None
    entries: list[object] = lists[0] if lists else []
    models = [
        ListedModel(normal_name(name), each)
        for each in entries
        if isinstance(each, dict) and isinstance(name := each.get("id", each.get("name")), str)
    ]
    token = page.get("nextPageToken")
    return ModelPage(models[:MOST_MODELS], token if isinstance(token, str) else "")


def in_googles_words(model: ListedModel) -> dict[str, Any]:
    if "id" not in model.fields and isinstance(model.fields.get("name"), str):
        return model.fields
    shown = model.fields.get("display_name") or model.fields.get("name") or model.name
    return {"name": f"models/{model.name}", "displayName": shown}


def in_openais_words(model: ListedModel) -> dict[str, Any]:
    if "id" in model.fields:
        return model.fields
    return {"id": model.name, "object": "model", "owned_by": "google"}


def alias_of(alias: str, models: Sequence[str], known: ListedModel | None) -> ListedModel:
    """An entry that says what it is. `known`: that of the model, where its provider lists it."""
    shown = f"{alias} ({', '.join(models)})"
    fields = dict(known.fields) if known is not None else {"name": ""}
    if "id" in fields:
        fields |= {"id": alias, "display_name": shown}
        if "name" in fields:
            fields["name"] = shown
    else:
        fields |= {"name": f"models/{alias}", "displayName": shown}
    return ListedModel(alias, fields)


def named_only(name: str) -> ListedModel:
    """Of which nothing but the name is known."""
    return ListedModel(name, {"name": f"models/{name}", "displayName": name})


def googles_list(models: Sequence[ListedModel], size: str | None, token: str | None) -> bytes:
    """A page. Raises NoPage."""
    start = _start(token, len(models))
    end = start + _page_size(size)
    page: dict[str, Any] = {"models": [in_googles_words(model) for model in models[start:end]]}
    if end < len(models):
        page["nextPageToken"] = f"at-{end}"
    return _written(page)


def openais_list(models: Sequence[ListedModel]) -> bytes:
    listed = {"object": "list", "data": [in_openais_words(model) for model in models]}
    return _written(listed)


def anthropics_list(models: Sequence[ListedModel]) -> bytes:
    data = [
        {
            "created_at": "1970-01-01T00:00:00Z",
            "display_name": model.fields.get("displayName") or model.name,
            **in_openais_words(model),
            "type": "model",
        }
        for model in models
    ]
    ends = {"first_id": data[0]["id"], "last_id": data[-1]["id"]} if data else {}
    listed = {"data": data, "has_more": False, "first_id": None, "last_id": None, **ends}
    return _written(listed)


def _written(page: dict[str, Any]) -> bytes:
    return json.dumps(page, ensure_ascii=False).encode(errors="replace")


def _page_size(text: str | None) -> int:
    """Zero and nothing are the usual one, as Google has it."""
    if not text or text == "0":
        return USUAL_PAGE
    if not (text.isascii() and text.isdecimal()) or len(text) > 9:
        raise NoPage(f"pageSize must be a number from 1 to {LARGEST_PAGE}.")
    return min(int(text), LARGEST_PAGE)


def _start(token: str | None, length: int) -> int:
    if not token:
        return 0
    found = _TOKEN.fullmatch(token)
    if found is None or not 0 < int(found[1]) < max(length, 1):
        raise NoPage("pageToken is none that a list of models of this gateway has given.")
    return int(found[1])
