"""A directory of data that this user may not use is told as that."""

from pathlib import Path

import pytest
from django.core.exceptions import ImproperlyConfigured

from gateway.secret_key import MOVED, secrets_of


@pytest.mark.parametrize("given", ["", "a-secret-of-the-environment"])
def test_a_file_in_it_that_cannot_be_read_names_the_setting_and_the_remedy(
    tmp_path: Path, given: str
) -> None:
    (tmp_path / MOVED).mkdir()

    with pytest.raises(ImproperlyConfigured) as failed:
        secrets_of(given, [], tmp_path)

    assert str(failed.value) == (
        f"VAR_DIR='{tmp_path}' cannot be used: Is a directory: {tmp_path / MOVED}. The user who"
        " runs the gateway has to own it; or choose another directory"
    )
