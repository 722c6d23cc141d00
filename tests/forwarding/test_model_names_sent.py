"""Another model's name in a request: it alone is another, and where it is not plain nothing is."""

import json
import tempfile

import pytest

from proxyapp.forwarding.model_names_sent import body_naming, path_naming
from proxyapp.forwarding.request_body import RequestBody
from proxyapp.vocabulary.errors import BadRequest

REAL = "gemini-2.5-flash"
JSON = [(b"content-type", b"application/json")]


def in_memory(data: bytes) -> RequestBody:
    return RequestBody(data, length=len(data))


def on_disk(data: bytes) -> RequestBody:
    file = tempfile.TemporaryFile()  # noqa: SIM115 (the body's to close)
    file.write(data)
    file.flush()
    return RequestBody(file=file, length=len(data))


kinds = pytest.mark.parametrize("kept", [in_memory, on_disk])


@pytest.mark.parametrize(
    ("path", "named"),
    [
        (b"/v1beta/models/fast:generateContent", b"/v1beta/models/%b:generateContent"),
        (b"/v1beta/models/fast%3AgenerateContent", b"/v1beta/models/%b%%3AgenerateContent"),
        (b"/v1beta/models%2Ffast:countTokens", b"/v1beta/models%%2F%b:countTokens"),
        (b"/v1beta/models/%66ast:countTokens", b"/v1beta/models/%b:countTokens"),
        (b"/models/fast", b"/models/%b"),
        (b"/v1beta/models/fast/operations/fast", b"/v1beta/models/%b/operations/fast"),
    ],
)
def test_the_name_in_a_path(path, named) -> None:
    assert path_naming(path, "fast", REAL) == named % REAL.encode()


@pytest.mark.parametrize("model", ["google/gemini", "llama:free"])
def test_a_name_that_no_path_can_have_is_refused(model) -> None:
    with pytest.raises(BadRequest, match="stands for the model"):
        path_naming(b"/v1beta/models/fast:generateContent", "fast", model)


@kinds
@pytest.mark.parametrize(
    ("body", "named"),
    [
        (b'{"model":"fast"}', b'{"model":"%b"}'),
        (b' {"messages":[], "model" : "fast", "x": 1} ', None),
        (b'{"model": "models/fast"}', b'{"model": "models/%b"}'),
        (b'{"model": "f\\u0061st"}', b'{"model": "%b"}'),
        (b'{"tools":[{"model":"fast"}],"model":"fast"}', None),
        (b'{"model":"fast","messages":[{"model":"fast"},{"model":"fast"}]}', b'{"model":"%b",'),
        (b'{"a":[{"model":"fast"},{"model":"fast"},{"model":"fast"}],"model":"fast"}', None),
        (b'{"m":"\\"model\\": \\"fast\\"","model":"fast"}', None),
        ('{"text":"é€😀","model":"fast","z":"ü"}'.encode(), None),
    ],
)
async def test_the_name_at_the_top_of_a_body(kept, body, named) -> None:
    new = await body_naming(kept(body), JSON, "fast", REAL, is_named_in_path=False)

    sent = new.whole()[:]
    assert new.length == len(sent)
    before, after = json.loads(body), json.loads(sent)
    assert after.pop("model").removeprefix("models/") == REAL
    assert before.pop("model").removeprefix("models/") == "fast"
    assert before == after
    if named is not None:
        assert sent.startswith(named % REAL.encode())
    else:
        place = body.rindex(b'"fast"')
        assert sent == body[:place] + b'"%b"' % REAL.encode() + body[place + 6 :]


@kinds
@pytest.mark.parametrize(
    "body",
    [
        b'{"model":"fast","model":"fast"}',
        b'{"model":"fast","MODEL":"other"}',
        b'{"mod\\u0065l":"fast"}',
        b'{"mod\\u0065l":"fast","tools":[{"model":"fast"}]}',
        b'{"tools":[{"model":"fast"}]}',
        b'{"model":"fast"',
        b'[{"model":"fast"}]',
        b'{"model":"fast"} {"model":"fast"}',
        b'{"model":["fast"]}',
        b'{"model":"fast\xff"}',
    ],
)
async def test_a_body_that_does_not_say_it_plainly_is_refused(kept, body) -> None:
    with pytest.raises(BadRequest, match=f"Name '{REAL}' itself"):
        await body_naming(kept(body), JSON, "fast", REAL, is_named_in_path=False)


async def test_a_form_is_refused_with_the_remedy() -> None:
    body = b'--b\r\nContent-Disposition: form-data; name="model"\r\n\r\nfast\r\n--b--\r\n'
    headers = [(b"content-type", b"multipart/form-data; boundary=b")]

    with pytest.raises(BadRequest, match="it is a form"):
        await body_naming(in_memory(body), headers, "fast", REAL, is_named_in_path=False)


def in_order(rest: str, top: str, *, is_last: bool) -> str:
    return "{" + ",".join([rest, top] if is_last else [top, rest]) + "}"


@kinds
@pytest.mark.parametrize("is_last", [False, True])
async def test_a_long_body_is_sent_with_the_name_replaced(kept, is_last) -> None:
    text = "x" * 300_000 + '\\"model\\": ' + "é" * 100_000
    rest = f'"contents":[{{"parts":[{{"text":"{text}"}},{{"model":"fast"}}]}}]'
    top = '"model":"fast"'
    body = in_order(rest, top, is_last=is_last)

    new = await body_naming(kept(body.encode()), JSON, "fast", REAL, is_named_in_path=False)

    sent = new.whole()[:].decode()
    named = f'"model":"{REAL}"'
    assert sent == in_order(rest, named, is_last=is_last)


async def test_what_is_sent_from_a_file_is_what_was_read_again() -> None:
    body = json.dumps({"model": "fast", "input": "y" * 2_000_000}).encode()

    new = await body_naming(on_disk(body), JSON, "fast", REAL, is_named_in_path=False)

    stream = new.to_send()
    assert not isinstance(stream, bytes)
    for _ in range(2):  # with a second key, too
        sent = b"".join([chunk async for chunk in stream])
        assert sent == body.replace(b'"fast"', b'"%b"' % REAL.encode())
        assert new.length == len(sent)


@kinds
async def test_beside_a_path_the_bodys_names_follow_and_its_contents_stay(kept) -> None:
    batch = {"requests": [{"model": "models/fast", "content": {"parts": []}} for _ in range(3)]}
    contents = b'{"contents":[{"parts":[{"functionCall":{"args":{"model":"fast"}}}]}]}'

    new = await body_naming(
        kept(json.dumps(batch).encode()), JSON, "fast", REAL, is_named_in_path=True
    )
    same = await body_naming(kept(contents), JSON, "fast", REAL, is_named_in_path=True)

    named = json.loads(new.whole()[:])["requests"]
    assert {each["model"] for each in named} == {f"models/{REAL}"}
    assert same.whole()[:] == contents
