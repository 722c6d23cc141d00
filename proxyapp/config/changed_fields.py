"""Which settings of a row a config file changes, in words that may be shown."""

from collections.abc import Mapping, Sequence

from django.db.models import Model

from proxyapp.config.report import FieldChange
from proxyapp.vocabulary.quoting import quoted
from proxyapp.vocabulary.setting_field import SettingField


def changed_fields(
    row: Model, wanted: Mapping[str, object], declared: Sequence[SettingField]
) -> list[FieldChange]:
    """What is shown as it is comes first, then what is shown in other words."""
    in_order = sorted(declared, key=lambda field: field.shown is not quoted)
    return [
        FieldChange(field.name, field.shown(old), field.shown(wanted[field.name]))
        for field in in_order
        if (old := getattr(row, field.name)) != wanted[field.name]
    ]
