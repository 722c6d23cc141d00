"""Which limits hold for a key and a model."""

from proxyapp.pool.cooldowns import Cooldowns
from proxyapp.pool.keys_and_groups import PoolKey
from proxyapp.pool.snapshot import Snapshot, build
from proxyapp.quota import limit_book
from proxyapp.quota.limit_book import Limit, LimitBook
from proxyapp.vocabulary.limits import Meter
from proxyapp.vocabulary.project_fields import ProjectSettings
from tests.support.snapshots import group

MINUTE, DAY = "requests_per_minute", "requests_per_day"
PRO = "gemini-2.5-pro"


def pool(*keys: PoolKey, **projects: ProjectSettings) -> Snapshot:
    groups = {key.group.id: key.group for key in keys}
    snapshot = build(1, list(groups.values()), list(keys), Cooldowns())
    snapshot.projects_set = projects
    return snapshot


def key(key_id: int = 1, group_of_key=None, **fields) -> PoolKey:
    return PoolKey(key_id, group_of_key or group(1, "main"), f"K{key_id}", "…", "active", **fields)


def said(book: LimitBook, one: PoolKey, model: str = PRO) -> set[tuple[str, str, int, str]]:
    return {(each.owner, each.meter, each.number, each.source) for each in book.of(one, model)}


def test_without_limits_the_book_is_empty() -> None:
    one = key()

    book = LimitBook(pool(one))

    assert book.is_empty
    assert book.of(one, PRO) == ()


def test_a_groups_limits_are_those_of_each_project_and_of_each_key_without_one() -> None:
    main = group(1, "main", limits={"gemini-*": {MINUTE: 10}, "gpt-*": {MINUTE: 1}})
    alone, labelled = key(1, main), key(2, main, project="alpha")

    book = LimitBook(pool(alone, labelled))

    assert not book.is_empty
    assert book.of(alone, PRO) == (
        Limit("key:1", PRO, Meter.REQUESTS_PER_MINUTE, 10, "group main"),
    )
    assert said(book, labelled) == {("project:alpha", MINUTE, 10, "group main")}
    assert said(book, labelled, "llama") == set()


def test_of_several_patterns_and_sources_the_strictest_counts_of_each_meter() -> None:
    main = group(1, "main", limits={"gemini-*": {MINUTE: 10, DAY: 90}, PRO: {MINUTE: 20, DAY: 80}})
    one = key(1, main, project="alpha", name="laptop", limits={"*": {DAY: 7}})
    project = ProjectSettings("alpha", limits={"*": {DAY: 85, "tokens_per_day": 5}})

    book = LimitBook(pool(one, alpha=project))

    assert said(book, one) == {
        ("project:alpha", MINUTE, 10, "group main"),
        ("project:alpha", DAY, 80, "group main"),
        ("project:alpha", "tokens_per_day", 5, "project alpha"),
        ("key:1", DAY, 7, "key laptop"),
    }
    beaten = {(each.number, each.source) for each in book.all_of(one, PRO) if each.meter == DAY}
    assert beaten == {
        (7, "key laptop"),
        (80, "group main"),
        (85, "project alpha"),
        (90, "group main"),
    }


def test_a_project_in_two_groups_has_one_limit() -> None:
    one = key(1, group(1, "one", limits={"*": {MINUTE: 10}}), project="alpha")
    two = key(2, group(2, "two", limits={"*": {MINUTE: 5}}), project="alpha")
    off = PoolKey(
        3, group(3, "off", limits={"*": {MINUTE: 1}}), "K3", "…", "disabled", project="alpha"
    )

    book = LimitBook(pool(one, two, off))

    assert said(book, one) == said(book, two) == {("project:alpha", MINUTE, 5, "group two")}


def test_a_tier_is_taken_where_it_is_named_and_a_projects_own_before_its_groups() -> None:
    main = group(1, "main", tier="free")
    alone, paid = key(1, main), key(2, main, project="paid")

    book = LimitBook(pool(alone, paid, paid=ProjectSettings("paid", tier="tier-1")))

    assert ("key:1", MINUTE, 5, "tier free") in said(book, alone)
    assert ("project:paid", MINUTE, 150, "tier tier-1") in said(book, paid)
    assert {each[3] for each in said(book, paid)} == {"tier tier-1"}


def test_what_may_be_under_way_is_of_the_group_the_project_and_the_key() -> None:
    one = key(1, group(7, "main", max_concurrent=20), project="alpha", max_concurrent=2)

    book = LimitBook(pool(one, alpha=ProjectSettings("alpha", max_concurrent=4)))

    meter = Meter.MAX_CONCURRENT
    assert set(book.of(one, "")) == {
        Limit("group:7", "", meter, 20, "group main"),
        Limit("project:alpha", "", meter, 4, "project alpha"),
        Limit("key:1", "", meter, 2, "key …"),
    }
    assert set(book.of(one, PRO)) == set(book.of(one, ""))


def test_a_publisher_in_front_of_a_model_is_no_part_of_its_name() -> None:
    one = key(1, group(1, "main", limits={"gemini-*": {MINUTE: 10}}))

    book = LimitBook(pool(one))

    assert len(book.of(one, "google/gemini-2.5-pro")) == 1
    assert book.of(one, "") == ()


def test_names_that_clients_make_up_are_not_kept_for_ever(monkeypatch) -> None:
    monkeypatch.setattr(limit_book, "MOST_KNOWN", 10)
    one = key(1, group(1, "main", limits={"*": {MINUTE: 10}}))
    book = LimitBook(pool(one))

    for number in range(100):
        assert len(book.of(one, f"made-up-{number}")) == 1

    assert len(book._known) <= 10
