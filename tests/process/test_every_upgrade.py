"""A row of every version in every table, brought up to date."""

import json

import pytest

from tests.support.gateway import Gateway

pytestmark = pytest.mark.once  # test_other_versions.py has some on PostgreSQL
WALK = "import json; from tests.support.upgrade_walk import walk; print(json.dumps(walk()))"


def test_rows_of_every_version_are_there_and_read_after_the_upgrade():
    gateway = Gateway({"groups": []}, is_migrated=False)
    try:
        done = gateway.manage("shell", "--no-imports", "-c", WALK)
        assert done.returncode == 0, done.stderr
        counts = json.loads(done.stdout)

        assert gateway.manage("migrate", "--check").returncode == 0
        assert len(counts) > 30
        assert {name: made for name, (made, there) in counts.items() if there < made} == {}
        assert counts["group"][0] > 40, "one of each version that has them"
        assert len(gateway.keys()) == counts["apikey"][1]
    finally:
        gateway.close()
