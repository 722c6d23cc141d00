"""Why a file that somebody named cannot be read."""

from proxyapp.vocabulary.in_words import gettext as _
from proxyapp.vocabulary.marks import gettext_noop

NOT_FROM_AFAR = gettext_noop("names a file of this machine, which only a config file there may")


def why_unread(error: OSError | ValueError) -> str:
    """No path is one with a character that none has."""
    return (error.strerror if isinstance(error, OSError) else None) or _("not a path")
