"""A client that is limited to some models gets no other by any way of asking."""

import json
import tempfile

import pytest

from proxyapp.forwarding.model_permission import check_model
from proxyapp.forwarding.request_body import RequestBody
from proxyapp.vocabulary.asgi import Header
from proxyapp.vocabulary.errors import NotAllowed
from proxyapp.vocabulary.model_patterns import pattern_of

CHAT = b"/v1beta/openai/chat/completions"
NATIVE = b"/v1beta/models/%b:generateContent"
LONG = b'"' + b"x" * (1 << 20) + b'"'


def is_allowed(
    path: bytes,
    body: bytes = b"",
    method: str = "POST",
    *,
    in_file: bool = False,
    query: bytes = b"",
    headers: list[Header] | None = None,
) -> bool:
    pattern = pattern_of(["good*"])
    assert pattern
    file = tempfile.TemporaryFile() if in_file else None  # noqa: SIM115
    if file:
        file.write(body)
    sent = RequestBody(b"" if file else body, file, len(body) or None)
    try:
        check_model(pattern, method, path, sent, query, headers)
    except NotAllowed:
        return False
    finally:
        sent.close()
    return True


@pytest.mark.parametrize(
    ("path", "body"),
    [
        (
            NATIVE % b"good-1",
            b'{"contents": [{"parts": [{"functionCall": {"args": {"model": "T"}}}]}]}',
        ),
        (NATIVE % b"good-1", b""),
        (NATIVE % b"go%6Fd", b'{"model": "models/good-1"}'),
        (CHAT, b'{"model": "good-1", "tools": [{"model": "bad"}]}'),
        (CHAT, b'{"model": "models/good-1"}'),
        (b"/v1beta/cachedContents", b'{"model": "models/good-1"}'),
        (CHAT, b'{"model": "good-1", "x": %b}' % LONG),
        (CHAT, b'{"model": "good-1", "tools": [{"model": "bad"}], "x": %b}' % LONG),
        (
            CHAT,
            b'{"model": "good-1", "messages": [{"content": [{"models": "bad"}]}], "x": %b}' % LONG,
        ),
        (NATIVE % b"good-1", b'{"model": "models/good-1", "x": %b}' % LONG),
    ],
)
def test_an_allowed_model_passes(path, body):
    assert is_allowed(path, body)


@pytest.mark.parametrize(
    ("path", "body"),
    [
        (NATIVE % b"bad", b""),
        (NATIVE % b"good", b'{"model": "bad"}'),
        (NATIVE % b"good", b'{"model": "bad", "x": %b}' % LONG),
        (CHAT, b'{"model": "good", "x": %b, "extra_body": {"m_o_d_e_l": "bad"}}' % LONG),
        (CHAT, b'{"model": "good", "x": %b, "x": "\xff"}' % LONG),
        (CHAT, b'{"model": "good", "x": %b} {"model": "bad"}' % LONG),
        (b"/v1beta/models/bad:generateContent/models/good", b""),
        (b"/v1beta/models/good/../bad:generateContent", b""),
        (b"/v1beta/models/good/%2e%2e/bad:generateContent", b""),
        (b"/v1beta/models/good/..%2fbad:generateContent", b""),
        (b"/v1beta/tunedModels/bad:generateContent", b""),
        (CHAT + b"#/models/good", b"a form, say"),
        (CHAT + b"%23/models/good", b"a form, say"),
        (CHAT, b'{"model": "bad"}'),
        (CHAT, b'{"model": "bad", "model": "good"}'),
        (CHAT, b'{"model": "good", "model": "bad"}'),
        (CHAT, b'{"x": {"model": "good"}, "mod\\u0065l": "bad"}'),
        (CHAT, b'{"model": ["good"]}'),
        (CHAT, b'{"model": "good", "Model": "bad"}'),
        (CHAT, b'{"model": "good", model: "bad"}'),
        (CHAT, b"""{"model": "good", 'model': 'bad'}"""),
        (
            CHAT,
            (
                b'{"model": "good"}\r\n--b\r\nContent-Disposition: form-data; name="model"\r\n\r\n'
                b"bad\r\n--b--"
            ),
        ),
        (CHAT, b'{"model": "good", model: "bad", "x": %b}' % LONG),
        (CHAT, b"""{"model": "good", 'model': 'bad', "x": %b}""" % LONG),
        (CHAT, b'{"model": "good", "M\\u004fDEL": "bad", "x": %b}' % LONG),
        (CHAT, b'--b\r\n\r\n"model": "good"\r\n--b\r\n\r\nbad\r\n' + LONG),
        (b"/v1beta/models//bad:generateContent", b'{"model": "good"}'),
        (b"/v1beta/models%255cbad:generateContent", b'{"model": "good"}'),
        (b"/v1beta/models%252Fbad:generateContent", b'{"model": "good"}'),
        (CHAT, b'{"model": "good", "x": NaN oops "model": "bad"}'),
        (CHAT, b'{"model": "good", "a": %b, "model": "bad", "b": %b}' % (LONG, LONG)),
        (CHAT, b'{"model": "good", "a": %b, "mo\\u0064el" : "bad", "b": %b}' % (LONG, LONG)),
    ],
)
@pytest.mark.parametrize("in_file", [False, True])
def test_any_other_is_refused(path, body, in_file):
    assert not is_allowed(path, body, in_file=in_file and len(body) > 1 << 20)


