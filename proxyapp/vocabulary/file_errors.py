"""Why a file that somebody named cannot be read."""


def why_unread(error: OSError | ValueError) -> str:
    """No path is one with a character that none has."""
    return (error.strerror if isinstance(error, OSError) else None) or "not a path"
