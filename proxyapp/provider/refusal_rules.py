"""Which kind of refusal it is: by meaning, from codes first and from words where there are none.

A message can repeat what a client sent. So the words that condemn a key count at the start of a
message only, those that take a project out only where the status speaks of money or quota, and what
stands in quotes never counts.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass

from proxyapp.provider.kinds import Kind
from proxyapp.provider.refusal import Refusal
from proxyapp.provider.refusal_words import (
    CREDENTIALS,
    CREDENTIALS_REASON,
    DEAD_AT_START,
    DEAD_REASON,
    DEAD_WORDS,
    FORBIDDEN_PAGE,
    MODEL_RESOURCE,
    MONEY,
    MONEY_AT_START,
    MONEY_REASON,
    MONEY_WORDS,
    NO_FREE_TIER,
    NO_KEYS_THERE,
    NO_PERMISSION,
    NOT_FOR_KEY,
    OF_QUOTA,
    OVERLOADED,
    OVERLOADED_REASON,
    QUOTED,
    REGION,
    REGION_WORDS,
    RESOURCE,
    RESOURCE_PATH,
    RESTRICTED,
    RESTRICTED_REASON,
    SERVER_WORDS,
    SMALLER_PASSES,
    SPEND,
    SPENT_AT_START,
    TOKEN_TYPE,
    TOKEN_TYPE_AT_START,
    UNUSUAL_TRAFFIC,
)
from proxyapp.provider.request_use import UNKNOWN_USE, RequestUse
from proxyapp.provider.size_limits import is_larger_by_itself
from proxyapp.provider.violations import QuotaWindow

SERVER_STATUSES = (408, 499)  # a client or a server that gave up, as Google says it


@dataclass(frozen=True, slots=True)
class RefusalCase:
    """`model`: empty when unknown.

    `start`: the message in lower case, `text`: the same without what it quotes.
    """

    status: int
    refusal: Refusal
    path: bytes
    model: str
    is_key_in_place: bool
    start: str
    text: str
    use: RequestUse = UNKNOWN_USE

    def has_word(self, *words: str) -> bool:
        return not self.refusal.words.isdisjoint(words)

    def has_reason(self, pattern: re.Pattern[str]) -> bool:
        return any(pattern.fullmatch(reason) for reason in self.refusal.reasons)


def kind_of(
    status: int,
    refusal: Refusal,
    path: bytes,
    model: str,
    *,
    is_key_in_place: bool,
    use: RequestUse = UNKNOWN_USE,
) -> Kind:
    """REQUEST is what nothing explains: the client's own."""
    case = RefusalCase(status, refusal, path, model, is_key_in_place, *_texts(refusal), use)
    for rule in RULES:
        kind = rule(case)
        if kind is not None:
            return kind
    return Kind.REQUEST


def is_restricted(refusal: Refusal) -> bool:
    """Whether what is refused is the kind of request, and not the key itself."""
    is_said = RESTRICTED.match(refusal.message.lower().strip()) is not None
    return is_said or any(RESTRICTED_REASON.fullmatch(reason) for reason in refusal.reasons)


def names_a_dead_key(refusal: Refusal) -> bool:
    """In Google's own code, which providers of other kinds do not know."""
    return any(DEAD_REASON.fullmatch(reason) for reason in refusal.reasons)


def is_about_credentials(status: int, refusal: Refusal) -> bool:
    """Whether the key, or the way it was sent, is what is refused."""
    case = RefusalCase(status, refusal, b"", "", True, *_texts(refusal))
    return status == 401 or _credentials(case) is not None


def _texts(refusal: Refusal) -> tuple[str, str]:
    """The message in lower case, and the same without what it quotes."""
    start = refusal.message.lower().replace("\u2019", "'").strip()
    return start, QUOTED.sub("", start)


def _page(case: RefusalCase) -> Kind | None:
    """Google's own pages, which come before any key is looked at."""
    if not case.refusal.is_html:
        return None
    is_shut_out = case.status == 403 and FORBIDDEN_PAGE.search(case.text)
    return Kind.EGRESS if is_shut_out or UNUSUAL_TRAFFIC.search(case.text) else None


def _relayed(case: RefusalCase) -> Kind | None:
    """Of the provider behind the one that was asked: neither a limit of this key nor its fault."""
    if not case.refusal.relayed_from:
        return None
    is_trouble = case.status >= 500 or case.status in (401, 402, 408, 429)
    return Kind.SERVER if is_trouble else Kind.REQUEST