@pytest.mark.parametrize("path", [b"/v1beta/models", b"/v1beta/models/", b"/v1beta/openai/models"])
def test_the_models_may_be_listed(path):
    assert is_allowed(path, method="GET")
    assert not is_allowed(path, method="POST")


@pytest.mark.parametrize(
    ("path", "body"),
    [
        (CHAT, b""),
        (CHAT, b"--boundary\r\nmodel"),
        (CHAT, json.dumps({"model": "good"}).encode("utf-16")),
        (CHAT, b'["model", "good"]'),
    ],
)
def test_what_names_no_model_is_refused(path, body):
    assert not is_allowed(path, body)
    assert not is_allowed(path, body, method="GET")


@pytest.mark.parametrize(
    ("query", "content_type"),
    [
        (b"model=bad", b"application/json"),
        (b"x=1&cachedContent.mod%65l=models/bad", b"application/json"),
        (b"", b"multipart/form-data; boundary=b"),
        (b"", b"application/x-www-form-urlencoded"),
    ],
)
def test_neither_a_query_nor_a_form_names_another(query, content_type):
    pattern = pattern_of(["good*"])
    body = b'{"model": "good", "x": "&model=bad&"}'
    sent = RequestBody(body, length=len(body))
    assert pattern
    check_model(
        pattern, "POST", CHAT, sent, b"model=good", [(b"content-type", b"application/json")]
    )
    with pytest.raises(NotAllowed):
        check_model(pattern, "POST", CHAT, sent, query, [(b"content-type", content_type)])


FORM: list[Header] = [(b"content-type", b"multipart/form-data; boundary=b")]
FIELD = b'--b\r\nContent-Disposition: form-data; name="%b"\r\n\r\n%b\r\n'
FILE = b'--b\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\n%b\r\n'
AUDIO = b"/v1beta/openai/audio/transcriptions"


@pytest.mark.parametrize("size", [9, 100_000, 2 << 20])
def test_a_plain_form_names_its_model(size):
    def sent(name: bytes, value: bytes, path: bytes = AUDIO, headers: list[Header] = FORM) -> bool:
        body = FILE % (b"x" * size) + FIELD % (name, value) + b"--b--"
        return is_allowed(path, body, in_file=size > 1 << 20, headers=headers)

    assert sent(b"model", b"good-1")
    assert sent(b"prompt", b"x", b"/openai/deployments/good-1/audio/transcriptions")
    assert sent(b"model", b"good-2", b"/openai/deployments/good-1/audio/transcriptions")
    assert not sent(b"model", b"bad", b"/openai/deployments/good-1/audio/transcriptions")
    assert not sent(b"model", b"bad")
    assert not sent(b"model", b"good-1\r\nbad")
    assert not sent(b"model", b"good-1,bad")
    assert not sent(b"Model", b"good-1")
    assert not sent(b"prompt", b"good-1")
    assert not sent(b"model", b"good-1", headers=[*FORM, *FORM])
    assert not sent(b"model", b"good-1", headers=[(b"content-type", b"application/json")])
    assert not sent(b"model", b"good-1", b"/unknown")


