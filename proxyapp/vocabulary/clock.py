"""How much time passes, whatever is done to the machine's clock, and when it was set anew."""

import time
from collections.abc import Callable

# More than NTP slews between two looks, less than a wait that anybody would notice.
JUMP_SECONDS = 1.0
# Of two clocks; those of machines that NTP keeps differ by less.
TOLERANCE_SECONDS = 5.0
_SINCE_BOOT = getattr(time, "CLOCK_BOOTTIME", None)


def elapsed_seconds() -> float:
    """Never set back or forth. On Linux the time that a machine slept counts: cooldowns end
    meanwhile.
    """
    return time.monotonic() if _SINCE_BOOT is None else time.clock_gettime(_SINCE_BOOT)


class JumpDetector:
    """Tells by how much the machine's clock was set since the last look."""

    def __init__(
        self,
        wall: Callable[[], float] = time.time,
        elapsed: Callable[[], float] = elapsed_seconds,
    ) -> None:
        self._wall = wall
        self._elapsed = elapsed
        self._began_at = wall() - elapsed()

    def look(self) -> float:
        """In seconds; 0.0 when it was not set. Positive: it was set forward."""
        began_at = self._wall() - self._elapsed()
        jump = began_at - self._began_at
        if abs(jump) < JUMP_SECONDS:
            return 0.0
        self._began_at = began_at
        return jump
