"""What the clients were seen to send is written down, for all that people type.

The gateway's rewriting of paths is tested against these targets, without any of the clients.
"""

import json

import pytest

from tests.clients.recording import TARGETS
from tests.clients.table import CLIENTS, ClientRow

SENT = json.loads(TARGETS.read_text())


@pytest.mark.parametrize("client", CLIENTS, ids=lambda client: client.program)
def test_a_client_was_recorded_with_all_that_people_type(client: ClientRow) -> None:
    rows = [row for row in SENT if row["client"] == client.name]

    assert {row["typed"] for row in rows} == set(client.typed)
    assert {row["speaks"] for row in rows} == {client.speaks}