@pytest.mark.parametrize(
    "body",
    [
        b'{"model": "good", "models": ["good-1", "bad"]}',
        b'{"model": "good", "route": "fallback", "models": ["bad"]}',
        b'{"model": "good", "fallbacks": ["bad"]}',
        b'{"model": "good", "fallbacks": [{"good": ["bad"]}]}',
        b'{"model": "good", "fallback": {"to": {"model_name": "bad"}}}',
        b'{"model": "good", "context_window_fallbacks": [{"good": ["bad"]}]}',
        b'{"model": "good", "extra_body": {"model": "bad"}}',
        b'{"model": "good", "provider": {"options": [{"modelId": "bad"}]}}',
        b'{"model": "good", "mod\\u0065ls": ["bad"]}',
        b'{"model": "good", "engine": "bad"}',
        b'{"model": "good", "deployment_id": "bad"}',
        b'{"model": "good", "plugins": [{"id": "auto-router", "allowed_models": ["bad"]}]}',
        b'{"model": "good", "preset": "bad"}',
        b'{"model": "good", "input": {"model": "bad"}}',
        b'{"model": "good,bad"}',
        b'{"model": "good;bad"}',
        b'{"model": "good/../bad"}',
        b'{"model": "good bad"}',
    ],
)
def test_no_field_beside_the_model_chooses_another(body):
    assert not is_allowed(CHAT, body)
    assert not is_allowed(CHAT, body[:-1] + b', "x": %b}' % LONG)
    assert not is_allowed(b"/openai/deployments/good/chat/completions", body)


def test_fields_that_choose_among_allowed_models_pass():
    assert is_allowed(CHAT, b'{"model": "good", "models": ["good-1"], "provider": {"sort": "x"}}')
    assert is_allowed(CHAT, b'{"model": "good", "fallbacks": [{"model": "good-2"}, "good-3"]}')


@pytest.mark.parametrize(
    ("path", "body"),
    [
        (b"/openai/deployments/bad/chat/completions", b'{"model": "good"}'),
        (b"/v1/engines/bad/completions", b'{"model": "good"}'),
        (b"/v1/engines/bad/completions/models/good", b'{"model": "good"}'),
        (b"/v1beta/models/good;bad:generateContent", b"{}"),
        (b"/v1beta/models/good%3Bx=bad:generateContent", b"{}"),
        (b"/v1beta/models;x=bad/good:generateContent", b"{}"),
        (b"/v1beta/models/good:generateContent;x=bad", b"{}"),
        (b"/v1beta/models/good%00bad:generateContent", b"{}"),
        (b"/v1beta/models/good%3Fbad:generateContent", b"{}"),
        (b"/v1beta/models/good,bad:generateContent", b"{}"),
        (b"/v1beta/tunedModels/good:generateContent", b"{}"),
        (b"/v1beta/publishers/x/models/bad:generateContent", b'{"model": "good"}'),
        (b"/v1beta/models/good:countTokens", b'{"generateContentRequest": {"model": "bad"}}'),
        (b"/v1beta/models/good:batchEmbedContents", b'{"requests": [{"model": "bad"}]}'),
        (
            b"/v1beta/models/good:batchGenerateContent",
            b'{"batch": {"inputConfig": {"requests": {"requests": [{"x": {"model": "bad"}}]}}}}',
        ),
        (b"/v1beta/models/good:generateContent", b"\x0a\x06bad"),
        (b"/batch", b"--b\r\n\r\nPOST /v1beta/models/good:generateContent"),
        (b"/batch/v1beta", b'{"model": "good"}'),
        (b"/v1/batches", b'{"model": "good", "input_file_id": "file-1"}'),
        (b"/v1beta/interactions", b'{"model": "good", "agent": "bad"}'),
        (b"/v1/responses", b'{"model": "good", "tools": [{"type": "x", "model": "bad"}]}'),
        (b"/v1/fine_tuning/jobs", b'{"model": "good"}'),
        (b"/v1/threads/runs", b'{"model": "good"}'),
        (b"/somewhere/else", b'{"model": "good"}'),
        (b"/somewhere/models/good", b"{}"),
        (b"/ws/google.ai.generativelanguage.v1beta.GenerativeService.BidiGenerateContent", b""),
    ],
)
def test_no_path_that_is_not_known_to_name_the_model_passes(path, body):
    assert not is_allowed(path, body)
    assert not is_allowed(path.replace(b"/", b"//", 1), body)


