"""Which model a request is for."""

import pytest

from proxyapp.modelname import model_of


@pytest.mark.parametrize(
    ("path", "body", "model"),
    [
        (b"/v1beta/models/gemini-2.5-pro:generateContent", b"{}", "gemini-2.5-pro"),
        (b"/v1beta/models/gemini-2.5-pro", b"", "gemini-2.5-pro"),
        (b"/v1beta/tunedModels/mine:generateContent", b"{}", "mine"),
        (b"/v1beta/models", b"", ""),
        (b"/v1beta/openai/chat/completions", b'{"model": "gemini-2.5-flash", "messages": []}', "gemini-2.5-flash"),
        (b"/v1beta/openai/chat/completions", b'{"messages":[{"content":"{\\"model\\":\\"x\\"}"}],"model":"m"}', "m"),
        (b"/v1beta/openai/chat/completions", b'{"model":"models/gemini-2.5-flash"}', "gemini-2.5-flash"),
        (b"/v1beta/interactions", b'{\n  "model" : "m"\n}', "m"),
        (b"/v1beta/openai/chat/completions", b'{"model": null}', ""),
        (b"/v1beta/files", b"\x89PNG", ""),
        (b"/v1beta/models/%ff\xff:x", b"", "%ff\ufffd"),
        (b"/v1beta/models/" + b"m" * 300, b"", "m" * 100),
    ],
)
def test_the_path_tells_the_model_or_else_the_body(path, body, model):
    assert model_of(path, body) == model
