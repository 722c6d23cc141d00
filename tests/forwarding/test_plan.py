"""What the quota of a request counts for."""

import pytest

from proxyapp.forwarding.plan import scope_of

PRO = "gemini-2.5-pro"


@pytest.mark.parametrize(
    ("path", "model", "scope"),
    [
        (b"/v1beta/models/gemini-2.5-pro:generateContent", PRO, PRO),
        (b"/v1beta/models/gemini-2.5-pro:streamGenerateContent", PRO, PRO),
        (b"/v1beta/openai/chat/completions", PRO, PRO),
        (b"/v1beta/interactions", PRO, PRO),
        (b"/v1beta/models/gemini-2.5-pro:countTokens", PRO, f"{PRO}:countTokens"),
        (b"/v1beta/models/gemini-2.5-pro:batchGenerateContent", PRO, f"{PRO}:batchGenerateContent"),
        (b"/v1beta/cachedContents", PRO, "/cachedContents"),
        (b"/v1beta/batches", "", "/batches"),
        (b"/v1beta/models", "", "/models"),
        (b"/upload/v1beta/files", "", "/files"),
    ],
)
def test_a_quota_takes_out_no_more_than_what_it_counts_for(path: bytes, model: str, scope: str):
    assert scope_of(path, model) == scope
