"""What keys did for each model."""

from datetime import timedelta

import pytest

from proxyapp.models import ApiKey, DailyUsage, Group
from proxyapp.operators.model_report import ModelCounts, ModelPattern, counts_of_models
from tests.support.pool_data import NOW, add_group, add_key, use

pytestmark = pytest.mark.django_db


@pytest.fixture
def group() -> Group:
    return add_group("main")


def test_hours_and_days_of_all_models_are_added_up(group: Group):
    one, two = add_key(group, "one"), add_key(group, "two")
    use(one, NOW, "pro", requests=1, client_errors=1, prompt_tokens=10, thought_tokens=3)
    use(one, NOW - timedelta(hours=2), "pro", requests=2, upstream_errors=2, cached_tokens=5)
    use(one, NOW, "flash", requests=9, rate_limited=4)
    use(two, NOW, "", requests=7)
    DailyUsage.objects.create(key=one, day=NOW.date(), model="pro", requests=4, tool_use_tokens=6)

    found = counts_of_models(None)

    assert list(found[one.pk].items()) == [
        ("flash", ModelCounts(requests=9, rate_limited=4)),
        ("pro", ModelCounts(7, 0, 3, 10, 0, 5, 3, 6)),
    ]
    assert found[two.pk] == {"": ModelCounts(requests=7)}


def test_the_split_is_what_the_whole_key_has(group: Group):
    key = add_key(group, "one")
    for number in range(50):
        use(key, NOW - timedelta(hours=number), f"m{number % 7}", requests=number, output_tokens=1)

    models = counts_of_models(None)[key.pk].values()

    assert sum(counts.requests for counts in models) == key.total.requests
    assert sum(counts.output_tokens for counts in models) == key.total.output_tokens == 50


def test_some_keys_alone_are_asked_for(group: Group):
    one, two = add_key(group, "one"), add_key(group, "two")
    for key in (one, two):
        use(key, NOW, "pro", requests=1)

    assert set(counts_of_models(ApiKey.objects.filter(pk=one.pk))) == {one.pk}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("gemini-2.5-pro", {"gemini-2.5-pro"}),
        (" models/gemini-2.5-pro ", {"gemini-2.5-pro"}),
        ("gemini-*", {"gemini-2.5-pro", "gemini-2.5-flash", "gemini-3"}),
        ("gemini-2.5-*", {"gemini-2.5-pro", "gemini-2.5-flash"}),
        ("*", {"gemini-2.5-pro", "gemini-2.5-flash", "gemini-3", "old", ""}),
        ("gemini-?", {"gemini-3"}),
        ("gemini-[0-9]", {"gemini-3"}),
        ("GEMINI-3", set()),
        ("o%", set()),
    ],
)
def test_a_pattern_is_a_name_or_has_wildcards(group: Group, text: str, expected: set[str]):
    key = add_key(group, "one")
    for model in ("gemini-2.5-pro", "gemini-2.5-flash", "gemini-3", ""):
        use(key, NOW, model, requests=1)
    DailyUsage.objects.create(key=key, day=NOW.date(), model="old", requests=4)

    assert set(counts_of_models(None, ModelPattern(text)).get(key.pk, {})) == expected


def test_it_takes_one_query_however_many_keys_there_are(
    group: Group, django_assert_num_queries: pytest.FixtureRequest
):
    for number in range(20):
        use(add_key(group, f"key-{number}"), NOW, f"m{number}", requests=1)

    with django_assert_num_queries(1):  # type: ignore[operator]
        assert len(counts_of_models(None)) == 20
    with django_assert_num_queries(1):  # type: ignore[operator]
        assert len(counts_of_models(ApiKey.objects.all(), ModelPattern("m3"))) == 1
