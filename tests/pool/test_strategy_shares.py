"""The shares of each strategy, in one process and in several at the same time."""

from collections import Counter

import pytest

from tests.support.picking import picks_of
from tests.support.shared_database import shared_database

PICKS = 480
# Projects a a b c, weights 1 2 3 4.
ADD_KEYS = """
from proxyapp.models import *
g = Group.objects.create(name='g')
for n, project in enumerate('aabc'):
    k = ApiKey(group=g, position=n, project=project, weight=n + 1)
    k.set_secret(f'SECRET-{n}'); k.save()
"""


@pytest.fixture(scope="module")
def database(tmp_path_factory):
    with shared_database(tmp_path_factory.mktemp("shares"), ADD_KEYS) as environment:
        yield environment


@pytest.mark.parametrize("processes", [1, 3])
@pytest.mark.parametrize(
    ("strategy", "shares"),
    [
        ("round_robin", [1 / 4] * 4),
        ("weighted", [0.1, 0.2, 0.3, 0.4]),
        ("least_used", [1 / 6, 1 / 6, 1 / 3, 1 / 3]),
        ("fill_first", [1 / 2, 1 / 2, 0, 0]),
    ],
)
def test_the_shares_of_a_strategy(database, strategy, shares, processes):
    environment = {**database, "ROTATION_STRATEGY": strategy}

    picks = picks_of(environment, PICKS, processes=processes)

    assert len({slot for slot, _ in picks}) == PICKS * processes
    counted = Counter(key_id for _, key_id in picks)
    assert [counted[key_id] for key_id in (1, 2, 3, 4)] == [
        pytest.approx(share * PICKS * processes, abs=processes) for share in shares
    ]


@pytest.mark.parametrize(
    ("strategy", "shares"), [("round_robin", [1 / 4] * 4), ("weighted", [0.1, 0.2, 0.3, 0.4])]
)
def test_a_lock_a_request_gives_the_same(database, strategy, shares):
    environment = {**database, "ROTATION_STRATEGY": strategy, "ROTATION_LEASE": "1"}

    picks = picks_of(environment, 100, processes=3)

    counted = Counter(key_id for _, key_id in picks)
    assert [counted[key_id] for key_id in (1, 2, 3, 4)] == [
        pytest.approx(share * 300, abs=1) for share in shares
    ]
