"""The directory where request bodies wait that are too long for memory, and whether it has room.

Its files have no names: what a killed process held is gone with it, so nothing is left to clear up.
"""

import errno
import os
import tempfile
from io import FileIO
from pathlib import Path

OTHER_PLACE = "or set TMPDIR to another directory"
# What an operator can do. The first three are about room (507), the others are not (503).
NO_ROOM = {
    errno.ENOSPC: f"free space there, {OTHER_PLACE}",
    errno.EDQUOT: f"raise the quota there of the user who runs the gateway, {OTHER_PLACE}",
    errno.EFBIG: "raise the limit of a file's size (ulimit -f, LimitFSIZE= of systemd)",
}
LET_WRITE = f"let the user who runs the gateway write there, {OTHER_PLACE}"
REMEDIES = NO_ROOM | {
    errno.EROFS: f"mount it for writing, {OTHER_PLACE}",
    errno.EACCES: LET_WRITE,
    errno.EPERM: LET_WRITE,
    errno.EMFILE: "raise the limit of open files (ulimit -n, LimitNOFILE= of systemd)",
    errno.ENFILE: "raise the machine's limit of open files (sysctl fs.file-max)",
    errno.ENOTDIR: "a file stands in the way: remove it, or set TMPDIR to a directory",
}


def is_no_room(error: OSError) -> bool:
    return error.errno in NO_ROOM


def reason(error: OSError) -> str:
    return error.strerror or type(error).__name__


def remedy(error: OSError) -> str:
    return REMEDIES.get(error.errno or 0, f"look at that disk, {OTHER_PLACE}")


def open_unnamed(directory: Path) -> FileIO:
    """Unbuffered: an error comes with the write that it is about, and not again at the end.

    Makes the directory (0700) when it is missing, or missing again. Raises OSError.
    """
    try:
        return tempfile.TemporaryFile(dir=directory, buffering=0)
    except FileNotFoundError:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        return tempfile.TemporaryFile(dir=directory, buffering=0)


def write_all(file: FileIO, data: bytes) -> None:
    """Raises OSError."""
    view = memoryview(data)
    while view:
        view = view[file.write(view) :]


def shortage(directory: Path, wanted_bytes: int) -> tuple[str, str]:
    """What is wrong, tried and measured now, and the remedy. Empty: nothing is."""
    try:
        with open_unnamed(directory) as file:
            file.write(b"x")
            found = os.fstatvfs(file.fileno())
    except OSError as error:
        return f"it cannot be written: {reason(error)}", remedy(error)
    free = found.f_bavail * found.f_frsize
    if found.f_blocks and free < wanted_bytes:  # no blocks: a file system that does not count
        return f"it has {free} bytes free, one body may have {wanted_bytes}", NO_ROOM[errno.ENOSPC]
    return "", ""
