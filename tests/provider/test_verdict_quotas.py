"""Which quota a refusal names, and how long it takes what out."""

from datetime import timedelta

import pytest

from proxyapp.provider.kind_spec import Retry, Scope
from proxyapp.provider.kinds import Kind
from tests.support.refusals import (
    EXCEEDED,
    MIDNIGHT,
    MODEL,
    NATIVE,
    NOW,
    REQUESTS,
    facts,
    google,
    info,
    judged,
    kind,
    recorded,
    retry_info,
    violations,
)

# Quotas.

PER_DAY, PER_MINUTE = (
    "GenerateRequestsPerDayPerProjectPerModel-FreeTier",
    "GenerateRequestsPerMinutePerProjectPerModel",
)


@pytest.mark.parametrize(
    ("named", "stated", "waited"),
    [
        ("58s", "", 58),
        ("58s", "Please retry in 58.9s.", 58.9),
        ("12s", "Please retry in 5s.", 12),
        (None, "Please retry in 1m2s.", 62),
        (None, "", 60),
        ("0s", "", 1),
        ("0.4s", "", 1),
        ("1e999s", "", 60),
        ("9" * 30 + "s", "", 86400),
        (10**30, "", 86400),
        (float("nan"), "", 60),
        ({"seconds": 7}, "", 7),
        (["58s"], "", 60),
    ],
)
def test_a_minute_quota_waits_the_longer_stated_delay(named, stated, waited):
    verdict = judged(
        google(f"{EXCEEDED} {stated}", 429, "X", violations((PER_MINUTE, "10")), retry_info(named))
    )

    until = NOW + timedelta(seconds=waited)
    assert facts(verdict) == (Kind.MINUTE, Scope.PROJECT, MODEL, until, Retry.NEXT_KEY)
    assert (verdict.quota_id, verdict.limit) == (PER_MINUTE, "10")


@pytest.mark.parametrize(
    ("quotas", "expected_kind", "decisive"),
    [
        ([(PER_MINUTE, "10"), (PER_DAY, "250")], Kind.DAY, (PER_DAY, "250")),
        ([(PER_DAY, "250"), (PER_MINUTE, "10")], Kind.DAY, (PER_DAY, "250")),
        ([(PER_DAY, "250"), (PER_MINUTE, "0")], Kind.NO_QUOTA, (PER_MINUTE, "0")),
        ([(PER_MINUTE, 0)], Kind.NO_QUOTA, (PER_MINUTE, "0")),
        (
            [("RequestsPerHourPerProject", "5")],
            Kind.UNKNOWN_LIMIT,
            ("RequestsPerHourPerProject", "5"),
        ),
        (
            [("BatchTokensPerWeek", "5"), (PER_MINUTE, "9")],
            Kind.UNKNOWN_LIMIT,
            ("BatchTokensPerWeek", "5"),
        ),
        ([("RequestsPerMonth", "5"), (PER_DAY, "9")], Kind.DAY, (PER_DAY, "9")),
        ([("RequestsPerSecond", "5")], Kind.MINUTE, ("RequestsPerSecond", "5")),
        ([("ConcurrentSessions", "3")], Kind.UNKNOWN_LIMIT, ("ConcurrentSessions", "3")),
        ([("", "")], Kind.UNKNOWN_LIMIT, ("", "")),
    ],
)
def test_every_quota_that_is_named_counts_zero_before_day_before_minute(
    quotas, expected_kind, decisive
):
    verdict = judged(google(EXCEEDED, 429, "X", violations(*quotas), retry_info("20s")))

    assert (verdict.kind, (verdict.quota_id, verdict.limit)) == (expected_kind, decisive)


