"""The clients of docs/CLIENTS.md are those of the table, which the matrix runs and locks hold."""

import pytest

from tests.clients.table import CLIENTS, FIELDS, GATEWAY, URLS, ClientRow
from tests.clients.versions import version_of
from tests.support.rooms import ROOT

PAGE = (ROOT / "docs/CLIENTS.md").read_text()


def rows(heading: str) -> list[str]:
    """Those of the table that begins with `heading`, without its second line."""
    lines = PAGE.partition(f"\n{heading}\n")[2].splitlines()[1:]
    return lines[: next(n for n, line in enumerate(lines) if not line.startswith("|"))]


def test_the_page_has_a_row_for_each_client() -> None:
    expected = [
        f"| {client.name} | `{client.setting}` | {environment(client)} |" for client in CLIENTS
    ]

    assert rows("| client | setting | or in the environment |") == expected


def environment(client: ClientRow) -> str:
    variables = [f"{name}={value}" for name, value in client.environment.items()]
    return f"`{' '.join(variables)}`" if variables else ""


def test_the_page_has_a_row_for_each_form_with_fields() -> None:
    assert rows("| form | fields |") == [f"| {row.name} | {row.fields} |" for row in FIELDS]


@pytest.mark.parametrize("row", FIELDS, ids=lambda row: row.name)
def test_a_form_gets_an_address_that_the_matrix_tries(row) -> None:
    assert f"`{GATEWAY}{URLS[row.speaks]}`" in row.fields


@pytest.mark.parametrize("client", CLIENTS, ids=lambda client: client.program)
def test_a_client_is_locked_and_its_program_is_there(client: ClientRow) -> None:
    program = client.program if "." in client.program else f"{client.program}.py"

    assert (ROOT / "tests" / "clients" / "programs" / program).exists()
    assert (version_of(client) == "") == (client.package == "curl")
