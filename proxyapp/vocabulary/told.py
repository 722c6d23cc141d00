"""Texts that are kept in English and shown in the language of a page."""

from collections.abc import Mapping

from proxyapp.vocabulary.in_words import gettext


class TextToShow(str):
    """Remembers the marked text and the values that it was made of."""

    text: str
    values: Mapping[str, object]


def told(text: str, **values: object) -> TextToShow:
    """Without values it is a text that is marked as it is, whatever it holds."""
    made = TextToShow(text % values if values else text)
    made.text, made.values = text, values
    return made


def shown(text: str) -> str:
    """Also of a text that is marked as it is. What nobody has translated stays in English."""
    if not isinstance(text, TextToShow):
        return gettext(text) if text else ""
    values = {
        name: shown(value) if isinstance(value, TextToShow) else value
        for name, value in text.values.items()
    }
    return gettext(text.text) % values if values else gettext(text.text)