@pytest.mark.parametrize(
    ("message", "expected_kind", "limit"),
    [
        (
            "Rate limit exceeded for model m (limit: 5 requests per minute on Free Tier).",
            Kind.MINUTE,
            "5",
        ),
        (
            "Rate limit exceeded for model m (limit: 20 requests per day on Free Tier).",
            Kind.DAY,
            "20",
        ),
        (
            "Rate limit exceeded for model m (limit: 0 input tokens per minute on Free Tier).",
            Kind.NO_QUOTA,
            "0",
        ),
        (
            (
                "Rate limit exceeded (limit: 0 requests per day on Free Tier). Please upgrade "
                "your tier."
            ),
            Kind.NO_QUOTA,
            "0",
        ),
        (
            f"{EXCEEDED}\n* Quota exceeded for metric: {REQUESTS}, limit: 0, model: m",
            Kind.NO_QUOTA,
            "0",
        ),
        (
            f"{EXCEEDED}\n* Quota exceeded for metric: {REQUESTS}, limit: 20, model: m",
            Kind.UNKNOWN_LIMIT,
            "20",
        ),
        (
            f"{EXCEEDED}\n* Quota exceeded for metric: a/b_per_model_per_day, limit: 1,000",
            Kind.DAY,
            "1,000",
        ),
        (
            "Quota exceeded for quota metric 'Requests' and limit 'Requests per day per project'.",
            Kind.DAY,
            "",
        ),
        (
            "Quota exceeded for metric 'Requests' and limit 'Requests per minute per region'.",
            Kind.MINUTE,
            "",
        ),
        (
            (
                "Rate limit reached for m in organization o on tokens per min (TPM): Limit 30000, "
                "Used 2."
            ),
            Kind.MINUTE,
            "30000",
        ),
        (
            "Rate limit reached for m on requests per day (RPD): Limit 200, Used 200.",
            Kind.DAY,
            "200",
        ),
        ("Rate limit reached: Limit 3 / min.", Kind.MINUTE, "3"),
        ("You have reached the RPD of this model.", Kind.DAY, ""),
        ("You are over 15 RPM.", Kind.MINUTE, ""),
        (
            "This would exceed your organization's rate limit of 8,000 output tokens per minute.",
            Kind.MINUTE,
            "",
        ),
        ("Rate limit exceeded: free-models-per-day.", Kind.DAY, ""),
        ("Daily limit reached.", Kind.DAY, ""),
        (
            "CachedContentStorageTokens limit exceeded for model m: limit=0, requested=4646",
            Kind.NO_QUOTA,
            "0",
        ),
        ("Too many requests per hour.", Kind.UNKNOWN_LIMIT, ""),
        ("Over the limit: 0.5 requests.", Kind.UNKNOWN_LIMIT, ""),
        (
            "Gemini 2.5 Pro Preview doesn't have a free quota tier. Please enable billing.",
            Kind.NO_QUOTA,
            "",
        ),
        ("Gemini 2.5 Pro Preview doesn\u2019t have a free quota tier.", Kind.NO_QUOTA, ""),
        ("Resource has been exhausted (e.g. check quota).", Kind.UNKNOWN_LIMIT, ""),
        ("Resource exhausted. Please try again later.", Kind.UNKNOWN_LIMIT, ""),
        (EXCEEDED, Kind.UNKNOWN_LIMIT, ""),
        ("", Kind.UNKNOWN_LIMIT, ""),
    ],
)
def test_the_words_of_a_message_tell_the_window_when_nothing_else_does(
    message, expected_kind, limit
):
    verdict = judged(google(message))

    assert (verdict.kind, verdict.limit) == (expected_kind, limit)


def test_the_unit_of_a_quota_tells_its_window_too():
    detail = info(
        "RATE_LIMIT_EXCEEDED",
        quota_limit="ApiRequests",
        quota_unit="1/d/{project}",
        quota_limit_value="7",
    )

    assert kind(google("Quota exceeded.", 429, "X", detail)) is Kind.DAY


def test_limits_of_the_message_belong_to_the_quotas_with_their_metric_in_turn():
    lines = (
        f"* Quota exceeded for metric: {REQUESTS}, limit: 10\n* Quota exceeded for "
        f"metric: {REQUESTS}, limit: 250"
    )

    verdict = judged(google(lines, 429, "X", violations((PER_MINUTE, None), (PER_DAY, None))))

    assert (verdict.kind, verdict.quota_id, verdict.limit) == (Kind.DAY, PER_DAY, "250")


@pytest.mark.parametrize(
    ("body", "expected_kind", "until"),
    [
        (
            google(EXCEEDED, 429, "X", violations((PER_DAY, "9")), retry_info("5s")),
            Kind.DAY,
            MIDNIGHT,
        ),
        (google(EXCEEDED, 429, "X", violations((PER_DAY, "0"))), Kind.NO_QUOTA, MIDNIGHT),
        (
            google(EXCEEDED, 429, "X", retry_info("17000s")),
            Kind.UNKNOWN_LIMIT,
            NOW + timedelta(seconds=17000),
        ),
    ],
)
def test_a_quota_is_the_models_and_lasts_as_long_as_its_kind_says(body, expected_kind, until):
    scope = Scope.KEY if expected_kind is Kind.UNKNOWN_LIMIT else Scope.PROJECT

    assert facts(judged(body)) == (expected_kind, scope, MODEL, until, Retry.NEXT_KEY)


@pytest.mark.parametrize(
    ("strikes", "stated", "seconds"),
    [
        (0, "", 30),
        (1, "", 60),
        (3, "", 240),
        (7, "", 3600),
        (10**9, "", 3600),
        (-1, "", 30),
        (0, "41s", 41),
        (1, "41s", 60),
    ],
)
def test_an_unexplained_limit_backs_off_further_with_every_strike(strikes, stated, seconds):
    details = [retry_info(stated)] if stated else []

    verdict = judged(google(EXCEEDED, 429, "X", *details), strikes=strikes)

    assert verdict.until == NOW + timedelta(seconds=seconds)


