"""A file with secrets that was not there before, for its owner only."""

import os
from pathlib import Path


def write_new(path: Path, text: str) -> None:
    """Whole, or it is not there. Raises OSError with its name; FileExistsError, and what there is
    stays.
    """
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(descriptor)
    except OSError as error:
        path.unlink()
        raise OSError(error.errno, error.strerror, str(path)) from None
