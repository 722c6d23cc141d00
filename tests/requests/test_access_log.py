"""What the log says of a request that has ended."""

import json
import logging

import pytest

from proxyapp.provider.llm_tokens import LlmTokens
from proxyapp.requests.access_log import fields_of, write_lines
from proxyapp.requests.record import AttemptRecord, ClientOutcome, RequestRecord
from proxyapp.vocabulary.log_masking import JsonFormatter, MaskingFormatter


def record(model: str = "gemini-2.5-flash") -> RequestRecord:
    made = RequestRecord("an-id", "POST", 1000.0)
    made.client_id, made.address, made.endpoint, made.group = 3, "10.0.0.1", "generate", "g"
    made.model, made.status, made.outcome = model, 200, ClientOutcome.OK
    made.first_byte_seconds, made.seconds, made.bytes_in, made.bytes_out = 0.25, 0.5, 10, 20
    made.llm_tokens = LlmTokens(prompt=7, output=3)
    for name, verdict, status in (("first", "day", 429), ("", "succeeded", 200)):
        attempt = AttemptRecord(5, name, 1, "g", "")
        attempt.verdict, attempt.status, attempt.seconds = verdict, status, 0.125
        made.attempts.append(attempt)
    return made


def written(
    formatter: logging.Formatter, made: RequestRecord, log: pytest.LogCaptureFixture
) -> str:
    write_lines([made])
    return formatter.format(log.records[-1])


@pytest.fixture(autouse=True)
def _heard(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "gateway.requests")


def test_a_line_for_people(caplog: pytest.LogCaptureFixture) -> None:
    line = written(MaskingFormatter("%(name)s: %(message)s"), record(), caplog)
    assert line == (
        "gateway.requests: request_id=an-id client=3 address=10.0.0.1 method=POST"
        " endpoint=generate model=gemini-2.5-flash group=g status=200 outcome=ok"
        " first_byte_ms=250.0 ms=500.0 bytes_in=10 bytes_out=20 prompt_tokens=7 output_tokens=3"
        " attempts=first:day:429:125.0ms,#5:succeeded:200:125.0ms"
    )


def test_an_object_for_programs(caplog: pytest.LogCaptureFixture) -> None:
    told = json.loads(written(JsonFormatter("%(message)s"), record(), caplog))
    assert (told["level"], told["logger"], told["request_id"]) == (
        "INFO",
        "gateway.requests",
        "an-id",
    )
    assert [attempt["verdict"] for attempt in told["attempts"]] == ["day", "succeeded"]
    assert told["prompt_tokens"] == 7
    assert told["time"].endswith("+00:00")


@pytest.mark.parametrize(
    "formatter", [MaskingFormatter("%(message)s"), JsonFormatter("%(message)s")]
)
def test_a_clients_text_makes_no_line_and_no_secret_is_told(
    formatter: logging.Formatter, caplog: pytest.LogCaptureFixture
) -> None:
    secret = "AIza" + "x" * 35
    line = written(formatter, record(f'a" status=200\nINFO forged\u2028 {secret}'), caplog)
    assert len(line.splitlines()) == 1
    assert secret not in line
    assert line.isprintable()


def test_a_long_name_is_cut() -> None:
    assert len(fields_of(record("m" * 10_000))["model"]) == 200


def test_an_error_of_the_program_is_one_object_too() -> None:
    try:
        raise ValueError("gk-" + "a" * 43)
    except ValueError as error:
        info = (ValueError, error, error.__traceback__)
        made = logging.LogRecord("proxyapp.x", logging.ERROR, "x.py", 1, "Of %s", ("it",), info)
    line = JsonFormatter("%(message)s").format(made)
    told = json.loads(line)
    assert (told["message"], "Traceback" in told["traceback"]) == ("Of it", True)
    assert "a" * 43 not in line
