"""Marks of tests that only one of the two databases can have."""

import pytest

from tests.support.postgres import ON_POSTGRESQL


def needs_sqlite(reason: str) -> pytest.MarkDecorator:
    return pytest.mark.skipif(ON_POSTGRESQL, reason=reason)


def needs_postgresql(reason: str) -> pytest.MarkDecorator:
    return pytest.mark.skipif(not ON_POSTGRESQL, reason=reason)
