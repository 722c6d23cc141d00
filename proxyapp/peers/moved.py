"""What the files of another gateway come to here, and what in them has no place."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from proxyapp.access.foreign_tokens import (
    ForeignToken,
    is_weak,
    masked_foreign,
    why_not_its_terms,
    why_refused,
)
from proxyapp.config.contents import ConfigError
from proxyapp.peers.reasons import NO_PLACE
from proxyapp.vocabulary.checks import check_key
from proxyapp.vocabulary.in_words import gettext as _
from proxyapp.vocabulary.log_masking import beginning, has_secret
from proxyapp.vocabulary.marks import gettext_noop
from proxyapp.vocabulary.quoting import quoted

MOST_LEFT = 1000
MOST_LOOKED_AT = 1_000_000
# As many keys as a config file may have; the tokens of clients are seldom more.
MOST_SECRETS = 100_000
MAX_TEXT = 300
MAX_GROUP_NAME = 80


@dataclass(frozen=True, slots=True)
class Left:
    """`place`: in the file, without a value of it."""

    place: str
    why: str

    def __str__(self) -> str:
        return f"{self.place}: {self.why}"


@dataclass(frozen=True, slots=True)
class MovedKey:
    """`fields`: as the config file names them. `is_off`: it was disabled or given up there."""

    secret: str = field(repr=False)
    fields: dict[str, Any] = field(default_factory=dict, repr=False)
    is_off: bool = False


@dataclass(slots=True)
class MovedGroup:
    """`fields`: as the config file names them, but for name and keys."""

    name: str
    fields: dict[str, Any] = field(default_factory=dict, repr=False)
    keys: list[MovedKey] = field(default_factory=list, repr=False)


@dataclass(slots=True)
class MovedIn:
    """`dropped`: groups that are not made. `prices`: by model, as the config file has them.
    `notes`: what whoever moves should know of what was taken. `encrypted`: keys that stayed closed.
    """

    peer: str
    groups: list[MovedGroup] = field(default_factory=list)
    dropped: list[MovedGroup] = field(default_factory=list)
    tokens: list[ForeignToken] = field(default_factory=list)
    prices: dict[str, dict[str, Any]] = field(default_factory=dict)
    left: list[Left] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    token_notes: list[str] = field(default_factory=list)
    more_left: int = 0
    encrypted: int = 0
    looked_at: int = 0
    secrets: int = 0
    _names: dict[str, int] = field(default_factory=dict, repr=False)

    def leave(self, place: str, why: str = NO_PLACE) -> None:
        """`why`: marked, or in the reader's language already."""
        if len(self.left) < MOST_LEFT:
            self.left.append(Left(printable(place), printable(_(why))))
        else:
            self.more_left += 1

    def look_at(self, count: int) -> None:
        """Before it is gone through: aliases make much of a small file. Raises ConfigError."""
        self.looked_at += count
        if self.looked_at > MOST_LOOKED_AT or self.secrets > MOST_SECRETS:
            raise ConfigError([f"{self.peer}: {_('the file holds more than is read at a time')}"])

    def group(self, name: str, **fields: Any) -> MovedGroup:
        """A new one, under a name that no other has."""
        free = plain = group_name(name) or self.peer
        while free.lower() in self._names:
            self._names[plain.lower()] += 1
            free = f"{plain}-{self._names[plain.lower()]}"
        self._names[free.lower()] = 1
        made = MovedGroup(free, fields)
        self.groups.append(made)
        return made

    def key(
        self, group: MovedGroup, secret: object, place: str, *, is_off: bool = False, **fields: Any
    ) -> None:
        """What is no key is left where it is; so one of them stops no other. Raises ConfigError."""
        self._look_at_secret()
        if not isinstance(secret, str) or not secret.strip():
            self.leave(place, gettext_noop("is no text; a key is needed"))
        elif problem := check_key(secret):
            self.leave(place, problem)
        else:
            said = {name: value for name, value in fields.items() if value not in (None, "")}
            group.keys.append(MovedKey(secret.strip(), said, is_off))

    def token(self, text: object, place: str, name: str, **terms: Any) -> None:
        """`terms`: of ForeignToken. None that cannot be kept as it is comes out wider."""
        self._look_at_secret()
        secret = str(text).strip() if isinstance(text, str | int) else ""
        if not secret:
            return
        if why := why_refused(secret):
            text = _("%(why)s: give its clients another (`manage.py tokens create`)")
            self.leave(place, text % {"why": _(why)})
            return
        token = ForeignToken(text=secret, name=printable(name), **terms)
        if why := why_not_its_terms(token):
            self.leave(place, why)
            return
        self.tokens.append(token)
        if is_weak(secret):
            text = _(
                "client token %(token)s (%(place)s) is weak: whoever can reach the gateway may find"
                " it by trying; replace it soon"
            )
            said = {"token": masked_foreign(secret), "place": place}
            self.token_notes.append(printable(text % said))

    def without_tokens(self) -> int:
        """How many there were. With them goes what was noted of them."""
        tokens, self.tokens, self.token_notes = self.tokens, [], []
        return len(tokens)

    def _look_at_secret(self) -> None:
        self.secrets += 1
        self.look_at(0)

    def rename(self, names: Mapping[str, str]) -> None:
        """With the tokens, which are for groups of these names and no others."""
        for group in self.groups:
            if names[group.name] != group.name:
                self._rename(group, names[group.name])
        self.tokens = [
            replace(token, groups=[names[each] for each in token.groups if each in names])
            if token.groups is not None
            else token
            for token in self.tokens
        ]

    def _rename(self, group: MovedGroup, name: str) -> None:
        old, group.name = group.name, name
        text = _("group %(old)s is %(name)s here: there is one of that name with another target")
        self.notes.append(text % {"old": quoted(old), "name": quoted(name)})

    def drop_empty_groups(self) -> None:
        """A group needs a key."""
        empty = [group for group in self.groups if not group.keys]
        for group in empty:
            self.leave(
                _("group %(name)s") % {"name": quoted(group.name)}, gettext_noop("has no key")
            )
        self.drop(empty)

    def drop(self, groups: Collection[MovedGroup]) -> None:
        gone = {group.name for group in groups}
        self.groups = [group for group in self.groups if group.name not in gone]
        self.dropped += groups

    @property
    def keys(self) -> list[MovedKey]:
        return [key for group in self.groups for key in group.keys]


def printable(text: str) -> str:
    """A key may have slipped into any place."""
    return "".join(each if each.isprintable() else "?" for each in beginning(text, MAX_TEXT))


def group_name(text: str) -> str:
    """What a path of a URL takes, of a name that people gave. Empty for a key in its place."""
    if has_secret(text[:MAX_TEXT]):
        return ""
    kept = (character if character.isalnum() or character in "-_." else "-" for character in text)
    return "".join(kept).strip("-.")[:MAX_GROUP_NAME]
