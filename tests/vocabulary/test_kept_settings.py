"""Settings that each request asks for follow a test's changes."""

from django.conf import settings
from django.test import override_settings

from proxyapp.vocabulary.kept_settings import kept


def test_a_setting_is_the_one_that_holds():
    held = settings.MAX_ATTEMPTS

    with override_settings(MAX_ATTEMPTS=held + 1):
        assert held + 1 == kept.MAX_ATTEMPTS
    assert held == kept.MAX_ATTEMPTS


def test_it_is_looked_up_once(monkeypatch):
    assert kept.QUEUE_SECONDS == settings.QUEUE_SECONDS
    monkeypatch.setattr("proxyapp.vocabulary.kept_settings.settings", None)

    assert kept.QUEUE_SECONDS == settings.QUEUE_SECONDS
