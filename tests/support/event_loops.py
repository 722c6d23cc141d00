"""Both event loops that a gateway may run on, for tests that import `event_loop_policy`."""

import asyncio

import pytest
import uvloop

BOTH_LOOPS = pytest.mark.filterwarnings("ignore:Overriding the .event_loop_policy")

uvloop.new_event_loop().close()  # the first one opens descriptors that stay


@pytest.fixture(params=["asyncio", "uvloop"])
def event_loop_policy(request: pytest.FixtureRequest) -> asyncio.AbstractEventLoopPolicy:
    return (
        uvloop.EventLoopPolicy() if request.param == "uvloop" else asyncio.DefaultEventLoopPolicy()
    )
