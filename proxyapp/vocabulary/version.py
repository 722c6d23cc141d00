"""Which version runs here: that of `pyproject.toml`, which a package has in its metadata."""

import functools
import tomllib
from importlib import metadata
from pathlib import Path

PACKAGE = "gemini-key-gateway"
PROJECT = Path(__file__).resolve().parents[2] / "pyproject.toml"


@functools.cache
def version() -> str:
    """Of a checkout what its file says, whatever else is installed beside it."""
    if PROJECT.is_file():
        return str(tomllib.loads(PROJECT.read_text(encoding="utf-8"))["project"]["version"])
    try:
        return metadata.version(PACKAGE)
    except metadata.PackageNotFoundError:  # copied, not installed
        return ""
