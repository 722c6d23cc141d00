"""What is remembered beyond cooldowns.

Back-offs grow, and keys come back one request at a time.
"""

import asyncio
from typing import Any

import pytest

from proxyapp.pool.keys_and_groups import PoolKey
from proxyapp.pool.probation import PastRefusals, Recovery, Strikes, Unit, strikes_before, units
from tests.support.snapshots import group

KEY = PoolKey(1, group(1, "g"), "SECRET", "…", "active", project="p")
PRO = "gemini-2.5-pro"


def recovery(**past_refusals: Any) -> Recovery:
    return Recovery(PastRefusals(**past_refusals))


@pytest.mark.parametrize(
    ("seconds", "count"), [(30, 1), (59.6, 2), (60, 2), (120, 3), (3600, 8), (1, 1), (0, 1)]
)
def test_a_back_off_tells_how_many_strikes_led_to_it(seconds: float, count: int):
    assert strikes_before("unknown_limit", seconds) == count


def test_a_request_speaks_for_the_key_and_its_project_and_for_the_model_and_all():
    assert units(KEY, PRO) == [Unit(1, PRO), Unit(1, ""), Unit("p", PRO), Unit("p", "")]


def test_strikes_count_for_their_model_until_a_success_after_the_back_off():
    process = recovery(strikes={Unit(1, PRO): Strikes(3, until=100.0)})

    process.succeeded(KEY, PRO, 99.0)
    assert (process.strikes(KEY, PRO, 101.0), process.strikes(KEY, "flash", 101.0)) == (3, 0)
    process.succeeded(KEY, PRO, 101.0)
    assert process.strikes(KEY, PRO, 102.0) == 0


def test_strikes_are_forgotten_after_an_hour():
    process = recovery(strikes={Unit(1, PRO): Strikes(3, until=100.0)})

    assert (process.strikes(KEY, PRO, 3699.0), process.strikes(KEY, PRO, 3700.0)) == (3, 0)


def test_a_reload_does_not_bring_back_what_a_success_has_cleared():
    strikes, returning = {Unit(1, PRO): Strikes(3, until=100.0)}, {Unit("p", PRO): 100.0}
    process = recovery(strikes=dict(strikes), returning=dict(returning))
    process.succeeded(KEY, PRO, 150.0)

    process.install(PastRefusals(returning, strikes), 200.0)
    assert process.is_idle
    process.install(PastRefusals(returning={Unit("p", PRO): 300.0}), 200.0)
    assert not process.is_idle


@pytest.mark.parametrize("unit", units(KEY, PRO))
def test_a_key_is_on_probation_from_the_end_of_its_day_to_the_first_success(unit: Unit):
    process = recovery(returning={unit: 100.0})

    assert process.on_probation(KEY, PRO, 99.0) is None
    assert process.on_probation(KEY, PRO, 100.0) == unit
    process.succeeded(KEY, PRO, 101.0)
    assert process.on_probation(KEY, PRO, 102.0) is None


async def test_one_request_at_a_time_probes():
    process = recovery(returning={Unit("p", PRO): 100.0})
    unit = Unit("p", PRO)

    assert [process.begin_probe(unit), process.begin_probe(unit)] == [True, False]
    waiting = asyncio.ensure_future(process.probe_ended(10.0))
    await asyncio.sleep(0)
    process.end_probe(unit)
    await asyncio.wait_for(waiting, 1.0)
    assert process.begin_probe(unit)
