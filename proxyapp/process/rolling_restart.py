"""A rolling restart: the new workers first, then the old ones go.

If the new ones cannot start, the old ones go on.
"""

import logging
import subprocess
from collections.abc import Mapping, Sequence

from proxyapp.process.worker import Worker
from proxyapp.process.worker_slot import WorkerSlot

START_SECONDS = 120.0

logger = logging.getLogger(__name__)


class RollingRestart:
    """One step at a time, because the workers have to be kept alive meanwhile.

    It begins with `preparation`, a command that does what each start does: it applies migrations
    and the config file.
    """

    def __init__(
        self,
        slots: Sequence[WorkerSlot],
        preparation: Sequence[str],
        environment: Mapping[str, str],
        now: float,
    ) -> None:
        logger.info("A rolling restart begins.")
        self._slots = slots
        self._preparation = subprocess.Popen(preparation, env=environment)  # noqa: S603
        self._successors: list[Worker] = []
        self._due_at = now + START_SECONDS

    def step(self, now: float) -> list[Worker] | None:
        """The workers that are on their way out, once it is over; None while it goes on."""
        failure = self._failure(now)
        if failure:
            logger.error("The restart was given up, and the old workers go on: %s.", failure)
            return self.cancel()
        if self._preparation.poll() is None:
            return None
        if not self._successors:
            self._successors = [slot.start_successor() for slot in self._slots]
        if not all(worker.is_ready() for worker in self._successors):
            return None
        return self._change_over()

    def _failure(self, now: float) -> str:
        if self._preparation.poll():
            return "the preparation failed (see above)"
        for worker in self._successors:
            if not worker.is_alive():
                return f"a new worker ended with code {worker.code} before all were ready"
        if now >= self._due_at:
            return f"the new workers were not ready after {START_SECONDS:.0f} s"
        return ""

    def _change_over(self) -> list[Worker]:
        retired = [predecessor for slot in self._slots if (predecessor := slot.worker)]
        for slot, successor in zip(self._slots, self._successors, strict=True):
            slot.hand_to(successor)
        for worker in retired:
            worker.retire()
        logger.info(
            "Restarted: %d new workers serve, the old ones finish what they began.",
            len(self._successors),
        )
        return retired

    def cancel(self) -> list[Worker]:
        """Ends what it has started, and returns it."""
        if self._preparation.poll() is None:
            self._preparation.terminate()
            self._preparation.wait()
        for worker in self._successors:
            worker.dismiss()
        return self._successors