@pytest.mark.parametrize(
    ("query", "headers"),
    [
        (b"models=bad", []),
        (b"generateContentRequest.model=bad", []),
        (b"fallbacks=bad", []),
        (b"deployment=bad", []),
        (b"", [(b"x-model", b"bad")]),
        (b"", [(b"helicone-fallbacks", b'[{"target": "bad"}]')]),
        (b"", [(b"x-portkey-config", b'{"targets": []}')]),
        (b"", [(b"x-goog-request-params", b"model=models%2Fbad")]),
    ],
)
def test_neither_parameters_nor_headers_choose_another(query, headers):
    assert not is_allowed(NATIVE % b"good", b"{}", query=query, headers=headers)
    assert not is_allowed(CHAT, b'{"model": "good"}', query=query, headers=headers)


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", NATIVE % b"good", b'{"contents": [], "generationConfig": {"seed": 1}}'),
        ("POST", b"/v1beta/models/good:streamGenerateContent", b'{"contents": []}'),
        ("POST", b"/v1beta/models/good:countTokens", b'{"contents": []}'),
        ("POST", b"/v1beta/models/good:embedContent", b'{"model": "models/good", "content": {}}'),
        ("POST", b"/v1beta/models/good:batchEmbedContents", b'{"requests": [{"model": "good"}]}'),
        ("POST", b"/v1beta/models/good:predictLongRunning", b'{"instances": [{"prompt": "x"}]}'),
        ("GET", b"/v1beta/models/good/operations/abc-1", b""),
        ("GET", b"/v1beta/operations/abc-1", b""),
        ("GET", b"/v1beta/models/good", b""),
        ("GET", b"/v1/models", b""),
        ("POST", b"/v1beta1/publishers/google/models/good:generateContent", b"{}"),
        (
            "POST",
            b"/v1/projects/p-1/locations/us-central1/publishers/google/models/good:predict",
            b"{}",
        ),
        ("POST", b"/v1/chat/completions", b'{"model": "google/good", "messages": []}'),
        ("POST", b"/v1//chat/completions", b'{"model": "good", "tools": [{"function": {}}]}'),
        (
            "POST",
            CHAT,
            b'{"model": "good", "extra_body": {"google": {"thinking_config": {"x": 1}}}}',
        ),
        ("POST", CHAT, b'{"model": "publishers/google/models/good"}'),
        ("POST", b"/v1beta/openai/embeddings", b'{"model": "good", "input": ["x"]}'),
        ("POST", b"/v1beta/openai/images/generations", b'{"model": "good", "prompt": "x"}'),
        ("POST", b"/v1/responses", b'{"model": "good", "input": "x"}'),
        ("POST", b"/v1beta/interactions", b'{"model": "good", "input": "x"}'),
        ("GET", b"/v1beta/interactions/abc", b""),
        ("POST", b"/openai/deployments/good/chat/completions", b'{"messages": []}'),
        ("POST", b"/v1beta/cachedContents", b'{"model": "models/good", "contents": []}'),
        ("GET", b"/v1beta/cachedContents/abc", b""),
        ("PATCH", b"/v1beta/cachedContents/abc", b'{"ttl": "9s"}'),
        ("POST", b"/upload/v1beta/files", b'{"file": {"displayName": "the model"}}'),
        ("POST", b"/upload/v1beta/files", b"\x89PNG"),
        ("GET", b"/v1beta/files/abc", b""),
        ("DELETE", b"/v1beta/files/abc", b""),
    ],
)
def test_what_sdks_send_for_an_allowed_model_passes(method, path, body):
    assert is_allowed(path, body, method, headers=[(b"content-type", b"application/json")])


def test_a_refusal_names_the_remedy():
    pattern = pattern_of(["good"])
    assert pattern
    with pytest.raises(NotAllowed, match="admin: Client tokens"):
        check_model(pattern, "POST", b"/x", RequestBody())


@pytest.mark.parametrize("count", [900, 1100])
def test_so_many_names_and_parameters_are_looked_at_and_no_more(count: int):
    names = json.dumps({"model": "good", "models": [f"good-{i}" for i in range(count)]}).encode()
    same = json.dumps({"model": "good", "models": ["good"] * 5000}).encode()
    query = b"&".join(b"a=b" for _ in range(count))
    routing = [(b"x-goog-request-params", b"&".join(b"a=b" for _ in range(count)))]

    assert is_allowed(CHAT, names) is (count < 1000)
    assert is_allowed(CHAT, same)
    assert is_allowed(CHAT, b'{"model": "good"}', query=query) is (count < 1000)
    assert is_allowed(CHAT, b'{"model": "good"}', headers=routing) is (count < 1000)


def test_a_name_that_is_longer_than_any_is_refused():
    assert is_allowed(CHAT, json.dumps({"model": "good" + "x" * 900}).encode())
    assert not is_allowed(CHAT, json.dumps({"model": "good" + "x" * 1000}).encode())
