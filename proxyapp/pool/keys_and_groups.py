"""Keys and their groups as requests need them: read and parsed once."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import NamedTuple
from urllib.parse import urlsplit

import httpx

from proxyapp.pool.key_class import KeyClass
from proxyapp.pool.ring_names import ring_name
from proxyapp.provider.credentials import credentials, speaks_gemini
from proxyapp.provider.target_path import prefix_before, without_api
from proxyapp.provider.vertex_paths import is_vertex
from proxyapp.vocabulary.asgi import Header
from proxyapp.vocabulary.choices import Auth, KeyStatus, RateLimitPolicy, Strategy
from proxyapp.vocabulary.limits import Limits
from proxyapp.vocabulary.model_patterns import pattern_of
from proxyapp.vocabulary.service_account import is_account
from proxyapp.vocabulary.target_places import filled, has_places
from proxyapp.vocabulary.urls import is_host_of_google

# Which key answers is looked for among those that are available.
CHOOSING_STRATEGIES = (Strategy.LEAST_USED, Strategy.FILL_FIRST)


@dataclass(frozen=True, slots=True)
class PoolGroup:
    """A group as requests need it: parsed once.

    `off_until`: when it is on again. `models`: those that it has, empty: every one; `named` finds
    them. `aliases`: other names of models. `fallbacks`: what is asked instead of a model for which
    no key is left.
    `strategy`: its own, or the installation's. `is_plain`: whoever's turn it is answers.
    `key_class`: of keys without a priority and a weight of their own.
    `template`: the target of one that is another for each key, `proxy_pool`: exits of which each
    key has one; `located_groups` knows theirs. `has_exit`: it is the group as keys of one exit have
    it, which `proxy_url` is. `way`: what it has in common with no group that goes another way.
    """

    id: int
    name: str
    url: httpx.URL
    host: bytes
    prefix: bytes
    proxy_url: str | None = field(repr=False)
    auth: str
    policy: str = RateLimitPolicy.DAILY
    enabled: bool = True
    off_until: float | None = None
    priority: int = 0
    weight: int = 1
    ca_certificates: str = ""
    is_link_local_allowed: bool = False
    retry_empty_answers: int = 0
    rewrite_paths: bool = True
    unwrap_errors: bool = True
    include_usage: bool = False
    free: bool = False
    models: tuple[str, ...] = ()
    aliases: Mapping[str, str] = field(default_factory=dict, hash=False)
    fallbacks: Mapping[str, Sequence[str]] = field(default_factory=dict, hash=False)
    shared_resources: bool = False
    tier: str = ""
    limits: Limits = field(default_factory=dict, hash=False)
    max_concurrent: int | None = None
    strategy: str = Strategy.ROUND_ROBIN
    has_own_strategy: bool = False
    spill_after: float | None = None
    sticky: str = ""
    proxy_pool: tuple[str, ...] = field(default=(), repr=False)
    has_exit: bool = False
    template: str = ""
    through: dict[str, "PoolGroup"] = field(
        init=False, repr=False, compare=False, default_factory=dict
    )
    way: object = field(init=False, repr=False, compare=False)
    base: bytes = field(init=False)
    is_of_google: bool = field(init=False)
    named: re.Pattern[str] | None = field(init=False, compare=False)
    is_vertex: bool = field(init=False)
    is_plain: bool = field(init=False)
    is_weighted: bool = field(init=False)
    key_class: KeyClass = field(init=False, compare=False)

    def __post_init__(self) -> None:
        way = (self.id, self.proxy_url) if self.has_exit else self.id
        object.__setattr__(self, "way", way)
        object.__setattr__(self, "base", without_api(self.prefix))
        object.__setattr__(self, "is_of_google", is_host_of_google(self.url.host))
        object.__setattr__(self, "named", pattern_of(self.models))
        object.__setattr__(self, "is_vertex", is_vertex(self.url.host, self.prefix))
        is_chosen = self.strategy in CHOOSING_STRATEGIES or self.spill_after is not None
        object.__setattr__(self, "is_plain", not is_chosen)
        object.__setattr__(self, "is_weighted", self.strategy == Strategy.WEIGHTED)
        object.__setattr__(self, "key_class", KeyClass(self.id, self.priority, 1))

    @property
    def is_off(self) -> bool:
        """Whoever sees that its time is over takes it away: `pool.off_groups`."""
        return not self.enabled or self.off_until is not None

    def has_by_name(self, model: str) -> bool:
        """Also where its publisher stands in front."""
        named = self.named
        if named is None or named.fullmatch(model) is not None:
            return True
        return named.fullmatch(model.rpartition("/")[2]) is not None

    def class_of(self, key: "PoolKey") -> KeyClass:
        priority = self.priority if key.own_priority is None else key.own_priority
        return KeyClass(self.id, priority, key.weight if self.is_weighted else 1)

    @property
    def names_models(self) -> bool:
        """Whether it matters to the group which model is asked for, and by which name."""
        return bool(self.models or self.aliases or self.fallbacks)

    def prefix_before(self, path: bytes) -> bytes:
        return prefix_before(path, prefix=self.prefix, base=self.base)

    def takes_geminis_paths(self, auth: str) -> bool:
        """Whether it speaks Gemini's API, and is asked for paths that the API has."""
        return self.rewrite_paths and speaks_gemini(auth, is_of_google=self.is_of_google)

    @property
    def has_limits(self) -> bool:
        return bool(self.limits or self.tier or self.max_concurrent)

    @property
    def ring(self) -> str:
        return ring_name([self.id])


