"""A PostgreSQL that follows another one and takes its place."""

import os
import subprocess

from tests.support.cluster import Cluster
from tests.support.postgres import START_SECONDS
from tests.support.waiting import wait_for


class Standby(Cluster):
    """What its primary says it has committed is here, too, from `__enter__` on."""

    def __init__(self, primary: Cluster) -> None:
        super().__init__()
        self._primary = primary
        self._password = primary.password

    def __enter__(self) -> "Standby":
        super().__enter__()
        try:
            self._primary.ask("ALTER SYSTEM SET synchronous_standby_names = '*'")
            self._primary.ask("SELECT pg_reload_conf()")
            wait_for(self._is_followed, 30)
        except BaseException:
            self.__exit__()
            raise
        return self

    def _prepare(self) -> None:
        """A copy of the primary's data, by its own program."""
        self._binaries, self._as_user = self._primary._binaries, self._primary._as_user
        data = self._directory / "data"
        data.mkdir(mode=0o700)
        if (user := self._as_user.get("user")) is not None:
            self._directory.chmod(0o755)
            os.chown(data, user, self._as_user["group"])
        command = [str(self._binaries / "pg_basebackup"), "--write-recovery-conf", "--no-sync"]
        command += ["--checkpoint=fast", f"--pgdata={data}", f"--dbname={self._primary.url}"]
        done = subprocess.run(
            command, capture_output=True, timeout=START_SECONDS, check=False, **self._as_user
        )
        assert done.returncode == 0, done.stderr.decode()

    def _is_followed(self) -> bool:
        query = "SELECT count(*) FROM pg_stat_replication WHERE sync_state = 'sync'"
        return bool(self._primary.ask(query) == 1)

    def promote(self) -> None:
        self.ask("SELECT pg_promote()")
