"""Where keys stand in JSON and YAML: in lists, and in fields that are named for them."""

import json
import re
from collections.abc import Iterator, Mapping

from proxyapp.config import plain_yaml
from proxyapp.config.key_shape import OF_PROVIDER
from proxyapp.vocabulary.no_keys import PRIVATE_KEY, STAND_INS, why_no_key

KEY_COLUMNS = ("key", "api_key", "apikey", "secret", "token", "value")
NAME_OF_SECRET = re.compile(
    r"(?:.*[_.-])?(?:api_?)?(?:keys?|tokens?|secrets?)(?:[_.-]?\d+)?", re.IGNORECASE
)
COMMENT = re.compile(r"\s*(?:#|//|;)")
SEPARATORS = re.compile(r"[\s,;]+")
STRUCTURED = re.compile(r"\s*(?:---|[\[{]|-\s|[\"']?[\w .-]+[\"']?:(?:\s|$))")


def values_in_tree(text: str) -> list[tuple[str, Mapping[object, object]]]:
    """Each with the mapping that it is a field of. Nothing of a text that is neither."""
    tree = _tree(text)
    if not isinstance(tree, list | dict):
        return []
    try:
        return list(_values(tree, is_listed=True))
    except RecursionError:
        return []


def _tree(text: str) -> object:
    if not STRUCTURED.match(_without_comments(text)):
        return None
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        tree, problems = plain_yaml.read_yaml(text)
        return None if problems else tree


def _without_comments(text: str) -> str:
    lines = (line for line in text.splitlines() if line.strip() and not COMMENT.match(line))
    return next(lines, "")


def _values(value: object, *, is_listed: bool) -> Iterator[tuple[str, Mapping[object, object]]]:
    """Texts that stand where keys do, each with the mapping that it is a field of."""
    if isinstance(value, str):
        if is_listed or OF_PROVIDER.fullmatch(value):
            yield value, {}
    elif isinstance(value, list):
        for item in value:
            yield from _values(item, is_listed=is_listed)
    elif isinstance(value, dict):
        for name, item in value.items():
            yield from _values_of_field(value, str(name).lower(), item)


def _values_of_field(
    fields: Mapping[object, object], name: str, item: object
) -> Iterator[tuple[str, Mapping[object, object]]]:
    is_of_keys = NAME_OF_SECRET.fullmatch(name) is not None
    if isinstance(item, str) and name in KEY_COLUMNS:
        yield item, fields
    elif isinstance(item, str) and is_of_keys:
        yield from ((part, {}) for part in parts_of(item))
    else:
        yield from _values(item, is_listed=is_of_keys)


def parts_of(value: str) -> list[str]:
    """The keys in a field, apart, or what stands in their place, whole."""
    if why_no_key(value.strip()) in {PRIVATE_KEY, *STAND_INS}:
        return [value]
    return [part for part in SEPARATORS.split(value) if part]
