"""A client that is limited to some models gets no other by any way of asking."""

import json
import tempfile

import pytest

from proxyapp.access.token_book import pattern_of
from proxyapp.forwarding.model_permission import check_model
from proxyapp.forwarding.request_body import RequestBody
from proxyapp.vocabulary.errors import NotAllowed

CHAT = b"/v1beta/openai/chat/completions"
NATIVE = b"/v1beta/models/%b:generateContent"
LONG = b'"' + b"x" * (1 << 20) + b'"'


def is_allowed(
    path: bytes, body: bytes = b"", method: str = "POST", *, in_file: bool = False
) -> bool:
    pattern = pattern_of(["good*"])
    assert pattern
    file = tempfile.TemporaryFile() if in_file else None  # noqa: SIM115
    if file:
        file.write(body)
    sent = RequestBody(b"" if file else body, file, len(body) or None)
    try:
        check_model(pattern, method, path, sent)
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
        (
            NATIVE % b"good-1",
            b'{"model": "bad", "x": %b}' % LONG,
        ),  # the native API goes by the path
    ],
)
def test_an_allowed_model_passes(path, body):
    assert is_allowed(path, body)


@pytest.mark.parametrize(
    ("path", "body"),
    [
        (NATIVE % b"bad", b""),
        (NATIVE % b"good", b'{"model": "bad"}'),
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
        (b"/v1beta/files", b""),
        (CHAT, b""),
        (CHAT, b"--boundary\r\nmodel"),
        (CHAT, json.dumps({"model": "good"}).encode("utf-16")),
        (CHAT, b'["model", "good"]'),
        (b"/upload/v1beta/files", b'{"model": "good"}'),
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
