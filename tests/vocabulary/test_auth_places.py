"""What may be named as the place of a key."""

import pytest

from proxyapp.vocabulary.auth_places import MAX_AUTH_LENGTH, check_auth
from proxyapp.vocabulary.choices import Auth, choice_values

TAKEN = "names a header that HTTP or the gateway itself uses"


@pytest.mark.parametrize(
    "auth",
    [
        *choice_values(Auth),
        "header:x-my-key",
        "header:X-Api-Token",
        "header:authorization",
        "header:api_key",
        f"header:{'x' * 64}",
        "query:key",
        "query:api_key",
        "query:subscription-key",
        "query:$key",
    ],
)
def test_a_way_that_has_a_name_or_names_a_place_is_taken(auth: str):
    assert check_auth(auth) is None
    assert len(auth) <= MAX_AUTH_LENGTH


@pytest.mark.parametrize(
    ("auth", "problem"),
    [
        ("", "must be one of auto, google"),
        ("Bearer", "must be one of auto, google"),
        ("cookie:session", "must be one of auto, google"),
        ("HEADER:x", "must be one of auto, google"),
        ("query", "must be one of auto, google"),
        ("query:", "has no name behind its colon; write query:api_key"),
        ("header:", "has no name behind its colon; write header:x-my-key"),
        ("query:a=b", "has characters that such a name cannot have"),
        ("query:a&b", "has characters that such a name cannot have"),
        ("query:a%20b", "has characters that such a name cannot have"),
        ("header:x key", "has characters that such a name cannot have"),
        ("header:x\r\ny", "has characters that such a name cannot have"),
        ("header:x:y", "has characters that such a name cannot have"),
        ("header:schlüssel", "has characters that such a name cannot have"),
        (f"header:{'x' * 65}", "has a name of 65 characters; 64 are allowed"),
        ("header:Host", TAKEN),
        ("header:content-type", TAKEN),
        ("header:Content_Length", TAKEN),
        ("header:transfer-encoding", TAKEN),
        ("header:Proxy-Authorization", TAKEN),
        ("header:connection", TAKEN),
        ("header:cookie", TAKEN),
        ("header:x-gateway-hop", TAKEN),
        ("header:x-forwarded-for", TAKEN),
        ("header:accept-encoding", TAKEN),
        ("header:X_Real_IP", TAKEN),
        ("header:CF-Connecting-IP", TAKEN),
        ("header:True-Client-IP", TAKEN),
        ("header:X-HTTP-Method-Override", TAKEN),
        ("header:x-goog-upload-command", TAKEN),
        ("header:anthropic-version", TAKEN),
        ("query:alt", "names a parameter that requests have"),
        ("query:pageToken", "names a parameter that requests have"),
    ],
)
def test_anything_else_is_refused_in_a_line_that_says_what_to_write(auth: str, problem: str):
    said = check_auth(auth)

    assert said is not None
    assert said.startswith(problem)
    assert "\n" not in said
