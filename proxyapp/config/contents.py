"""What a config file says, once it has been read and checked."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from proxyapp.vocabulary.alert_fields import AlertSettings
from proxyapp.vocabulary.group_fields import GroupSettings
from proxyapp.vocabulary.key_fields import KeySettings
from proxyapp.vocabulary.price_fields import PriceSettings
from proxyapp.vocabulary.project_fields import ProjectSettings


@dataclass(frozen=True)
class ServerConfig:
    """`certificate`, `private_key`: paths as the file has them. `tls_port`: besides `port`."""

    host: str = "127.0.0.1"
    port: int = 8080
    allow_anonymous: bool = False
    tls_port: int | None = None
    certificate: str = ""
    private_key: str = ""
    path_prefix: str = ""


@dataclass(frozen=True)
class Secret:
    secret: str = field(repr=False)


@dataclass(frozen=True)
class KeyConfig(KeySettings, Secret):
    """The secret first, then the settings."""


@dataclass(frozen=True)
class GroupConfig(GroupSettings):
    """`placeholders`: where the file has a placeholder in place of a key, such as
    `groups[0].api_keys[1]`. `doubts`: places whose keys are more likely something else, and why.
    """

    api_keys: tuple[KeyConfig, ...] = ()
    placeholders: tuple[str, ...] = ()
    doubts: tuple[str, ...] = field(default=(), compare=False)


@dataclass(frozen=True)
class Config:
    """`account_files`: of service accounts, which hold private keys. `key_files`: with a key a
    line. `alerts`, `prices` None: it says nothing of them.
    """

    server: ServerConfig
    groups: tuple[GroupConfig, ...]
    account_files: tuple[Path, ...] = field(default=(), compare=False)
    projects: tuple[ProjectSettings, ...] = ()
    alerts: tuple[AlertSettings, ...] | None = None
    prices: tuple[PriceSettings, ...] | None = None
    key_files: tuple[Path, ...] = field(default=(), compare=False)

    @property
    def files(self) -> tuple[Path, ...]:
        return *self.account_files, *self.key_files


class ConfigError(Exception):
    """Everything that is wrong with a config file, each problem with its place and what is
    allowed.
    """

    def __init__(self, problems: Iterable[str]) -> None:
        self.problems = list(problems)
        super().__init__("\n".join(self.problems))

    def in_file(self, path: Path) -> "ConfigError":
        """The same problems, each with the file's name in front."""
        return ConfigError(
            problem if problem.startswith(f"{path}:") else f"{path}: {problem}"
            for problem in self.problems
        )
