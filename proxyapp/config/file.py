"""The config file: groups and their keys in YAML.

Reads and checks it; nothing here touches the database.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path

from proxyapp.config import plain_yaml
from proxyapp.config.plain_yaml import kind, shown
from proxyapp.vocabulary import certificates
from proxyapp.vocabulary.checks import (
    check_group_name,
    check_host,
    check_key,
    check_label,
    check_port,
    check_proxy_url,
    check_target_url,
    is_placeholder,
    proxies,
    targets,
)
from proxyapp.vocabulary.choices import (
    DEFAULT_TARGET_URL,
    MAX_PRIORITY,
    MAX_WEIGHT,
    Auth,
    RateLimitPolicy,
    choice_values,
)

__all__ = [
    "Config",
    "ConfigError",
    "GroupConfig",
    "KeyConfig",
    "ServerConfig",
    "check_group_name",
    "check_key",
    "check_proxy_url",
    "check_target_url",
    "load",
    "parse",
]

MAX_FILE_BYTES = 4 * 1024 * 1024
MAX_GROUPS = 10_000
MAX_KEYS = 100_000
MAX_UNKNOWN_SHOWN = 20

CONFIG_FIELDS = ("server", "groups")
SERVER_FIELDS = ("host", "port", "allow_anonymous")
GROUP_FIELDS = (
    "name",
    "target_url",
    "proxy_url",
    "ca_file",
    "ca_certificates",
    "allow_link_local",
    "rate_limit_policy",
    "auth",
    "priority",
    "weight",
    "api_keys",
)
KEY_FIELDS = ("key", "name", "project")

POLICIES = choice_values(RateLimitPolicy)
AUTHS = choice_values(Auth)
Check = Callable[[str], str | None]


@dataclass(frozen=True)
class ServerConfig:
    host: str = "127.0.0.1"
    port: int = 8080
    allow_anonymous: bool = False


@dataclass(frozen=True)
class KeyConfig:
    secret: str = field(repr=False)
    name: str = ""
    project: str = ""


@dataclass(frozen=True)
class GroupConfig:
    """`placeholders`: where the file has a placeholder in place of a key, such as
    `groups[0].api_keys[1]`.
    """

    name: str
    target_url: str = DEFAULT_TARGET_URL
    proxy_url: str | None = field(default=None, repr=False)
    ca_certificates: str = ""
    allow_link_local: bool = False
    rate_limit_policy: str = RateLimitPolicy.DAILY.value
    auth: str = Auth.AUTO.value
    priority: int = 0
    weight: int = 1
    api_keys: tuple[KeyConfig, ...] = ()
    placeholders: tuple[str, ...] = ()


@dataclass(frozen=True)
class Config:
    server: ServerConfig
    groups: tuple[GroupConfig, ...]


class ConfigError(Exception):
    """Everything that is wrong with a config file, each problem with its place and what is
    allowed.
    """

    def __init__(self, problems: Iterable[str]) -> None:
        self.problems = list(problems)
        super().__init__("\n".join(self.problems))


def load(path: Path) -> Config:
    """Raises ConfigError, also when the file cannot be read."""
    try:
        with path.open("rb") as file:
            content = file.read(MAX_FILE_BYTES + 1)
    except (OSError, ValueError) as error:
        reason = (error.strerror if isinstance(error, OSError) else None) or str(error)
        raise ConfigError([f"{path}: cannot be read: {reason}"]) from error
    if len(content) > MAX_FILE_BYTES:
        raise ConfigError(
            [f"{path}: is larger than {MAX_FILE_BYTES // 1024**2} MiB, the limit for a config file"]
        )
    try:
        return parse(content.decode("utf-8-sig"), folder=path.parent)
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise ConfigError([f"{path}: line {line}: is not UTF-8; save the file as UTF-8"]) from None


def parse(text: str, *, folder: Path | None = None) -> Config:
    """Raises ConfigError with all problems at once.

    `folder`: where files that it names are; None: it may name none.
    """
    if len(text) > MAX_FILE_BYTES:
        raise ConfigError(
            [f"more than {MAX_FILE_BYTES // 1024**2} MiB, the limit for a config file"]
        )
    tree, problems = plain_yaml.read_yaml(text)
    if tree is None:
        raise ConfigError(problems or ["the file is empty; it needs 'groups'"])
    config = _Reading(problems, folder).config(tree)
    if problems:
        raise ConfigError(problems)
    return config


class _Reading:
    """Reads on after a problem, so that one run names all of them."""

    def __init__(self, problems: list[str], folder: Path | None) -> None:
        self.problems = problems
        self.folder = folder

    def wrong(self, place: str, problem: str) -> None:
        self.problems.append(f"{place}: {problem}")

    def config(self, tree: object) -> Config:
        fields = self.mapping(tree, "the file", CONFIG_FIELDS)
        if fields is None:
            return Config(ServerConfig(), ())
        if "groups" not in fields:
            self.wrong("groups", "is required")
        groups = self.items(fields.get("groups", []), "groups", "groups", MAX_GROUPS)
        return Config(self.server(fields.get("server")), self.groups(groups))

    def server(self, value: object) -> ServerConfig:
        fields = self.mapping({} if value is None else value, "server", SERVER_FIELDS) or {}
        host = self.text(fields, "host", "server", check_host, default=ServerConfig.host)
        return ServerConfig(
            host,
            self.port(fields.get("port", ServerConfig.port)),
            self.flag(fields, "allow_anonymous", "server"),
        )

    def port(self, value: object) -> int:
        if not isinstance(value, int) or isinstance(value, bool):
            self.wrong("server.port", f"must be a whole number from 1 to 65535, not {kind(value)}")
            return ServerConfig.port
        if problem := check_port(value):
            self.wrong("server.port", problem)
        return value

    def groups(self, values: list[object]) -> tuple[GroupConfig, ...]:
        if self.has_too_many_keys(values):
            return ()
        groups = {
            f"groups[{index}]": self.group(value, f"groups[{index}]")
            for index, value in enumerate(values)
        }
        first: dict[str, str] = {}
        for place, group in groups.items():
            earlier = first.setdefault(group.name.lower(), place)
            if earlier != place and group.name:
                self.wrong(f"{place}.name", f"is the name of {earlier} again (case does not count)")
        return tuple(groups.values())

    def has_too_many_keys(self, values: list[object]) -> bool:
        """Counted first: aliases can repeat one long list in many groups."""
        lists = [value.get("api_keys") for value in values if isinstance(value, dict)]
        count = sum(len(keys) for keys in lists if isinstance(keys, list))
        if count > MAX_KEYS:
            self.wrong("groups", f"{count} keys; {MAX_KEYS} are allowed")
        return count > MAX_KEYS

    def group(self, value: object, place: str) -> GroupConfig:
        fields = self.mapping(value, place, GROUP_FIELDS)
        if fields is None:
            return GroupConfig(name="")
        keys, placeholders = self.keys(fields, f"{place}.api_keys")
        allow_link_local = self.flag(fields, "allow_link_local", place)
        return GroupConfig(
            name=self.text(fields, "name", place, check_group_name).strip(),
            target_url=self.text(
                fields, "target_url", place, targets(allow_link_local), default=DEFAULT_TARGET_URL
            ),
            proxy_url=self.proxy_url(fields, place, allow_link_local),
            ca_certificates=self.ca_certificates(fields, place),
            allow_link_local=allow_link_local,
            rate_limit_policy=self.text(
                fields, "rate_limit_policy", place, _one_of(POLICIES), default=POLICIES[0]
            ),
            auth=self.text(fields, "auth", place, _one_of(AUTHS), default=AUTHS[0]),
            priority=self.number(fields, "priority", place, range(MAX_PRIORITY + 1), default=0),
            weight=self.number(fields, "weight", place, range(1, MAX_WEIGHT + 1), default=1),
            api_keys=keys,
            placeholders=placeholders,
        )

    def proxy_url(
        self, fields: dict[str, object], place: str, allow_link_local: bool
    ) -> str | None:
        if fields.get("proxy_url") in (None, ""):
            return None
        return self.text(fields, "proxy_url", place, proxies(allow_link_local))

    def ca_certificates(self, fields: dict[str, object], place: str) -> str:
        """Written out, or in a file whose path is relative to that of the config."""
        given = [
            field for field in ("ca_file", "ca_certificates") if fields.get(field) not in (None, "")
        ]
        if len(given) == 2:
            self.wrong(f"{place}.ca_file", "stands beside ca_certificates; give one of the two")
            return ""
        if not given:
            return ""
        text = self.text(fields, given[0], place, lambda value: None)
        try:
            pem = (
                certificates.read_certificates(text, self.folder) if given[0] == "ca_file" else text
            )
            return certificates.in_one_form(pem) if text else ""
        except certificates.BadCertificates as problem:
            self.wrong(f"{place}.{given[0]}", str(problem))
            return ""

    def keys(
        self, fields: dict[str, object], place: str
    ) -> tuple[tuple[KeyConfig, ...], tuple[str, ...]]:
        """The keys, and the places of placeholders."""
        if "api_keys" not in fields:
            self.wrong(place, "is required")
            return (), ()
        values = self.items(fields["api_keys"], place, "keys", MAX_KEYS)
        if fields["api_keys"] == []:
            self.wrong(place, "must not be empty; give at least one key")
        keys = {
            f"{place}[{index}]": self.key(value, f"{place}[{index}]")
            for index, value in enumerate(values)
        }
        placeholders = [place for place, key in keys.items() if is_placeholder(key.secret)]
        return tuple(key for key in keys.values() if not is_placeholder(key.secret)), tuple(
            placeholders
        )

    def key(self, value: object, place: str) -> KeyConfig:
        if not isinstance(value, dict):
            return KeyConfig(self.checked(value, place, _check_key_in_file).strip())
        fields = {
            name: field
            for name, field in value.items()
            if field is not None or name not in ("name", "project")
        }
        self.mapping(value, place, KEY_FIELDS)
        return KeyConfig(
            secret=self.text(fields, "key", place, _check_key_in_file).strip(),
            name=self.text(fields, "name", place, check_label, default="").strip(),
            project=self.text(fields, "project", place, check_label, default="").strip(),
        )

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


def _check_key_in_file(value: str) -> str | None:
    return None if is_placeholder(value) else check_key(value)


def _one_of(values: Sequence[str]) -> Check:
    def check(value: str) -> str | None:
        return None if value in values else f"must be one of {', '.join(values)}"

    return check


def _quotes(value: object) -> str:
    return "" if isinstance(value, list | dict) else "; put it in quotes"


def _suggestion(name: object, known: tuple[str, ...]) -> str:
    near = (
        get_close_matches(str(name).lower(), known, n=1)
        if isinstance(name, str) and len(name) < 100
        else []
    )
    return f"; did you mean '{near[0]}'?" if near else f"; known are {', '.join(known)}"
