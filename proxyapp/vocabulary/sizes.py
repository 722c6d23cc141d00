"""Sizes of what is too large, as text."""

from proxyapp.vocabulary.in_words import gettext as _

MIB = 1024**2


def too_large(size: int, limit: int) -> str:
    """In one unit, rounded up: what is a byte above the limit never looks like the limit."""
    return _("has %(size)s MiB; %(most)s MiB are allowed") % {"size": mib(size), "most": mib(limit)}


def mib(size: int) -> str:
    hundredths = -(-size * 100 // MIB)
    return f"{hundredths / 100:.2f}".rstrip("0").rstrip(".")