@dataclass(frozen=True, slots=True)
class PoolKey:
    """A key with its secret decrypted; it never changes: a reload brings a new one.

    `status`: what the database says; cooldowns are the snapshot's. `project`: keys with the same
    label share quotas; empty: the key has its own. `is_readable`: SECRET_KEY opens the secret.
    `name`: as operators know it, if they gave it one. `own_priority`: None: its group's.
    """

    id: int
    group: PoolGroup
    secret: str = field(repr=False)
    masked: str
    status: str
    project: str = ""
    key_hash: str = ""
    is_readable: bool = True
    position: int = 0
    name: str = ""
    limits: Limits = field(default_factory=dict, hash=False)
    max_concurrent: int | None = None
    own_priority: int | None = None
    weight: int = 1

    @property
    def is_account(self) -> bool:
        """A service account, which shows tokens: `upstream.access_tokens`."""
        return is_account(self.secret)

    @property
    def has_limits(self) -> bool:
        """Of its own."""
        return bool(self.limits or self.max_concurrent)

    @property
    def shown(self) -> str:
        return self.name or self.masked

    @property
    def quota_owner(self) -> str:
        """Who has the quotas that its requests use: the project, or a key without one itself."""
        return f"project:{self.project}" if self.project else f"key:{self.id}"

    @property
    def is_active(self) -> bool:
        return self.is_readable and self.status == KeyStatus.ACTIVE and not self.group.is_off

    @property
    def standing(self) -> str:
        """Its status, disabled where its group is off; of a key that SECRET_KEY does not open
        nothing else is to be hoped for.
        """
        if not self.is_readable:
            return "unreadable"
        is_off = self.status == KeyStatus.ACTIVE and self.group.is_off
        return str(KeyStatus.DISABLED if is_off else self.status)

    @property
    def key_class(self) -> KeyClass:
        is_plain = self.own_priority is None and self.weight == 1
        return self.group.key_class if is_plain else self.group.class_of(self)

    @property
    def place(self) -> tuple[KeyClass, int]:
        """Where its turn comes: another one is another order of its rings."""
        return self.key_class, self.position

    def credentials(self, auth: str, *, is_openai: bool) -> list[Header]:
        """None of an account: its private key goes nowhere."""
        if self.is_account:
            return []
        return credentials(auth, self.secret.encode(), is_openai=is_openai)


class GroupFields(NamedTuple):
    id: int
    name: str
    target_url: str
    proxy_url: str | None
    auth: str
    has_single_credential: bool
    policy: str = RateLimitPolicy.DAILY
    enabled: bool = True
    off_until: float | None = None
    priority: int = 0
    weight: int = 1
    ca_certificates: str = ""
    is_link_local_allowed: bool = False
    retry_empty_answers: int = 0
    rewrite_paths: bool = True
    unwrap_errors: bool = True
    include_usage: bool = False
    free: bool = False
    models: Sequence[str] = ()
    aliases: Mapping[str, str] = MappingProxyType({})
    fallbacks: Mapping[str, Sequence[str]] = MappingProxyType({})
    shared_resources: bool = False
    tier: str = ""
    limits: Limits = MappingProxyType({})
    max_concurrent: int | None = None
    strategy: str = Strategy.ROUND_ROBIN
    has_own_strategy: bool = False
    spill_after: float | None = None
    sticky: str = ""
    proxy_pool: Sequence[str] = ()

    def __repr__(self) -> str:
        """Without the passwords of proxies."""
        return f"GroupFields({self.id}, {self.name!r})"


class TargetParts(NamedTuple):
    """As a group has them."""

    url: httpx.URL
    host: bytes
    prefix: bytes


def target_parts(target: str) -> TargetParts:
    parts = urlsplit(target)
    return TargetParts(
        url=httpx.URL(f"{parts.scheme}://{parts.netloc}"),
        host=parts.netloc.encode("idna" if not parts.netloc.isascii() else "ascii"),
        prefix=parts.path.rstrip("/").encode(),
    )


def pool_group(fields: GroupFields) -> PoolGroup:
    """What is not told otherwise is taken as it is."""
    target, as_it_is = fields.target_url, fields._asdict()
    for name in ("target_url", "has_single_credential"):
        del as_it_is[name]
    parts = target_parts(filled(target))
    told_otherwise = {
        "proxy_url": fields.proxy_url or None,
        "auth": resolved_auth(
            fields.auth, parts.url.host, has_single_credential=fields.has_single_credential
        ),
        "models": tuple(fields.models),
        "aliases": dict(fields.aliases),
        "fallbacks": dict(fields.fallbacks),
        "limits": dict(fields.limits),
        "proxy_pool": tuple(fields.proxy_pool),
        "template": target if has_places(target) else "",
    }
    return PoolGroup(**{**as_it_is, **parts._asdict(), **told_otherwise})


def resolved_auth(auth: str, host: str, *, has_single_credential: bool) -> str:
    """What `auto` stands for, and `google` for a target that has refused two credentials."""
    if auth == Auth.AUTO:
        auth = Auth.GOOGLE if is_host_of_google(host) else Auth.BOTH
    if auth == Auth.BOTH and has_single_credential:
        return Auth.GOOGLE
    return auth
