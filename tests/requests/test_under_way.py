"""A request's record, while it is under way and after its end."""

from proxyapp.provider.llm_tokens import LlmTokens
from proxyapp.requests.record import RequestRecord
from proxyapp.requests.told import RequestsTold
from proxyapp.requests.under_way import RequestUnderWay


def test_what_was_told_does_not_change_any_more() -> None:
    told, heard = RequestsTold(), list[RequestRecord]()
    told.add(heard.append)
    under_way = RequestUnderWay("POST", [], told)
    attempt = under_way.begin_attempt(1, "one", 1, "main", "", "gemini-2.5-flash")
    assert attempt is not None
    under_way.end(told)
    (record,) = heard

    under_way.attempt_answered(attempt, 200)
    under_way.attempt_judged(attempt, "day")
    under_way.end_attempt(attempt, "succeeded", 200, LlmTokens(7, 8), 9)
    under_way.add_llm_tokens(LlmTokens(7, 8), 9)
    assert under_way.begin_attempt(2, "two", 1, "main", "", "gemini-2.5-flash") is None

    assert record.attempts == [attempt]
    assert (attempt.status, attempt.verdict, attempt.seconds) == (0, "", 0.0)
    assert (record.llm_tokens.prompt, record.cost_micros) == (0, 0)
