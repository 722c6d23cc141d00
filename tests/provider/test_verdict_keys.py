"""Which refusals concern the key, and which only what was asked of it."""

import pytest

from proxyapp.provider.kind_spec import Retry, Scope
from proxyapp.provider.kinds import Kind
from tests.support.refusals import MIDNIGHT, MODEL, NATIVE, facts, google, info, judged, kind

# Dead keys, and what must not condemn one.


@pytest.mark.parametrize(
    "reason",
    [
        "API_KEY_INVALID",
        "API_KEY_EXPIRED",
        "API_KEY_SERVICE_BLOCKED",
        "API_KEY_IP_ADDRESS_BLOCKED",
        "API_KEY_HTTP_REFERRER_BLOCKED",
        "API_KEY_ANDROID_APP_BLOCKED",
        "API_KEY_IOS_APP_BLOCKED",
        "CONSUMER_SUSPENDED",
        "CONSUMER_INVALID",
        "SERVICE_DISABLED",
        "PROJECT_DELETED",
        "RESOURCE_PROJECT_INVALID",
    ],
)
@pytest.mark.parametrize("status", [400, 401, 403])
def test_a_reason_condemns_the_key_whatever_the_message(status, reason):
    verdict = judged(google("x", status, "X", info(reason)), status)

    assert facts(verdict) == (Kind.DEAD_KEY, Scope.KEY, "", None, Retry.NEXT_KEY)


DEAD_MESSAGES = [
    "API key not valid. Please pass a valid API key.",
    "API Key not found. Please pass a valid API key.",
    "API key expired. Please renew the API key.",
    "Your API key was reported as leaked. Please use another API key.",
    "Your project has been denied access. Please contact support.",
    "Project 123 has been deleted.",
    "Permission denied: Consumer 'api_key:x' has been suspended.",
    "Permission denied on resource project default.",
    "Gemini API has not been used in project 123 before or it is disabled. Enable it by visiting https://x.",
    (
        "Requests to this API generativelanguage.googleapis.com method "
        "a.b.ModelService.ListModels are blocked."
    ),
    "Requests from referer <empty> are blocked.",
    "Requests from this Android client application <empty> are blocked.",
    (
        "The provided API key has an IP address restriction. The originating IP address of the "
        "call violates it."
    ),
    (
        "Access to generativelanguage.googleapis.com is restricted from your billing country and "
        "was denied for x."
    ),
    "Incorrect API key provided: sk-xx. You can find your API key at https://x.",
    "invalid x-api-key",
    "This organization has been disabled.",
]


@pytest.mark.parametrize("message", DEAD_MESSAGES)
def test_without_a_reason_a_message_condemns_the_key_by_its_start(message):
    assert kind(google(message, 403, "PERMISSION_DENIED"), 403) is Kind.DEAD_KEY


@pytest.mark.parametrize("status", [404, 405, 413, 409, 500, 503])
@pytest.mark.parametrize(
    "body", [google(DEAD_MESSAGES[0], 400), google("x", 400, "X", info("API_KEY_INVALID"))]
)
def test_other_statuses_never_condemn_a_key(status, body):
    assert kind(body, status) is not Kind.DEAD_KEY


@pytest.mark.parametrize(
    "message",
    [
        (
            "Invalid value at 'contents[0]' (type), \"API key not valid. Please pass a valid API "
            'key."'
        ),
        'Invalid JSON payload received. Unknown name "API key not valid": Cannot find field.',
        "Unsupported value: API key not valid.",
        '"x"API key not valid.',
        "* GenerateContentRequest.model: API key expired",
    ],
)
@pytest.mark.parametrize("status", [400, 401, 403])
def test_what_a_client_sent_and_google_repeats_never_condemns_a_key(status, message):
    assert kind(google(message, status, "INVALID_ARGUMENT"), status) is not Kind.DEAD_KEY


def test_a_model_that_is_named_like_a_verdict_condemns_no_key():
    name = "API key not valid. Please"

    assert (
        kind(
            {"error": {"message": f"{name} is not a valid model ID", "code": 400}}, 400, model=name
        )
        is Kind.REQUEST
    )


