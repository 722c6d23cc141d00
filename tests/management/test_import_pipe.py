"""A config may come through a pipe, which can be read once."""

import os
from io import StringIO

import pytest
from django.core.management import call_command

from proxyapp.models import ApiKey
from tests.support.pool_data import secret


@pytest.mark.django_db
def test_a_config_comes_through_a_pipe():
    reading, writing = os.pipe()
    os.write(writing, f"groups:\n  - name: main\n    api_keys:\n      - {secret('one')}\n".encode())
    os.close(writing)

    try:
        call_command("import_config", f"/dev/fd/{reading}", stdout=StringIO())
    finally:
        os.close(reading)

    assert [key.secret for key in ApiKey.objects.all()] == [secret("one")]
