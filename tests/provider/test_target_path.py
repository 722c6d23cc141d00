"""A part of the API that both the target URL and the client bring is sent once."""

import pytest

from proxyapp.provider.target_path import prefix_before, without_api


@pytest.mark.parametrize(
    ("prefix", "path", "sent"),
    [
        ("", "/v1beta/models/x:generateContent", "/v1beta/models/x:generateContent"),
        ("/v1beta", "/v1beta/models", "/v1beta/models"),
        ("/v1beta", "/v1/models", "/v1/models"),
        ("/v1beta", "/models", "/v1beta/models"),
        ("/v1beta", "/openai/chat/completions", "/v1beta/openai/chat/completions"),
        ("/v1beta/openai", "/v1beta/openai/chat/completions", "/v1beta/openai/chat/completions"),
        ("/v1beta/openai", "/openai/chat/completions", "/v1beta/openai/chat/completions"),
        ("/v1beta/openai", "/chat/completions", "/v1beta/openai/chat/completions"),
        ("/v1beta/openai", "/v1beta/models/x", "/v1beta/models/x"),
        ("/v1beta/models", "/v1beta/models/x", "/v1beta/models/x"),
        ("/v1beta/models", "/models/x", "/v1beta/models/x"),
        ("/openai", "/v1beta/openai/models", "/v1beta/openai/models"),
        ("/proxy/v1alpha", "/v1beta/models", "/proxy/v1beta/models"),
        ("/api/v1", "/v1/chat/completions", "/api/v1/chat/completions"),
        ("/api/v1", "/chat/completions", "/api/v1/chat/completions"),
        ("/v1/account/google", "/v1beta/models", "/v1/account/google/v1beta/models"),
        ("/v1beta", "//v1beta/models", "//v1beta/models"),
        ("/v1beta", "/v1betamax", "/v1beta/v1betamax"),
        ("/v1beta", "/v1beta", "/v1beta"),
    ],
)
def test_what_is_sent(prefix: str, path: str, sent: str) -> None:
    before = prefix.encode()
    found = prefix_before(path.encode(), prefix=before, base=without_api(before))

    assert (found + path.encode()).decode() == sent
