"""Properties that are tried for a length of time instead of a number of examples.

All of them together take a minute.
"""

import time
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, settings

AT_ONCE = settings(
    max_examples=100,
    deadline=None,
    database=None,
    phases=[Phase.generate, Phase.shrink],
    suppress_health_check=list(HealthCheck),
)


def for_seconds(seconds: float) -> Callable[[Any], Any]:
    """Around `@given`: each round draws other examples.

    `make soak` goes on for fifteen times as long.
    """

    def decorate(property_: Any) -> Any:
        rounds = AT_ONCE(property_)

        @pytest.mark.parametrize(
            "seconds", [seconds, pytest.param(15 * seconds, marks=pytest.mark.soak)]
        )
        def run(seconds: float) -> None:
            due = time.monotonic() + seconds
            while time.monotonic() < due:
                rounds()

        run.__name__, run.__doc__ = property_.__name__, property_.__doc__
        return run

    return decorate
