"""What a path tells, kept or read anew, is what each question by itself is answered with."""

import random

import pytest

from proxyapp.forwarding.dot_segments import leads_astray
from proxyapp.forwarding.path_facts import facts_of
from proxyapp.provider.credentials import is_of_openai_api
from proxyapp.provider.generating import is_generating
from proxyapp.provider.model_name import model_of, quota_scope
from proxyapp.vocabulary.remembered import LONGEST_BYTES

PIECES = [
    b"/v1beta", b"/v1", b"/models/", b"/tunedModels/", b"gemini-2.5-pro", b"a%2Fb", b"/files", b";",
    b":generateContent", b":countTokens", b":batchGenerateContent", b"/openai", b"/interactions",
    b"/chat/completions", b"/cachedContents/x", b"/upload", b"/..", b"/%2e%2e", b"/", b"//",
    b"\xff", b"x" * 200,
]  # fmt: skip


def test_facts_are_the_answers_to_each_question():
    chosen = random.Random(14)
    seen = set()
    for _ in range(3000):
        path = b"".join(chosen.choices(PIECES, k=chosen.randint(1, 6)))
        facts = facts_of(path)
        assert facts_of(path) == facts
        assert facts.path == path
        assert facts.is_astray == leads_astray(path)
        assert facts.is_openai == is_of_openai_api(path)
        assert facts.is_call == is_generating("POST", path)
        assert (facts.model or "") == model_of(path, b"")
        assert facts.endpoint_scope == facts.quota_scope("") == quota_scope(path, "")
        seen.add((facts.is_astray, facts.is_openai, facts.is_call, len(path) > LONGEST_BYTES))
    assert len(seen) >= 8


@pytest.mark.parametrize(
    "path",
    [
        b"/v1beta/models/m:batchGenerateContent",
        b"/v1beta/models/m:countTokens",
        b"/v1beta/models/m:predictLongRunning",
        b"/v1beta/files/f:download",
        b"/v1beta/cachedContents/c",
    ],
)
def test_what_an_upstream_decodes_is_what_it_is_when_it_is_encoded(path: bytes):
    """Else a batch would be made twice, and a quota of its own taken for the model's."""
    method = path.replace(b":", b"%3A")
    plain, encoded = facts_of(path), facts_of(method.replace(b"c", b"%63"))

    for fact in ("is_asked_once", "is_of_no_model", "is_making", "own_quota", "is_call", "model"):
        assert getattr(encoded, fact) == getattr(plain, fact), fact


@pytest.mark.parametrize(
    ("path", "tells"),
    [
        (b"/v1beta/batches/b", True),
        (b"/v1beta/models/veo/operations/o", True),
        (b"/v1beta/openai/batches/batch_b", True),
        (b"/v1beta/interactions/i", True),
        (b"/v1beta/files/f", False),
        (b"/v1beta/files/f:download", False),
        (b"/v1beta/batches", False),
        (b"/v1beta/batches/b:cancel", False),
    ],
)
def test_only_what_has_results_is_looked_through_for_them(path: bytes, tells: bool):
    assert facts_of(path).tells_results is tells
