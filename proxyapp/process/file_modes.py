"""Files with secrets that others on this machine can read or change: each with the command that
mends it.

Readers in the file's own group are usual (0640). On a read-only mount nothing can be mended from
here, and secrets that a container gets are readable for everybody in it, who is the gateway.
"""

import os
import shlex
import stat
from collections.abc import Iterable
from pathlib import Path

MOUNTED_SECRETS = Path("/run/secrets")  # of docker, podman and swarm


def warnings(paths: Iterable[Path]) -> list[str]:
    """A line for each file or directory; what is neither, or is not there, is nobody's mistake."""
    lines = []
    for path in dict.fromkeys(path.absolute() for path in paths):
        try:
            status = path.stat()
            is_fixed = bool(os.statvfs(path).f_flag & os.ST_RDONLY)
        except OSError:
            continue
        if not is_fixed and not path.resolve().is_relative_to(MOUNTED_SECRETS):
            lines += _warning(path, status)
    return lines


def private_key_warnings(path: Path) -> list[str]:
    """Of a private key not even its group is a usual reader."""
    try:
        mode = stat.S_IMODE(path.stat().st_mode)
        is_fixed = bool(os.statvfs(path).f_flag & os.ST_RDONLY)
    except OSError:
        return []
    if not mode & 0o077 or is_fixed or path.resolve().is_relative_to(MOUNTED_SECRETS):
        return []
    return [
        f"warning: others than its owner can read or change the private key {path}"
        f" (mode {mode:04o}): chmod 600 {shlex.quote(str(path))}"
    ]


def _warning(path: Path, status: os.stat_result) -> list[str]:
    if not (stat.S_ISREG(status.st_mode) or stat.S_ISDIR(status.st_mode)):
        return []
    changes = []
    if status.st_mode & stat.S_IWGRP:
        changes.append("g-w")
    if status.st_mode & (stat.S_IROTH | stat.S_IWOTH):
        changes.append("o-rwx")
    if not changes:
        return []
    found = f"{_who_can_what(status.st_mode)} {path} (mode {stat.S_IMODE(status.st_mode):04o})"
    return [f"warning: {found}: {_remedy(shlex.quote(str(path)), status, ','.join(changes))}"]


def _who_can_what(mode: int) -> str:
    if mode & stat.S_IWOTH:
        return "every user of this machine can change"
    if not mode & stat.S_IROTH:
        return "the users of its group can change"
    if mode & stat.S_IWGRP:
        return "every user of this machine can read, and its group change,"
    return "every user of this machine can read"


def _remedy(path: str, status: os.stat_result, changes: str) -> str:
    """What the gateway itself uses as one of the others stays open to it."""
    user, groups = os.geteuid(), {os.getegid(), *os.getgroups()}
    if user in (0, status.st_uid):
        return f"chmod {changes} {path}"
    if status.st_gid in groups and "g-w" not in changes:
        return f"sudo chmod {changes} {path}"
    own = "700" if stat.S_ISDIR(status.st_mode) else "600"
    if status.st_gid in groups or status.st_mode & stat.S_IWOTH:
        return f"sudo chown {user} {path} && sudo chmod {own} {path}"
    shared = "750" if stat.S_ISDIR(status.st_mode) else "640"
    return f"sudo chgrp {os.getegid()} {path} && sudo chmod {shared} {path}"
