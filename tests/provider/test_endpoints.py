"""What kind of path a request asks for."""

import pytest

from proxyapp.provider.endpoints import WORDS, endpoint_of

LIVE = b"/ws/google.ai.generativelanguage.v1beta.GenerativeService.BidiGenerateContent"


@pytest.mark.parametrize(
    ("path", "word"),
    [
        (b"/v1beta/models/gemini-2.5-flash:generateContent", "generate"),
        (b"/v1beta/models/gemini-2.5-flash%3AgenerateContent", "generate"),
        (b"/v1beta/models/m:streamGenerateContent", "stream"),
        (b"/v1beta/models/m:batchEmbedContents", "embed"),
        (b"/v1beta/models/m:countTokens", "count_tokens"),
        (b"/v1beta/models/m:batchGenerateContent", "batches"),
        (b"/v1beta/models/m:whatever", "other"),
        (b"/v1beta/models", "models"),
        (b"/v1beta/models/m", "models"),
        (b"/v1/chat/completions", "chat"),
        (b"/v1beta/openai/chat/completions", "chat"),
        (b"/v1/embeddings", "embed"),
        (b"/v1/responses", "responses"),
        (b"/v1/messages", "messages"),
        (b"/v1/messages/count_tokens", "count_tokens"),
        (b"/upload/v1beta/files", "files"),
        (b"/v1beta/files/abc:download", "files"),
        (b"/v1/files/abc", "files"),
        (b"/v1beta/cachedContents/c", "caches"),
        (LIVE, "live"),
        (b"/", "other"),
        (b"", "other"),
        (b"/v1beta/\xff\xfe%ff", "other"),
    ],
)
def test_few_words_tell_it(path: bytes, word: str) -> None:
    assert endpoint_of(path) == word
    assert word in WORDS
