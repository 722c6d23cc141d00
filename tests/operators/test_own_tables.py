"""Which tables a backup takes and a restore clears."""

from django.apps import apps

from proxyapp.operators.backup import OWN_TABLES


def test_every_table_is_known_by_the_beginning_of_its_name():
    tables = {model._meta.db_table for model in apps.get_models(include_auto_created=True)}

    assert {name for name in tables if not name.startswith(OWN_TABLES)} == set()
