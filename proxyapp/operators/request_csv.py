"""Rows of the request log as CSV, in English whoever reads it: the same words as in the JSON."""

from collections.abc import Iterable, Iterator

from django.utils.translation import override

from proxyapp.models import RequestLogEntry
from proxyapp.operators.csv_text import Cell, csv_text
from proxyapp.operators.request_texts import currencies_in, requests_json
from proxyapp.vocabulary.languages import PLAIN
from proxyapp.vocabulary.money import plain_amount

# As many as a command prints; what is older is found by another time.
MOST = 10_000
SAME = (
    *("address", "group", "model", "endpoint", "method", "status", "outcome", "error"),
    *("first_byte_ms", "ms", "bytes_in", "bytes_out", "prompt_tokens", "output_tokens"),
    *("cached_tokens", "thought_tokens", "tool_use_tokens"),
)
BEFORE, AFTER = ("time", "id", "client_id", "client", *SAME), ("attempts",)


def requests_csv(rows: Iterable[RequestLogEntry]) -> str:
    listed = list(rows)
    with override(PLAIN):
        return csv_text([*BEFORE, currencies_in(listed).column, *AFTER], _lines(listed))


def _lines(rows: list[RequestLogEntry]) -> Iterator[list[Cell]]:
    for row, told in zip(rows, requests_json(rows), strict=True):
        client = told["client"] or {"id": None, "name": None}
        cost = None if row.cost_micros is None else plain_amount(row.cost_micros)
        tried = [f"{each['key']} ({each['verdict']})" for each in told["attempts"]]
        yield [
            *(told["time"], told["id"], client["id"], client["name"]),
            *(told[name] for name in SAME),
            *(cost, ", ".join(tried)),
        ]
