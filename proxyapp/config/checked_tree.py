"""The values of a config file's tree, each checked at its place."""

from difflib import get_close_matches

from proxyapp.config.plain_yaml import PLAIN_INTEGER, UNKNOWN, BadValue, kind, shown
from proxyapp.config.variables import FromVariable, keys_of
from proxyapp.vocabulary.in_words import gettext as _
from proxyapp.vocabulary.setting_field import Check

MAX_UNKNOWN_SHOWN = 20
# The kinds of what is in a list or mapping are looked at first: names are compared only with names.
MOST_LOOKED_AT = 1000


class CheckedTree:
    """Goes on after a problem, so that one run names all of them."""

    def __init__(self, problems: list[str]) -> None:
        self.problems = problems

    def wrong(self, place: str, problem: str) -> None:
        self.problems.append(f"{place}: {problem}")

    def not_of_kind(self, place: str, allowed: str, value: object, remedy: str = "") -> None:
        """Of a variable without a value that much is said already."""
        if value is not UNKNOWN:
            self.wrong(
                place,
                _("must be %(allowed)s, not %(kind)s%(remedy)s")
                % {"allowed": allowed, "kind": kind(value), "remedy": remedy},
            )

    def mapping(
        self, value: object, place: str, known: tuple[str, ...]
    ) -> dict[str, object] | None:
        if not isinstance(value, dict):
            self.not_of_kind(
                place, _("a mapping with %(names)s") % {"names": ", ".join(known)}, value
            )
            return None
        unknown = [name for name in value if name not in known]
        for name in unknown[:MAX_UNKNOWN_SHOWN]:
            self.wrong(place, _unknown(name, known))
        if len(unknown) > MAX_UNKNOWN_SHOWN:
            more = len(unknown) - MAX_UNKNOWN_SHOWN
            self.wrong(place, _("%(count)s more unknown fields") % {"count": more})
        return value

    def items(self, value: object, place: str, what: str, limit: int) -> list[object]:
        if not isinstance(value, list):
            self.not_of_kind(place, _("a list of %(what)s") % {"what": what}, value)
            return []
        if len(value) > limit:
            self.wrong(
                place,
                _("has %(count)s %(what)s; %(most)s are allowed")
                % {"count": len(value), "what": what, "most": limit},
            )
            return []
        return value

    def entries(self, value: object, place: str, what: str) -> dict[str, object]:
        if not isinstance(value, dict):
            self.not_of_kind(place, _("a mapping of %(what)s") % {"what": what}, value)
            return {}
        if len(value) > MOST_LOOKED_AT:
            self.wrong(
                place,
                _("has %(count)s entries; %(most)s are allowed")
                % {"count": len(value), "most": MOST_LOOKED_AT},
            )
            return {}
        for name in value:
            if not isinstance(name, str):
                self.not_of_kind(f"{place}.{name}", _("text"), name, _("; put it in quotes"))
        return value if all(isinstance(name, str) for name in value) else {}

    def keys_in_places(self, value: object, place: str, limit: int) -> dict[str, object]:
        """By its place: a variable, in place of the list or of a key, may hold several."""
        if isinstance(value, FromVariable):
            return self._keys_of_variable(value, place)
        places: dict[str, object] = {}
        for index, item in enumerate(self.items(value, place, _("keys"), limit)):
            if isinstance(item, FromVariable):
                places |= self._keys_of_variable(item, f"{place}[{index}]")
            else:
                places[f"{place}[{index}]"] = item
        if len(places) > limit:
            self.wrong(
                place,
                _("has %(count)s keys; %(most)s are allowed")
                % {"count": len(places), "most": limit},
            )
        return places

    def _keys_of_variable(self, value: FromVariable, place: str) -> dict[str, object]:
        try:
            keys = keys_of(value) or [""]
        except BadValue as problem:
            self.wrong(place, str(problem))
            return {}
        source = f"${{{value.name}}}"
        if len(keys) == 1:
            return {f"{place} ({source})": keys[0]}
        return {
            f"{place} (key {number} of {source})": key for number, key in enumerate(keys, start=1)
        }

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
            self.wrong(f"{place}.{field}", _("is required"))
        return default or ""

    def number(
        self,
        fields: dict[str, object],
        field: str,
        place: str,
        allowed: range,
        *,
        default: int | None,
    ) -> int | None:
        value = typed(fields.get(field, default))
        if value is UNKNOWN or (default is None and value in (None, "")):
            return default
        if isinstance(value, int) and not isinstance(value, bool) and value in allowed:
            return value
        self.wrong(
            f"{place}.{field}",
            _("must be a number from %(least)s to %(most)s")
            % {"least": allowed[0], "most": allowed[-1]},
        )
        return default

    def flag(
        self, fields: dict[str, object], field: str, place: str, *, default: bool = False
    ) -> bool:
        value = typed(fields.get(field, default))
        if not isinstance(value, bool):
            self.not_of_kind(f"{place}.{field}", _("true or false"), value)
            return default
        return value

    def checked(self, value: object, place: str, check: Check) -> str:
        if not isinstance(value, str):
            self.not_of_kind(place, _("text"), value, _quotes(value))
            return ""
        if problem := check(value):
            self.wrong(place, problem)
            return ""
        return value


def typed(value: object) -> object:
    """A variable that stands alone may hold a number, true or false."""
    if not isinstance(value, FromVariable):
        return value
    if PLAIN_INTEGER.fullmatch(value):
        return int(value)
    return {"true": True, "false": False}.get(value.lower(), value)


def _quotes(value: object) -> str:
    return "" if isinstance(value, list | dict) else _("; put it in quotes")


def _unknown(name: object, known: tuple[str, ...]) -> str:
    near = (
        get_close_matches(str(name).lower(), known, n=1)
        if isinstance(name, str) and len(name) < 100
        else []
    )
    if near:
        text = _("unknown field %(name)s; did you mean '%(near)s'?")
        return text % {"name": shown(name), "near": near[0]}
    text = _("unknown field %(name)s; known are %(known)s")
    return text % {"name": shown(name), "known": ", ".join(known)}
