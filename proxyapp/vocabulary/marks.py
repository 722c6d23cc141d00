"""Marks what pages translate when they show it. It stays as it is, and asks for no settings, as
Django's own does.
"""


def gettext_noop(text: str) -> str:
    return text