@pytest.mark.parametrize(
    "body", [b"", b"Too Many Requests", b"<html><h1>429</h1></html>", b'{"error":', b"[]", b"null"]
)
def test_a_429_that_tells_nothing_is_an_unknown_limit_of_this_key(body):
    later = NOW + timedelta(seconds=30)

    assert facts(judged(body)) == (Kind.UNKNOWN_LIMIT, Scope.KEY, MODEL, later, Retry.NEXT_KEY)


@pytest.mark.parametrize(
    "body",
    [
        google("The model is overloaded. Please try again later."),
        google("This model is currently experiencing high demand."),
        google("Resource has been exhausted (e.g. check quota).", 429, "X", info("LLM_OVERLOADED")),
        google(
            "No capacity available for model m on the server",
            429,
            "X",
            info("MODEL_CAPACITY_EXHAUSTED"),
        ),
        {
            "error": {
                "message": "The engine is currently overloaded, please try again later",
                "type": "server_error",
            }
        },
    ],
)
def test_a_429_for_an_overload_is_the_servers(body):
    assert facts(judged(body)) == (Kind.SERVER, Scope.KEY, MODEL, None, Retry.BACK_OFF)


@pytest.mark.parametrize(
    "message", ["Your quota is used up by high demand.", "Overloaded: limit 5 requests per minute."]
)
def test_a_429_that_speaks_of_quota_is_no_overload(message):
    assert kind(google(message)) is not Kind.SERVER


def test_a_429_that_names_a_quota_is_no_overload():
    body = google("The model is overloaded.", 429, "X", violations(("ConcurrentSessions", "3")))

    assert kind(body) is Kind.UNKNOWN_LIMIT


@pytest.mark.parametrize(
    ("path", "body", "model"),
    [
        (NATIVE + b"?key=x", google(EXCEEDED), MODEL),
        (
            b"/v1/chat/completions",
            google("Rate limit exceeded for model gemini-3 (limit: 5 requests per day)"),
            "gemini-3",
        ),
        (
            b"/x",
            google(
                f"Quota exceeded for metric: {REQUESTS}, limit: 9, model: gemini-3.1-pro\nPlease"
            ),
            "gemini-3.1-pro",
        ),
        (
            b"/x",
            google("x", 429, "X", {"violations": [{"quotaDimensions": {"model": "from-details"}}]}),
            "from-details",
        ),
        (b"/x", google("The model is fine."), ""),
    ],
)
def test_a_request_that_named_no_model_has_that_of_its_path_or_of_the_body(path, body, model):
    assert judged(body, model="", path=path).model == model


def test_the_endpoint_of_a_request_without_a_model_stands_for_one():
    assert (
        judged(
            recorded("429_batches_list_help_only"), model="/batches", path=b"/v1beta/batches"
        ).model
        == "/batches"
    )


# Retry-After.


@pytest.mark.parametrize("name", ["429_free_tpm_250000", "429_help_only"])
def test_retry_after_of_a_429_is_obeyed_whatever_the_window(name):
    verdict = judged(recorded(name), headers=[(b"Retry-After", b"90.5")], strikes=5)

    assert verdict.until == NOW + timedelta(seconds=90.5)
    assert verdict.stated_delay == timedelta(seconds=90.5)


def test_retry_after_ends_another_providers_day():
    said = (
        b'{"error": {"message": "Rate limit reached on requests per day (RPD): Limit 200.", '
        b'"type": "requests"}}'
    )

    verdict = judged(said, headers=[(b"retry-after", b"500")])

    assert (verdict.kind, verdict.until) == (Kind.DAY, NOW + timedelta(seconds=500))


@pytest.mark.parametrize("name", ["429_free_rpd_20_short_delay", "interactions_429_rpd_45m28s"])
def test_retry_after_does_not_shorten_googles_day(name):
    assert judged(recorded(name), headers=[(b"retry-after", b"58")]).until == MIDNIGHT


@pytest.mark.parametrize("name", ["429_free_limit0_3_violations", "429_prepay_depleted"])
def test_retry_after_does_not_bring_back_a_quota_that_is_none_or_money(name):
    assert judged(recorded(name), headers=[(b"retry-after", b"5")]).until == MIDNIGHT


def test_retry_after_of_a_503_sets_a_time_and_leaves_it_the_servers():
    verdict = judged(recorded("503_high_demand"), 503, headers=[(b"retry-after", b"20")])

    assert facts(verdict) == (
        Kind.SERVER,
        Scope.KEY,
        MODEL,
        NOW + timedelta(seconds=20),
        Retry.BACK_OFF,
    )


