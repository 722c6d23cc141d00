"""What the benchmark of several nodes makes of its figures."""

import pytest

from bench.scale import CostShare, fitted
from bench.scale_simulation import flush_pause, simulate

pytestmark = pytest.mark.once


def test_a_figure_is_shared_out_among_processes_and_requests():
    true = CostShare(process=27.0, request=0.02)
    points = [(p, r, true.of(p, r)) for p in (1, 2, 4, 8) for r in (100.0, 400.0)]

    assert fitted(points) == pytest.approx(true)


def test_processes_that_seldom_come_do_not_wait_and_many_wait_for_each_other():
    alone, many = (simulate(count, 0.04, flush_pause) for count in (1, 100))

    assert alone.waiting == alone.late == 0
    assert alone.p99 < 0.06
    assert many.utilisation > 0.9
    assert many.waiting > 10
