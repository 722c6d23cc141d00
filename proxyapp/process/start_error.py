"""Why a start ends before it serves."""


class StartError(Exception):
    """The gateway can't start; the text says why and what to do."""
