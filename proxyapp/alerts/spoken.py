"""The language of what is told: a process's, for no reader chooses it."""

from django.conf import settings
from django.utils.translation import override


def spoken() -> override:
    return override(settings.ADMIN_LANGUAGE)
