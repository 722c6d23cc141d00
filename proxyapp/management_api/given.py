"""What operations take: bodies without fields that nobody knows, and lists of a bounded size."""

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any

from ninja import Field, Query, Schema
from pydantic import AfterValidator, ConfigDict, create_model

from proxyapp.vocabulary.group_fields import GROUP_FIELDS
from proxyapp.vocabulary.key_fields import KEY_FIELDS
from proxyapp.vocabulary.setting_field import SettingField, Sort

MOST_ROWS = 500
# Each may cost a few queries.
MOST_SELECTORS = 1000
LARGEST_ID = 2**63 - 1
Limit = Annotated[int, Query(100, ge=1, le=MOST_ROWS)]
LONGEST_WORD = 200
After = Annotated[int, Query(0, ge=0, le=LARGEST_ID)]
Id = Annotated[int | None, Query(None, ge=1, le=LARGEST_ID)]
ModelName = Annotated[str, Query(min_length=1, max_length=LONGEST_WORD)]
MostKeys = Annotated[int, Query(100, ge=1, le=1000)]
Word = Annotated[str, Query("", max_length=LONGEST_WORD)]


def in_utc(moment: datetime) -> datetime:
    """Without a zone it is UTC's. Raises ValueError where zones may leave the calendar."""
    if not datetime.min.year < moment.year < datetime.max.year:
        raise ValueError("is no year that anything happens in")
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


Moment = Annotated[
    datetime | None, AfterValidator(lambda given: given and in_utc(given)), Query(None)
]
TYPES: dict[Sort, Any] = {
    "number": int,
    "flag": bool,
    "exits": list[str],
    "models": list[str],
    "aliases": dict[str, str],
    "fallbacks": dict[str, list[str]],
    "limits": dict[str, dict[str, int | None]],
    "spill": dict[str, float],
}


class Given(Schema):
    """A field that is not known is an error: it may be a mistyped one, or one for nobody to set."""

    model_config = ConfigDict(extra="forbid", strict=True)

    @property
    def fields(self) -> dict[str, Any]:
        """Those that were sent. None: as it is by itself."""
        return self.model_dump(exclude_unset=True)


def _settings(declared: tuple[SettingField, ...]) -> dict[str, Any]:
    return {one.name_in_file: (TYPES.get(one.sort, str) | None, None) for one in declared}


if TYPE_CHECKING:
    GroupSettingsGiven = Given
    KeySettingsGiven = Given
else:
    GroupSettingsGiven = create_model(
        "GroupSettingsGiven", __base__=Given, **_settings(GROUP_FIELDS)
    )
    KeySettingsGiven = create_model("KeySettingsGiven", __base__=Given, **_settings(KEY_FIELDS))


class GroupGiven(GroupSettingsGiven):
    """As in config.yaml, without its keys. Null: the default."""


class KeyChange(KeySettingsGiven):
    """As in config.yaml. Null: the default."""

    group: str | None = Field(None, description="The name of the group that it moves to.")


class NewKeys(Given):
    """`keys`: texts, or mappings as in config.yaml, such as {"key": "AIza…", "project": "a"}."""

    group: str
    keys: list[str | dict[str, Any]] = Field(min_length=1)


class Chosen(Given):
    """`keys`: ids, names, masked forms, or `group:NAME`."""

    keys: list[int | str] = Field(min_length=1, max_length=MOST_SELECTORS)


class Ids(Given):
    ids: list[Annotated[int, Field(ge=1, le=LARGEST_ID)]] = Field(
        min_length=1, max_length=MOST_SELECTORS
    )


class SwitchOff(Given):
    hours: float | None = Field(
        None, gt=0, le=24 * 365, description="On again by itself then. Null: when it is told to."
    )


class TokenTerms(Given):
    """`groups` null: the keys of every group."""

    name: str = ""
    groups: list[str] | None = None
    models: list[str] = []
    fallbacks: dict[str, list[str]] = {}
    shared_resources: bool = False
    requests_per_minute: int | None = None
    requests_per_day: int | None = None
    tokens_per_day: int | None = None
    live_sessions: int | None = None
    max_concurrent: int | None = None
    cost_per_day: str | None = Field(None, description="An amount of money, such as 5.00.")
    cost_per_month: str | None = Field(None, description="An amount of money, such as 50.00.")
    expires_at: str | None = Field(None, description="ISO 8601 with its zone. Null: never.")
