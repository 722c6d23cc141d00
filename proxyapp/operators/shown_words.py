"""Words of the lower rooms as a page shows them: in its language, in English without one.

The rooms themselves know no language; what of theirs is to be translated is marked here.
"""

from django.utils.translation import gettext, gettext_noop

from proxyapp.provider.kinds import label_of
from proxyapp.vocabulary.key_states import KeyState

KINDS = (
    gettext_noop("daily policy"),
    gettext_noop("minute limit"),
    gettext_noop("day limit"),
    gettext_noop("no quota"),
    gettext_noop("larger than the limit"),
    gettext_noop("spend rate"),
    gettext_noop("unknown limit"),
    gettext_noop("billing"),
    gettext_noop("money for the model"),
    gettext_noop("too dear a request"),
    gettext_noop("dead key"),
    gettext_noop("unproven"),
    gettext_noop("model not for this key"),
    gettext_noop("way out refused"),
    gettext_noop("server error"),
    gettext_noop("another key's"),
    gettext_noop("credentials"),
    gettext_noop("request"),
)


def kind_word(kind: str) -> str:
    """Of a verdict's kind. One that another version wrote keeps its name."""
    return gettext(label_of(kind))


def state_word(state: KeyState) -> str:
    return state.word
