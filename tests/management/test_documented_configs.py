"""Configurations of the documents are imported as they stand, and so are single lines of them."""

import re
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import call_command

from proxyapp.config.file import GROUP_NAMES
from tests.support import certificates
from tests.support.service_accounts import account, write_account
from tests.support.snippets import Snippet, blocks, spans

pytestmark = pytest.mark.django_db

KEY = "A-KEY-OF-30-LETTERS-0123456789"
VALUES = {"SLACK_ALERTS": "slack://TokenA/TokenB/TokenC", "NAME": f"{KEY}0,{KEY}1"}
GROUP = f"groups:\n  - {{name: one, api_keys: [{KEY}]}}\n"
SERVER_NAMES = frozenset(("allow_anonymous", "path_prefix"))
# Which a sentence names of something else, and of what.
OF_OTHERS = {
    "command": "the audit log",
    "currency": "a price: the block beside it has all of its fields",
    "key": "a key: the block beside it has all of its fields",
    "provider": "a client's configuration",
    "stream_options": "a request",
}
LINE = re.compile(r"\{?([a-z_]+): \S.*")
LINES = [span for span in spans() if LINE.fullmatch(span.text)]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Where a configuration goes, beside the files that those of the documents name."""
    served = certificates.write(tmp_path)
    served.certificate.rename(tmp_path / "chain.pem")
    served.private_key.rename(tmp_path / "privkey.pem")
    (tmp_path / "corporate-ca.pem").write_bytes((tmp_path / "chain.pem").read_bytes())
    (tmp_path / "keys.txt").write_text(f"{KEY}B # one\n")
    write_account(tmp_path / "vertex.json", account())
    return tmp_path / "config.yaml"


def imported(file: Path, text: str, monkeypatch: pytest.MonkeyPatch) -> str:
    for name in re.findall(r"\$\{(\w+)\}", text):
        monkeypatch.setenv(name, VALUES.get(name, KEY))
    file.write_text(text)
    said = StringIO()
    call_command("import_config", str(file), "--dry-run", stdout=said)
    return said.getvalue()


@pytest.mark.parametrize("block", blocks("yaml"), ids=lambda block: block.place)
def test_a_configuration_is_imported_as_it_stands(
    block: Snippet, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = block.text if "groups:" in block.text else GROUP + block.text

    assert "dry run: nothing was changed" in imported(file, text, monkeypatch)


def test_a_line_of_a_configuration_is_taken_where_it_belongs(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert len(LINES) > 15
    for line in LINES:
        name = re.sub(r"\W.*", "", line.text.lstrip("{"))
        if name in OF_OTHERS:
            continue
        assert name in {*GROUP_NAMES, *SERVER_NAMES}, line.place
        text = with_line(name, line.text)
        assert "dry run: nothing was changed" in imported(file, text, monkeypatch), line.place


def with_line(name: str, line: str) -> str:
    if name in SERVER_NAMES:
        return f"server:\n  {line}\n{GROUP}"
    keys = "" if name == "api_keys" else f"\n    api_keys: [{KEY}]"
    return f"groups:\n  - name: one\n    {line}{keys}\n"
