"""How long something took, counted by bounds."""

from proxyapp.vocabulary.buckets import Buckets


def test_what_is_as_long_as_a_bound_is_within_it():
    buckets = Buckets((0.1, 1.0))

    for seconds in (0.05, 0.1, 0.5, 7.0):
        buckets.add(seconds)

    assert buckets.counts == [2, 1, 1]
    assert buckets.numbers == [2, 1, 1, 7.65]
