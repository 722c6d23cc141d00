"""What an answer says of the keys that were asked."""

from proxyapp.requests.answer_headers import add_answer_headers, answer_headers
from proxyapp.requests.record import AttemptRecord, RequestRecord


def test_of_the_last_attempt_and_how_many_there_were() -> None:
    record = RequestRecord("id", "POST", 0.0)
    assert answer_headers(record) == [(b"x-gateway-attempts", b"0")]
    record.attempts = [
        AttemptRecord(1, "one", 1, "first", "", "m"),
        AttemptRecord(2, "", 1, "Gruppe ü", "", "a\r\nSet-Cookie: b"),
    ]
    assert dict(answer_headers(record)) == {
        b"x-gateway-attempts": b"2",
        b"x-gateway-key": b"#2",
        b"x-gateway-group": b"Gruppe %C3%BC",
        b"x-gateway-model": b"a%0D%0ASet-Cookie: b",
    }


def test_a_fallbacks_model_stays_as_it_is() -> None:
    record = RequestRecord("id", "POST", 0.0)
    record.attempts = [AttemptRecord(1, "one", 1, "first", "", "m")]
    answer = [(b"x-gateway-model", b"other")]
    add_answer_headers(record, answer)
    assert [value for name, value in answer if name == b"x-gateway-model"] == [b"other"]
