"""What a container's first process has to do itself: the kernel gives it no signal that it has not
asked for, so that SIGTERM would not end a start.
"""

import os
import signal
import sys
from types import FrameType

FIRST = 1


def heed_termination() -> None:
    """Until the server has its own way to stop."""
    if os.getpid() == FIRST:
        signal.signal(signal.SIGTERM, _end)


def _end(number: int, frame: FrameType | None) -> None:
    sys.exit(128 + number)
