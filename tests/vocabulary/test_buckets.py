"""How long something took, counted by bounds."""

from bisect import bisect_left

import pytest

from proxyapp.vocabulary.buckets import WAIT_BOUNDS, Buckets, bucket_of


def test_what_is_as_long_as_a_bound_is_within_it():
    buckets = Buckets((0.1, 1.0))

    for seconds in (0.05, 0.1, 0.5, 7.0):
        buckets.add(seconds)

    assert buckets.counts == [2, 1, 1]
    assert buckets.numbers == [2, 1, 1, 7.65]


@pytest.mark.parametrize("seconds", [0.0, 0.001, 0.0011, 2.5, 60.0, 61.0])
def test_a_bound_belongs_to_its_own_bucket(seconds: float) -> None:
    assert bucket_of(WAIT_BOUNDS, seconds) == bisect_left(WAIT_BOUNDS, seconds)