def _limit(case: RefusalCase) -> Kind | None:
    if case.status != 429:
        return None
    windows, violations = case.refusal.windows, case.refusal.violations
    is_quota = not windows.isdisjoint((QuotaWindow.DAY, QuotaWindow.MINUTE)) or any(
        v.quota_id or v.metric for v in violations
    )
    if SPEND.search(" ".join([case.text, *(v.words.lower() for v in violations)])):
        return Kind.SPEND
    if not is_quota and _is_about_money(case):
        return Kind.BILLING
    if any(violation.is_zero for violation in violations) or NO_FREE_TIER.search(case.text):
        return Kind.NO_QUOTA
    if is_larger_by_itself(case.refusal, case.use.llm_tokens):
        return Kind.TOO_LARGE
    if QuotaWindow.DAY in windows:
        return Kind.DAY
    if QuotaWindow.OTHER not in windows and QuotaWindow.MINUTE in windows:
        return Kind.MINUTE
    return Kind.SERVER if _is_overloaded(case) else Kind.UNKNOWN_LIMIT


def _is_overloaded(case: RefusalCase) -> bool:
    if case.refusal.violations or case.refusal.windows:
        return False
    if case.has_reason(OVERLOADED_REASON):
        return True
    is_busy = OVERLOADED.search(case.text) or case.has_word(*SERVER_WORDS)
    return bool(is_busy) and not OF_QUOTA.search(case.text)


def _is_about_money(case: RefusalCase) -> bool:
    return (
        case.has_reason(MONEY_REASON)
        or case.has_word(*MONEY_WORDS)
        or bool(MONEY.search(case.text))
    )


def _server(case: RefusalCase) -> Kind | None:
    is_server = case.status >= 500 or case.status in SERVER_STATUSES or case.has_word(*SERVER_WORDS)
    return Kind.SERVER if is_server else None


def _credentials(case: RefusalCase) -> Kind | None:
    if case.status == 407:
        return Kind.PROXY_FAULT
    if case.status not in (400, 401, 403):
        return None
    if case.has_reason(DEAD_REASON):
        return Kind.DEAD_KEY
    if case.has_reason(TOKEN_TYPE) or (
        not case.refusal.reasons and case.start.startswith(TOKEN_TYPE_AT_START)
    ):
        return Kind.DEAD_KEY if case.is_key_in_place else Kind.PROXY_FAULT
    if case.status == 401 and case.model and NO_KEYS_THERE.match(case.start):
        return Kind.MODEL_FOR_KEY
    if case.has_reason(CREDENTIALS_REASON) or CREDENTIALS.search(case.text):
        return Kind.PROXY_FAULT
    if case.has_word(*DEAD_WORDS) or (case.status == 401 and case.has_word("authentication_error")):
        return Kind.DEAD_KEY
    return Kind.DEAD_KEY if _says_that_the_key_is_dead(case) else None


def _says_that_the_key_is_dead(case: RefusalCase) -> bool:
    """A model may be named by a client so that a message which begins with it reads like a
    verdict.
    """
    if case.refusal.reasons or (case.model and case.start.startswith(case.model.lower())):
        return False
    return DEAD_AT_START.match(case.start) is not None


def _money(case: RefusalCase) -> Kind | None:
    """A request may ask for more, or for another method, than others do: its model comes first."""
    if case.status == 402 and SMALLER_PASSES.search(case.text):
        return Kind.TOO_DEAR
    if case.status == 403 and SPENT_AT_START.match(case.start):
        return Kind.BILLING
    if not _asks_for_money(case):
        return None
    return Kind.MODEL_BILLING if case.model else Kind.BILLING


def _asks_for_money(case: RefusalCase) -> bool:
    if case.status == 402 or case.has_reason(MONEY_REASON):
        return True
    if case.status == 403:  # which may name a file as its client calls it
        return _is_about_money(case) and RESOURCE.search(case.text) is None
    return case.status == 400 and (
        case.has_word(*MONEY_WORDS) or MONEY_AT_START.match(case.start) is not None
    )


def _region(case: RefusalCase) -> Kind | None:
    if case.status not in (400, 403, 451):
        return None
    return Kind.EGRESS if case.has_word(*REGION_WORDS) or REGION.search(case.text) else None


def _permission(case: RefusalCase) -> Kind | None:
    """Without a model there is nothing to take out for the key but all of it."""
    if case.status in (400, 403, 404) and NOT_FOR_KEY.match(case.start) and case.model:
        return Kind.MODEL_FOR_KEY
    if case.status not in (403, 404):
        return None
    is_resource = RESOURCE_PATH.search(case.path) is not None
    if not is_resource and case.model and MODEL_RESOURCE.match(case.start):
        return Kind.MODEL_FOR_KEY
    if is_resource or (RESOURCE.search(case.text) and not case.start.startswith("model")):
        return Kind.WRONG_KEY
    has_no_permission = case.status == 403 and NO_PERMISSION.search(case.text)
    return Kind.MODEL_FOR_KEY if has_no_permission and case.model else None


def _unexplained(case: RefusalCase) -> Kind | None:
    """By RFC 9110, 15.5.2, a 401 is about the credentials, and those are the gateway's."""
    return Kind.PROXY_FAULT if case.status == 401 else None


RULES: tuple[Callable[[RefusalCase], Kind | None], ...] = (
    _page, _relayed, _limit, _server, _credentials, _money, _region, _permission, _unexplained,
)  # fmt: skip
