"""What clients are told that an upstream said, while all keys wait for their quotas."""

from datetime import UTC, datetime, timedelta

import pytest

from proxyapp.models import ApiKey, Group
from proxyapp.pool import last_words
from proxyapp.pool.cooldown_rows import NewCooldown, write_cooldowns
from proxyapp.pool.last_words import LastWords, words_in_events
from proxyapp.pool.ring_names import ALL_GROUPS
from proxyapp.pool.snapshot import Snapshot
from proxyapp.pool.store import PoolReader
from tests.support.snapshots import snapshot

NOW = datetime(2026, 11, 23, 12, 30, tzinfo=UTC)
AT = NOW.timestamp()
MODEL = "gemini-2.5-pro"


class CountedReads(LastWords):
    def __init__(self) -> None:
        super().__init__(None)  # type: ignore[arg-type]
        self.reads: list[str] = []

    async def _read(self, ring, quota_scope, now):
        self.reads.append(quota_scope)
        return f"read {len(self.reads)}"


async def test_what_was_heard_is_told_until_the_first_key_is_back():
    words, ring = CountedReads(), snapshot("a").rings[ALL_GROUPS]
    words.note(ring, MODEL, "No quota.", AT + 10)

    assert await words.of(ring, MODEL, AT + 10, AT + 9) == "No quota."
    assert await words.of(ring, MODEL, AT + 60, AT + 11) == "read 1"
    assert await words.of(ring, MODEL, AT + 60, AT + 12) == "read 1"


async def test_models_that_clients_make_up_are_read_for_once():
    words, pool = CountedReads(), snapshot("a", {1: AT + 60})
    pool.cool(1, AT + 90, quota_scope=MODEL)
    ring = pool.rings[ALL_GROUPS]

    for model in [MODEL, "made-up", "made-up-2", MODEL]:
        await words.of(ring, model, AT + 60, AT)

    assert words.reads == [MODEL, ""]


async def test_so_much_is_kept(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(last_words, "MOST_KEPT", 1)
    words, pool = CountedReads(), snapshot("aa")

    for group in ("group:1", "group:2", "group:1"):
        await words.of(pool.rings[group], MODEL, AT + 60, AT)

    assert len(words.reads) == 3


def refused(key: ApiKey, message: str, model: str = MODEL, project: str = "") -> None:
    excerpt = f'{{"error": {{"code": 429, "message": "{message}"}}}}'
    until = NOW + timedelta(hours=1)
    write_cooldowns([NewCooldown(key.pk, model, "day", 429, NOW, until, excerpt, project)])


def pool_of(*projects: str) -> tuple[Snapshot, list[ApiKey]]:
    """One group with one key for each."""
    keys = []
    for number, project in enumerate(projects):
        group = Group.objects.create(name=f"g{number}", position=number)
        key = ApiKey(group=group, project=project)
        key.set_secret(f"SECRET-{number}")
        key.save()
        keys.append(key)
    return PoolReader().load(NOW), keys


@pytest.mark.django_db
def test_the_last_event_of_the_rings_own_keys_is_read():
    pool, (mine, others) = pool_of("", "")
    refused(mine, "The first.")
    refused(mine, "The last.")
    refused(mine, "Of another model.", "gemini-2.5-flash")
    refused(others, "Of another group.")

    keys = pool.rings[f"group:{mine.group_id}"].keys
    assert words_in_events(keys, MODEL, NOW) == "The last."
    assert words_in_events(keys, MODEL, NOW + timedelta(hours=2)) == ""
    assert words_in_events(pool.rings[ALL_GROUPS].keys, MODEL, NOW) == "Of another group."


@pytest.mark.django_db
def test_what_takes_out_the_project_is_said_of_each_of_its_keys():
    pool, (mine, sibling) = pool_of("p", "p")
    refused(sibling, "The project's.", "", "p")

    assert words_in_events(pool.rings[f"group:{mine.group_id}"].keys, MODEL, NOW) == (
        "The project's."
    )
