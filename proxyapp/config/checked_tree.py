"""The values of a config file's tree, each checked at its place."""

from difflib import get_close_matches

from proxyapp.config.plain_yaml import kind, shown
from proxyapp.vocabulary.group_fields import Check

MAX_UNKNOWN_SHOWN = 20


class CheckedTree:
    """Goes on after a problem, so that one run names all of them."""

    def __init__(self, problems: list[str]) -> None:
        self.problems = problems

    def wrong(self, place: str, problem: str) -> None:
        self.problems.append(f"{place}: {problem}")

    def mapping(
        self, value: object, place: str, known: tuple[str, ...]
    ) -> dict[str, object] | None:
        if not isinstance(value, dict):
            self.wrong(place, f"must be a mapping with {', '.join(known)}, not {kind(value)}")
            return None
        unknown = [name for name in value if name not in known]
        for name in unknown[:MAX_UNKNOWN_SHOWN]:
            self.wrong(place, f"unknown field {shown(name)}{_suggestion(name, known)}")
        if len(unknown) > MAX_UNKNOWN_SHOWN:
            self.wrong(place, f"{len(unknown) - MAX_UNKNOWN_SHOWN} more unknown fields")
        return value

    def items(self, value: object, place: str, what: str, limit: int) -> list[object]:
        if not isinstance(value, list):
            self.wrong(place, f"must be a list of {what}, not {kind(value)}")
            return []
        if len(value) > limit:
            self.wrong(place, f"has {len(value)} {what}; {limit} are allowed")
            return []
        return value

    def text(
        self,
        fields: dict[str, object],
        field: str,
        place: str,
        check: Check,
        *,
        default: str | None = None,
    ) -> str:
        """Without a default the field is required. What is wrong comes out as an empty text."""
        if field in fields:
            return self.checked(fields[field], f"{place}.{field}", check)
        if default is None:
            self.wrong(f"{place}.{field}", "is required")
        return default or ""

    def number(
        self, fields: dict[str, object], field: str, place: str, allowed: range, *, default: int
    ) -> int:
        value = fields.get(field, default)
        if isinstance(value, int) and not isinstance(value, bool) and value in allowed:
            return value
        self.wrong(f"{place}.{field}", f"must be a number from {allowed[0]} to {allowed[-1]}")
        return default

    def flag(self, fields: dict[str, object], field: str, place: str) -> bool:
        value = fields.get(field, False)
        if not isinstance(value, bool):
            self.wrong(f"{place}.{field}", f"must be true or false, not {kind(value)}")
        return value is True

    def checked(self, value: object, place: str, check: Check) -> str:
        if not isinstance(value, str):
            self.wrong(place, f"must be text, not {kind(value)}{_quotes(value)}")
            return ""
        if problem := check(value):
            self.wrong(place, problem)
            return ""
        return value


def _quotes(value: object) -> str:
    return "" if isinstance(value, list | dict) else "; put it in quotes"


def _suggestion(name: object, known: tuple[str, ...]) -> str:
    near = (
        get_close_matches(str(name).lower(), known, n=1)
        if isinstance(name, str) and len(name) < 100
        else []
    )
    return f"; did you mean '{near[0]}'?" if near else f"; known are {', '.join(known)}"
