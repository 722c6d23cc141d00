"""What other processes of this machine have made, as their spools tell.

While they could not write it nothing else does, whether or not this process can read.
"""

import asyncio
import functools
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from proxyapp.database.threads import DatabaseThreads
from proxyapp.ledger.outbox import Outbox
from proxyapp.ledger.spool import SUFFIX, Spool
from proxyapp.ledger.spool_records import decoded_record
from proxyapp.resources.known import ResourceChange

# Of a file at a time: some ten thousand. What is behind it is read with the next look.
MOST_BYTES = 4 << 20


class ResourceOutbox(Outbox):
    """That of resources, of one process."""

    def __init__(self, threads: DatabaseThreads, spool: Spool, disk: ThreadPoolExecutor) -> None:
        super().__init__(threads, threads.urgent, spool, disk)
        self._others = OtherSpools(spool.folder, spool.kind, spool.stem)

    async def spooled_elsewhere(self, *, is_first: bool) -> list[ResourceChange] | None:
        """What has come since the last look, or all, the oldest first; None: a file is gone since,
        and what it held is in the database.
        """
        look = functools.partial(self._others.changes, is_first=is_first)
        return await asyncio.get_running_loop().run_in_executor(self._disk, look)


class OtherSpools:
    """Files of a kind that others write. `own`: how the names of one's own begin."""

    def __init__(self, folder: Path, kind: str, own: str) -> None:
        self._folder = folder
        self._kind = kind
        self._own = own
        self._read: dict[Path, int] = {}

    def changes(self, *, is_first: bool) -> list[ResourceChange] | None:
        """Blocks."""
        there = self._folder.glob(f"*-{self._kind}-*{SUFFIX}")
        paths = [path for path in there if not path.name.startswith(self._own)]
        if not is_first and not self._read.keys() <= {*paths}:
            return None
        self._read = {path: 0 if is_first else self._read.get(path, 0) for path in paths}
        found = [change for path in paths for change in self._new(path)]
        return sorted(found, key=lambda change: change.at)

    def _new(self, path: Path) -> list[ResourceChange]:
        """A line that is being written is left for the next look."""
        try:
            with path.open("rb") as file:
                file.seek(self._read[path])
                data = file.read(MOST_BYTES)
        except OSError:  # it is in the database by now
            return []
        whole = data[: data.rfind(b"\n") + 1]
        self._read[path] += len(whole)
        records, _ = decoded_record(whole.splitlines(keepends=True))
        return [change for record in records for change in record.resources]
