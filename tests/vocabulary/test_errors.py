"""The gateway's own answers, in the shape that the path's clients parse."""

import json

from proxyapp.vocabulary.client_paths import Dialect
from proxyapp.vocabulary.errors import error_body

HALF_A_CHARACTER = "no \ud83d quota"


def test_an_upstreams_last_words_are_a_detail_for_googles_clients():
    body = json.loads(
        error_body(429, "Spent.", dialect=Dialect.GOOGLE, retry_after=9, last_words="No quota…")
    )

    assert body["error"]["message"] == "Spent."
    assert body["error"]["details"] == [
        {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "9s"},
        {"@type": "type.googleapis.com/google.rpc.DebugInfo", "detail": "No quota…"},
    ]


def test_for_openais_clients_they_end_the_message():
    body = json.loads(error_body(429, "Spent.", dialect=Dialect.OPENAI, last_words="No quota."))

    assert body["error"]["message"] == "Spent. The provider's last words: No quota."
    assert body["error"]["type"] == "rate_limit_error"


def test_words_that_are_no_text_make_an_answer_all_the_same():
    for dialect in Dialect:
        body = error_body(429, "Spent.", dialect=dialect, last_words=HALF_A_CHARACTER)
        assert "no ? quota" in json.dumps(json.loads(body))
