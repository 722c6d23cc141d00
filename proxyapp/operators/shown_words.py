"""Words of the lower rooms as a page shows them: in its language, in English without one.

The rooms themselves know no language, and mark what is to be translated.
"""

from django.utils.translation import gettext

from proxyapp.provider.kinds import label_of


def kind_word(kind: str) -> str:
    """Of a verdict's kind. One that another version wrote keeps its name."""
    return gettext(label_of(kind))


def message_word(message: str) -> str:
    """Of a test, or why a key is out: what the gateway says of an answer. What the provider said,
    behind a colon, stays as it is.
    """
    if not message or (word := gettext(message)) != message:
        return message and word
    said, colon, rest = message.partition(": ")
    if not colon:
        return message
    return f"{gettext(said)}{colon}{message_word(rest) if said.isdecimal() else rest}"
