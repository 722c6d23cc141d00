"""What real clients ask for (`tests/data/client_targets.json`) leads to paths that Gemini has.

Each was recorded with every base URL that people type (`tests/clients/recording.py`).
"""

import json
import re
from pathlib import Path

import pytest

from proxyapp.vocabulary.asgi import Header
from proxyapp.vocabulary.client_paths import client_path

SENT = json.loads((Path(__file__).parents[1] / "data" / "client_targets.json").read_text())
SHOWN: dict[str, list[Header]] = {
    "bearer": [(b"authorization", b"Bearer any")],
    "goog": [(b"x-goog-api-key", b"any")],
    "none": [],
}
OPENAIS = re.compile(rb"/v1beta/openai/(chat/completions|embeddings|models)")
GOOGLES = re.compile(rb"/v1(beta)?/models(/gemini-[\w.-]+:\w+)?")
# A path of Google's own, whoever asks for it.
NATIVE_LIST = "/v1beta/models"


def expected(row: dict[str, str]) -> re.Pattern[bytes]:
    is_openai = row["speaks"] == "openai" and row["target"] != NATIVE_LIST
    return OPENAIS if is_openai else GOOGLES


@pytest.mark.parametrize(
    "row", SENT, ids=lambda row: f"{row['client']} at {row['typed']}: {row['target']}"
)
def test_what_a_client_asks_for_is_a_path_that_gemini_has(row: dict[str, str]) -> None:
    path, _, query = row["target"].encode().partition(b"?")

    meant = client_path(path).meant(SHOWN[row["credential"]], query)

    assert meant
    assert expected(row).fullmatch(meant)


def test_a_path_that_is_not_rewritten_would_be_found() -> None:
    assert not OPENAIS.fullmatch(b"/v1/chat/completions")
    assert not GOOGLES.fullmatch(b"/v1beta/v1/models/gemini-2.5-flash:generateContent")
