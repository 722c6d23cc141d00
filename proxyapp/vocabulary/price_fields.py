"""What an operator sets of a model's price: each field is declared here, once."""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from proxyapp.vocabulary.model_lists import unlike_pattern
from proxyapp.vocabulary.price_terms import shown_terms
from proxyapp.vocabulary.setting_field import fields_of


@dataclass(frozen=True)
class PriceSettings:
    """What stands beside a field is a SettingField's, under the same names. `name`: of the model,
    `*` for any part.
    """

    name: str = dataclasses.field(metadata={"check": lambda _: unlike_pattern})
    terms: Mapping[str, Any] = dataclasses.field(
        default_factory=dict, metadata={"shown": shown_terms}
    )


PRICE_FIELDS = fields_of(PriceSettings)