def test_a_quota_or_another_reason_beside_the_words_condemns_no_key():
    body = google("API key not valid.", 403, "X", info("IAM_PERMISSION_DENIED"))

    assert kind(body, 403) is not Kind.DEAD_KEY


@pytest.mark.parametrize(
    "error",
    [
        {"message": "x", "type": "invalid_request_error", "code": "invalid_api_key"},
        {"message": "x", "code": "account_deactivated"},
        {"type": "authentication_error", "message": "invalid x-api-key"},
    ],
)
def test_the_codes_of_other_providers_condemn_the_key_too(error):
    assert kind({"type": "error", "error": error}, 401) is Kind.DEAD_KEY


# Credentials that the gateway sent badly.


@pytest.mark.parametrize(
    ("status", "message", "reason"),
    [
        (400, "Missing Authorization header.", ""),
        (400, "Invalid Authorization header.", ""),
        (401, "Multiple authentication credentials received. Please pass only one.", ""),
        (
            403,
            "Method doesn't allow unregistered callers (callers without established identity).",
            "",
        ),
        (401, "Request is missing required authentication credential.", "CREDENTIALS_MISSING"),
        (401, "x", "ACCESS_TOKEN_EXPIRED"),
        (401, "x-api-key header is required", ""),
        (401, "You didn't provide an API key.", ""),
        (401, "No API key found in request", ""),
        (401, "", ""),
        (407, "", ""),
    ],
)
def test_credentials_in_a_wrong_place_are_the_gateways_fault(status, message, reason):
    details = [info(reason)] if reason else []

    verdict = judged(google(message, status, "UNAUTHENTICATED", *details), status)

    assert facts(verdict) == (Kind.PROXY_FAULT, Scope.KEY, "", None, Retry.RELAY)


def test_a_missing_key_of_another_provider_is_no_dead_one():
    body = {
        "type": "error",
        "error": {"type": "authentication_error", "message": "x-api-key header is required"},
    }

    assert kind(body, 401) is Kind.PROXY_FAULT


# Regions.


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (
            400,
            google("User location is not supported for the API use.", 400, "FAILED_PRECONDITION"),
        ),
        (403, {"error": {"message": "Country, region, or territory not supported", "code": "x"}}),
        (403, {"error": {"message": "x", "code": "unsupported_country_region_territory"}}),
        (
            429,
            (
                b"<html><title>Sorry...</title>Our systems have detected unusual traffic from "
                b"your network.</html>"
            ),
        ),
        (
            403,
            (
                b"<!DOCTYPE html><style>p{}</style><p>Your client does not have permission to get "
                b"URL <code>/x</code>"
            ),
        ),
    ],
)
def test_a_region_concerns_every_key_behind_the_same_exit(status, body):
    assert facts(judged(body, status)) == (Kind.EGRESS, Scope.GROUP, "", None, Retry.OTHER_GROUP)


@pytest.mark.parametrize(
    "message",
    [
        "User location is not supported for the API use without a billing account linked.",
        (
            "Gemini API free tier is not available in your country. Please enable billing on your "
            "project."
        ),
    ],
)
def test_a_region_without_a_free_tier_lets_the_next_key_try(message):
    verdict = judged(google(message, 400, "FAILED_PRECONDITION"), 400)

    assert (verdict.kind, verdict.until, verdict.retry) == (Kind.EGRESS, None, Retry.NEXT_KEY)


# Models and resources.


