"""The clients that make what belongs to a key, and what each is asked to make."""

from collections.abc import Mapping
from dataclasses import dataclass

from tests.clients.table import ClientRow, another_program
from tests.support.fake_jobs import VIDEO


@dataclass(frozen=True)
class ResourceRow:
    """`calls`: what it makes, uses, lists and deletes, and how many bytes it then reads of it."""

    client: ClientRow
    calls: Mapping[str, int | None]


def _row(program: str, of: str, calls: Mapping[str, int | None]) -> ResourceRow:
    return ResourceRow(another_program(program, of), calls)


# Two chunks of an SDK of Google's.
CHUNKS = 9_600_000
OF_GENAI = {
    "file": CHUNKS,
    "cache": None,
    "batch": 13,
    "video": len(VIDEO),
    "store": None,
    "interaction": None,
}
RESOURCE_ROWS = [
    _row("genai_python_resources", "genai_python", OF_GENAI),
    _row("genai_python_async_resources", "genai_python_async", {"file": CHUNKS}),
    _row("genai_js_resources.mjs", "genai_js.mjs", OF_GENAI),
    _row("openai_python_resources", "openai_python", {"file": 80, "batch": 3}),
    _row("litellm_resources", "litellm_gemini", {"file": 16_000, "async file": 16_000}),
]