@pytest.mark.parametrize("status", [500, 529])
def test_retry_after_of_other_server_errors_sets_none(status):
    assert judged(b"", status, headers=[(b"retry-after", b"20")]).until is None


def test_retry_after_that_cannot_be_read_is_ignored():
    assert judged(b"", headers=[(b"retry-after", b"soon")]).until == NOW + timedelta(seconds=30)


# Money.


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (
            429,
            google(
                "Your prepayment credits are depleted. Please go to AI Studio to manage your "
                "project and billing."
            ),
        ),
        (429, google("Your billing account has exceeded its monthly spending cap.")),
        (429, google("Your project has exceeded its monthly spend limit.")),
        (
            429,
            {
                "error": {
                    "message": EXCEEDED,
                    "type": "insufficient_quota",
                    "code": "insufficient_quota",
                }
            },
        ),
        (
            403,
            google(
                "Spend cap breached for project: projects/1 for service: x.googleapis.com",
                403,
                "PERMISSION_DENIED",
            ),
        ),
    ],
)
def test_money_takes_the_project_out_for_every_model(status, body):
    assert facts(judged(body, status)) == (
        Kind.BILLING,
        Scope.PROJECT,
        "",
        MIDNIGHT,
        Retry.NEXT_KEY,
    )


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (402, b""),
        (402, google("Your prepayment credits are depleted.", 402)),
        (402, {"error": {"message": "Insufficient Balance", "type": "unknown_error"}}),
        (
            403,
            google(
                (
                    "This API method requires billing to be enabled. Please enable billing on "
                    "project #1."
                ),
                403,
            ),
        ),
        (403, google("x", 403, "PERMISSION_DENIED", info("BILLING_DISABLED"))),
        (400, google("x", 400, "FAILED_PRECONDITION", info("BILLING_DISABLED"))),
        (
            400,
            {
                "type": "error",
                "error": {
                    "type": "x",
                    "message": "Your credit balance is too low to access the API.",
                },
            },
        ),
    ],
)
def test_money_that_a_request_is_refused_for_takes_out_its_model(status, body):
    assert facts(judged(body, status)) == (
        Kind.MODEL_BILLING,
        Scope.PROJECT,
        MODEL,
        MIDNIGHT,
        Retry.NEXT_KEY,
    )


@pytest.mark.parametrize(
    "message",
    [
        "This request requires more credits, or fewer max_tokens. You requested up to 65536 "
        "tokens, but can only afford 1200.",
        "You can only afford 300 tokens.",
        "Insufficient credits: please reduce max_tokens.",
    ],
)
def test_a_request_that_asks_for_too_much_money_takes_out_nothing(message):
    verdict = judged({"error": {"message": message, "code": 402}}, 402)

    assert facts(verdict) == (Kind.TOO_DEAR, Scope.KEY, MODEL, None, Retry.NEXT_KEY)


@pytest.mark.parametrize(
    ("message", "waited"),
    [
        ("You exceeded your spend-based rate limit.", 600),
        ("You exceeded your spend-based rate limit. Please retry in 31s.", 31),
        ("Spend based rate limits of your billing account were exceeded.", 600),
        ("Your spending rate has exceeded the allowed limit for your tier.", 600),
        ("You have spent more than $10 in 10 minutes: spend limit per 10 minutes exceeded.", 600),
        ("Your spend limit of $50 in a rolling 10 minute window was exceeded.", 600),
    ],
)
@pytest.mark.parametrize("details", [(), (violations(),)])
def test_money_that_is_spent_too_fast_takes_the_project_out_for_minutes(message, waited, details):
    until = NOW + timedelta(seconds=waited)

    assert facts(judged(google(message, 429, "RESOURCE_EXHAUSTED", *details))) == (
        Kind.SPEND,
        Scope.PROJECT,
        "",
        until,
        Retry.NEXT_KEY,
    )


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (
            429,
            google(
                f"{EXCEEDED} Raise your spend limit for more.",
                429,
                "X",
                violations((PER_MINUTE, "5")),
            ),
        ),
        (429, google(EXCEEDED)),
        (
            400,
            google("Invalid value: Your prepayment credits are depleted.", 400, "INVALID_ARGUMENT"),
        ),
        (403, google('You may not call "spend cap".', 403, "PERMISSION_DENIED")),
        (
            403,
            google(
                "You do not have permission to access the File spend cap or it may not exist.", 403
            ),
        ),
        (404, google("Spend cap is not found for API version v1beta.", 404, "NOT_FOUND")),
    ],
)
def test_a_word_about_money_alone_is_no_bill(status, body):
    assert kind(body, status) is not Kind.BILLING
