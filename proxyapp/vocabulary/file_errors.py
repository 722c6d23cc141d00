"""Why a file that somebody named cannot be read."""

NOT_FROM_AFAR = "names a file of this machine, which only a config file there may"


def why_unread(error: OSError | ValueError) -> str:
    """No path is one with a character that none has."""
    return (error.strerror if isinstance(error, OSError) else None) or "not a path"