@pytest.mark.parametrize(
    ("status", "message"),
    [
        (403, "The caller does not have permission"),
        (403, "Your API key does not have permission to use the specified resource."),
        (
            404,
            (
                "This model models/gemini-2.5-flash is no longer available to new users. Please "
                "update your code."
            ),
        ),
        (400, "Imagen API is only accessible to billed users at this time."),
        (403, "Deep Research is only available for paid tier usage."),
        (400, "Batch mode is not available in the free tier."),
        (403, "Project `proj_1` does not have access to model `gpt-4`"),
        (
            404,
            (
                "Requested entity was not found. Request preview access at https://goo.gle/x "
                "before using it."
            ),
        ),
        (403, "The project is not on the allowlist for this model."),
        (
            401,
            "API keys are not supported by this API. Expected OAuth2 access token or other "
            "authentication credentials that assert a principal.",
        ),
        (403, "Project `sample-project` is not allowed to use Publisher Model `projects/x/y`."),
        (403, "Your project is not allowed to use this model."),
        (
            404,
            "Publisher Model `projects/p/locations/global/publishers/google/models/m` was not "
            "found or your project does not have access to it.",
        ),
        (
            403,
            "Permission 'aiplatform.endpoints.predict' denied on resource "
            "'//aiplatform.googleapis.com/projects/p/locations/l/publishers/google/models/m' (or "
            "it may not exist).",
        ),
        (
            403,
            "Permission 'aiplatform.endpoints.predict' denied on resource "
            "'//aiplatform.googleapis.com/projects/p/locations/us-central1/endpoints/123' (or it "
            "may not exist).",
        ),
    ],
)
def test_a_model_that_this_key_may_not_use_is_out_for_this_key_alone(status, message):
    verdict = judged(google(message, status, "X"), status)

    assert facts(verdict) == (Kind.MODEL_FOR_KEY, Scope.KEY, MODEL, MIDNIGHT, Retry.NEXT_KEY)


@pytest.mark.parametrize(
    "message", ["The caller does not have permission", "Veo is only available to paid users."]
)
def test_without_a_model_nothing_is_out_for_the_key(message):
    assert kind(google(message, 403, "X"), 403, model="", path=b"/v1beta/x") is Kind.REQUEST


@pytest.mark.parametrize(
    "path",
    [
        b"/v1beta/files/abc",
        b"/v1beta/files/abc:download?alt=media",
        b"/v1beta/cachedContents/abc",
        b"/v1beta/batches/abc:cancel",
        b"/v1beta/operations/abc",
        b"/v1beta/models/veo-3/operations/abc",
        b"/v1beta/tunedModels/abc",
        b"/v1beta/fileSearchStores/abc/documents/def",
        b"/v1beta/interactions/abc",
        b"/v1beta/openai/batches/abc",
    ],
)
@pytest.mark.parametrize(
    ("status", "message"),
    [(403, "The caller does not have permission"), (404, "Requested entity was not found.")],
)
def test_a_resource_that_is_refused_belongs_to_another_key(path, status, message):
    verdict = judged(google(message, status, "X"), status, path=path)

    assert (verdict.kind, verdict.scope, verdict.until, verdict.retry) == (
        Kind.WRONG_KEY,
        Scope.KEY,
        None,
        Retry.RELAY,
    )


@pytest.mark.parametrize(
    ("status", "message"),
    [
        (403, "You do not have permission to access the File abc or it may not exist."),
        (403, "CachedContent not found (or permission denied)"),
        (404, "CachedContent not found."),
        (403, "You do not have permission to access tuned model generate-num-1."),
        (404, "Interaction v1_abc not found."),
        (404, "Batch job was not found"),
        (403, "Permission 'x' denied on resource '//y' (or it may not exist)."),
        (
            403,
            "Permission 'aiplatform.cachedContents.get' denied on resource "
            "'//aiplatform.googleapis.com/projects/p/cachedContents/1' (or it may not exist).",
        ),
    ],
)
def test_a_resource_that_a_request_mentions_belongs_to_another_key(status, message):
    assert kind(google(message, status, "X"), status) is Kind.WRONG_KEY


@pytest.mark.parametrize(
    "path", [b"/v1beta/interactions", b"/v1beta/tunedModels/abc:generateContent", NATIVE]
)
def test_no_permission_to_generate_is_about_the_model(path):
    assert (
        kind(google("The caller does not have permission", 403, "X"), 403, path=path)
        is Kind.MODEL_FOR_KEY
    )
