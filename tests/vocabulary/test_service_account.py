"""What of a service account's file is kept, and which files are refused."""

import json

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from proxyapp.vocabulary.masking import masked_key
from proxyapp.vocabulary.service_account import (
    BadAccount,
    account_of,
    check_token_uri,
    default_name,
    is_account,
    stored_account,
)
from proxyapp.vocabulary.target_places import filled
from tests.support.service_accounts import TARGET, TOKEN_URI, account, private_pem

EC_KEY = (
    ec.generate_private_key(ec.SECP256R1())
    .private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    .decode()
)


def test_only_what_a_token_is_minted_with_is_kept_in_one_form():
    given = account(quota_project_id="other", extra={"a": 1})

    stored = stored_account(json.dumps(given, indent=4))

    assert stored == stored_account(dict(reversed(given.items())))
    assert is_account(stored)
    assert account_of(stored) == {
        "client_email": given["client_email"],
        "private_key": given["private_key"],
        "private_key_id": given["private_key_id"],
        "project_id": "my-project",
        "token_uri": TOKEN_URI,
        "location": "global",
    }
    assert default_name(stored) == "robot@my-project"
    assert masked_key(stored) == "service account 4567"
    assert len(masked_key(stored)) <= 20


def test_one_account_may_stand_in_two_locations():
    both = {stored_account(account(), place) for place in ("us-central1", "europe-west4")}

    assert len(both) == 2
    assert account_of(stored_account(account(location="asia-east1")))["location"] == "asia-east1"


@pytest.mark.parametrize(
    ("given", "problem"),
    [
        ("", "is no JSON"),
        ("{", "is no JSON"),
        ("[" * 5000, "is no JSON"),
        ("x" * 20_000, "has more than 16 KB"),
        ("[]", "is no JSON object"),
        (7, "is no JSON object"),
        (None, "is no JSON object"),
        (account(type="authorized_user"), "is of another type than service_account"),
        (account(type="external_account"), "is of another type than service_account"),
        (account(client_email=""), "has no client_email"),
        (account(private_key=None), "has no private_key"),
        (account(project_id=7), "has no project_id"),
        (account(client_email="a\nb@c"), "has a client_email with characters that none has"),
        (account(project_id="a/../b c"), "has a project_id with characters that none has"),
        (account(private_key_id=7), "has a private_key_id with characters that none has"),
        (account(private_key="-----BEGIN PRIVATE KEY-----\nabc"), "has a private_key that cannot"),
        (account(private_key=EC_KEY), "has a private_key of a kind that Google does not make"),
        (account(location="us/../x"), "has a location that is none"),
        (account(token_uri="https://evil.example/token"), "names a token_uri that does not lead"),
    ],
)
def test_what_is_no_account_is_refused_in_a_line_without_what_was_given(given, problem):
    with pytest.raises(BadAccount) as refusal:
        stored_account(given)

    said = str(refusal.value)
    assert said.startswith(problem)
    assert "\n" not in said
    assert "evil" not in said
    assert private_pem()[40:60] not in said


@pytest.mark.parametrize(
    ("uri", "is_allowed"),
    [
        (TOKEN_URI, True),
        ("https://accounts.googleapis.com/o/oauth2/token", True),
        ("http://127.0.0.1:8080/token", True),
        ("http://localhost:1/token", True),
        ("http://[::1]:1/token", True),
        ("http://oauth2.googleapis.com/token", False),
        ("https://googleapis.com.evil.example/token", False),
        ("https://evilgoogleapis.com/token", False),
        ("https://oauth2.googleapis.com@evil.example/", False),
        ("https://u:p@oauth2.googleapis.com/token", False),
        ("https://169.254.169.254/token", False),
        ("http://metadata.google.internal/token", False),
        ("http://10.0.0.1/token", False),
        ("file:///etc/passwd", False),
        ("https://[", False),
        ("https://oauth2.googleapis.com:port/", False),
        ("", False),
    ],
)
def test_a_signed_assertion_goes_to_google_or_to_this_machine(uri, is_allowed):
    assert (check_token_uri(uri) is None) is is_allowed


@pytest.mark.parametrize(
    ("project", "location", "place"),
    [
        (
            "p",
            "eu-west1",
            "https://eu-west1-aiplatform.googleapis.com/v1/projects/p/locations/eu-west1",
        ),
        ("p", "", "https://aiplatform.googleapis.com/v1/projects/p/locations/global"),
        ("ex.com:p", "", "https://aiplatform.googleapis.com/v1/projects/ex.com:p/locations/global"),
        (
            "a b/../c",
            "",
            "https://aiplatform.googleapis.com/v1/projects/a%20b%2F..%2Fc/locations/global",
        ),
        ("..", "", "https://aiplatform.googleapis.com/v1/projects/-/locations/global"),
    ],
)
def test_a_target_is_filled_with_what_the_key_has(project, location, place):
    assert filled(TARGET, project, location) == place
