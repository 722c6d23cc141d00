"""Changes SECRET_KEY as an operator does.

Encrypted columns derive their key once a process: that is forgotten too.
"""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from proxyapp.models import AlertChannel, ApiKey, Group, SecondFactor
from proxyapp.models.sealed import SealedTextField

ChangeSecret = Callable[..., None]


def _forget_derived_keys() -> None:
    models = (AlertChannel, ApiKey, Group, SecondFactor)
    columns = [column for model in models for column in model._meta.concrete_fields]
    for field in (column for column in columns if isinstance(column, SealedTextField)):
        for cached in ("keys", "f"):
            field.__dict__.pop(cached, None)


@pytest.fixture
def change_secret(settings: Any) -> Iterator[ChangeSecret]:
    """Puts a new secret on top of the present ones, or in place of all with `forget_older`."""

    def change(new: str = "another-secret" * 5, *, forget_older: bool = False) -> None:
        settings.SECRET_KEY_FALLBACKS = (
            [] if forget_older else [settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS]
        )
        settings.SECRET_KEY = new
        _forget_derived_keys()

    yield change
    _forget_derived_keys()
