"""What is asked about a key, target by target: each time where the target really looks at it."""

from urllib.parse import urlsplit

import pytest

from proxyapp.pool.keys_and_groups import resolved_auth
from proxyapp.provider.key_question import ANTHROPIC_VERSION, question_for


@pytest.mark.parametrize(
    ("target", "auth", "path"),
    [
        ("https://generativelanguage.googleapis.com", "auto", "/v1beta/models?pageSize=1"),
        ("https://generativelanguage.googleapis.com/v1beta", "auto", "/v1beta/models?pageSize=1"),
        (
            "https://generativelanguage.googleapis.com/v1beta/openai",
            "auto",
            "/v1beta/openai/models",
        ),
        ("https://generativelanguage.googleapis.com", "query:key", "/v1beta/models?pageSize=1"),
        ("https://mirror.example/gemini", "google", "/gemini/v1beta/models?pageSize=1"),
        ("https://mirror.example", "auto", "/v1beta/models?pageSize=1"),
        ("https://api.openai.com/v1", "bearer", "/v1/models"),
        ("https://api.openai.com", "bearer", "/v1/models"),
        ("https://api.openai.com/v1", "auto", "/v1/models"),
        ("https://api.groq.com/openai/v1", "bearer", "/openai/v1/models"),
        ("https://openrouter.ai/api/v1", "bearer", "/api/v1/key"),
        ("https://openrouter.ai/api", "auto", "/api/v1/key"),
        ("https://notopenrouter.ai/api/v1", "bearer", "/api/v1/models"),
        ("https://api.anthropic.com", "x-api-key", "/v1/models?limit=1"),
        ("https://api.anthropic.com/v1", "x-api-key", "/v1/models?limit=1"),
        ("https://me.openai.azure.com", "api-key", "/openai/models?api-version=2024-10-21"),
        ("https://me.openai.azure.com/openai", "api-key", "/openai/models?api-version=2024-10-21"),
        ("https://me.openai.azure.com/openai/v1", "api-key", "/openai/v1/models"),
        ("https://vllm.example", "api-key", "/v1/models"),
        ("http://127.0.0.1:8000", "bearer", "/v1/models"),
        ("http://127.0.0.1:8000/v1", "header:x-token", "/v1/models"),
        ("http://127.0.0.1:8000/v1", "query:token", "/v1/models"),
        (
            "https://aiplatform.googleapis.com",
            "auto",
            "/v1/publishers/google/models/gemini-2.5-flash:countTokens",
        ),
        (
            "https://us-central1-aiplatform.googleapis.com/v1/projects/p/locations/us-central1",
            "bearer",
            "/v1/projects/p/locations/us-central1/publishers/google/models/gemini-2.5-flash"
            ":countTokens",
        ),
    ],
)
def test_each_target_is_asked_what_its_api_has(target: str, auth: str, path: str):
    parts = urlsplit(target)
    host, prefix = parts.hostname or "", parts.path.encode()
    resolved = resolved_auth(auth, host, has_single_credential=False)

    asked = question_for(resolved, host, prefix)

    assert asked.target.decode() == path
    assert bool(asked.body) == path.endswith(":countTokens")
    assert (ANTHROPIC_VERSION in asked.headers) == (auth == "x-api-key")
