"""What pages call rows and columns, which models and migrations know by their English names."""

import pytest
from django.apps import apps
from django.contrib import admin
from django.db.migrations.state import ModelState
from django.utils.functional import Promise

from proxyapp.models import AlertChannel, RotationCursor, audit
from proxyapp.models.page_names import NAMES

pytestmark = pytest.mark.once


def shown() -> set[str]:
    """Of the models that have pages."""
    metas = [
        model._meta
        for model in apps.get_app_config("proxyapp").get_models()
        if admin.site.is_registered(model)
    ]
    columns = {
        str(field.verbose_name)
        for meta in metas
        for field in (*meta.local_fields, *meta.local_many_to_many)
    }
    rows = {str(name) for meta in metas for name in (meta.verbose_name, meta.verbose_name_plural)}
    return (rows | columns) - {"ID"}


def test_each_name_that_a_page_shows_is_marked_for_translation():
    assert sorted(NAMES) == sorted(shown())


def test_names_wait_for_the_language_of_who_reads():
    meta = AlertChannel._meta

    assert isinstance(meta.verbose_name, Promise)
    assert isinstance(meta.get_field("quiet_hours").verbose_name, Promise)


def test_the_audit_log_and_migrations_keep_the_english_names():
    assert audit.object_type_of(RotationCursor) == "rotation cursor"
    assert type(audit.object_type_of(RotationCursor)) is str
    assert ModelState.from_model(AlertChannel).options.get("verbose_name") is None
