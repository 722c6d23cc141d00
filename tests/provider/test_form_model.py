"""Which model a form names, and which forms nobody may read for sure."""

import mmap
import tempfile

import httpx
import pytest

from proxyapp.provider.form_model import MOST_PARTS, PIECE_BYTES, boundary_of, reading_form
from proxyapp.provider.long_json import finished

TYPE = b"multipart/form-data; boundary=b"
FILE = b'Content-Disposition: form-data; name="file"; filename="a.mp3"\r\nContent-Type: audio/mpeg'
MODEL = b'Content-Disposition: form-data; name="model"'
PROMPT = b'Content-Disposition: form-data; name="prompt"'


def part(head: bytes, value: bytes) -> bytes:
    return b"--b\r\n" + head + b"\r\n\r\n" + value + b"\r\n"


def form(*parts: bytes, end: bytes = b"--b--\r\n") -> bytes:
    return b"".join(parts) + end


WHISPER = part(MODEL, b"whisper-1")


def model_in(body: bytes, content_type: bytes = TYPE) -> str | None:
    """None: not plain."""
    boundary = boundary_of([(b"content-type", content_type)])
    if boundary is None:
        return None
    found = finished(reading_form(body, boundary))
    return found.model if found.is_plain else None


def test_what_httpx_sends_is_read() -> None:
    for files in ({"file": ("ü.mp3", b"\r\n--\xff" * 999)}, [("image[]", b"1"), ("image[]", b"2")]):
        request = httpx.Request(
            "POST", "http://x", data={"prompt": "Say.", "model": "whisper-1"}, files=files
        )
        assert model_in(request.read(), request.headers["content-type"].encode()) == "whisper-1"


@pytest.mark.parametrize(
    "content_type",
    [
        TYPE,
        b'Multipart/Form-Data; Boundary="b"',
        b"multipart/form-data;boundary=b; charset=utf-8",
        b"multipart/form-data; charset=UTF-8; boundary=b",
    ],
)
@pytest.mark.parametrize(
    "head",
    [
        MODEL,
        b"content-disposition: form-data; name=model",
        MODEL + b"\r\nContent-Type: text/plain; charset=utf-8",
        b"Content-Type: text/plain\r\nContent-Transfer-Encoding: 8bit\r\n" + MODEL,
        b"Content-Length: 9\r\n" + MODEL,
    ],
)
def test_a_model_is_read_wherever_it_stands(content_type: bytes, head: bytes) -> None:
    model, file = part(head, b"whisper-1"), part(FILE, b"\r\n\r\nb--\n--a" * 9)
    for body in (form(model, file), form(file, model), form(file, model, end=b"--b--")):
        assert model_in(body, content_type) == "whisper-1"


def test_a_form_without_one_is_plain() -> None:
    assert model_in(form(part(FILE, b"x"), part(PROMPT, b"the model"))) == ""


@pytest.mark.parametrize(
    "content_type",
    [
        b"",
        b"application/json",
        b"application/x-www-form-urlencoded",
        b"multipart/mixed; boundary=b",
        b"multipart/form-data",
        b"multipart/form-data; boundary=",
        b"multipart/form-data; boundary=b; boundary=c",
        b"multipart/form-data; boundary=b, multipart/form-data; boundary=c",
        b"multipart/form-data; boundary*=utf-8''b",
        b"multipart/form-data; boundary=b; charset=utf-16",
        b'multipart/form-data; boundary="b\\b"',
        b'multipart/form-data; boundary="b "',
        b"multipart/form-data; boundary=b; x=y",
        b"multipart/form-data; boundary=" + b"b" * 71,
    ],
)
def test_an_odd_type_is_none_of_a_form(content_type: bytes) -> None:
    assert boundary_of([(b"content-type", content_type)]) is None


def test_neither_are_two_types_nor_a_packed_body() -> None:
    assert boundary_of([(b"content-type", TYPE)] * 2) is None
    assert boundary_of([(b"content-type", TYPE), (b"content-encoding", b"gzip")]) is None
    assert boundary_of([]) is None


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"--b",
        b'{"model": "whisper-1"}',
        form(WHISPER, WHISPER),
        form(WHISPER, part(MODEL, b"other")),
        form(WHISPER, part(b'Content-Disposition: form-data; name="Model"', b"other")),
        form(WHISPER, part(b'Content-Disposition: form-data; name=" model"', b"other")),
        form(WHISPER, part(b'Content-Disposition: form-data; name="model[]"', b"other")),
        form(WHISPER, part(b'Content-Disposition: form-data; name="extra_body[model]"', b"other")),
        form(WHISPER, part(b'Content-Disposition: form-data; name="fallbacks"', b"other")),
        form(WHISPER, part(b'Content-Disposition: form-data; name="_charset_"', b"utf-7")),
        form(WHISPER, part(b'Content-Disposition: form-data; name="mod\\el"', b"other")),
        form(WHISPER, part(b'Content-Disposition: form-data; name="%6dodel"', b"other")),
        form(WHISPER, part(b"Content-Disposition: form-data; name*=utf-8''model", b"other")),
        form(WHISPER, part(PROMPT + b"; name=model", b"other")),
        form(WHISPER, part(PROMPT + b'; filename="x; name=model"', b"other")),
        form(WHISPER, part(PROMPT + b'; filename="x\\"; name=\\"model"', b"other")),
        form(WHISPER, part(b'Content-Disposition: form-data; filename=model; name="a"', b"other")),
        form(WHISPER, part(PROMPT + b"\r\n" + MODEL, b"other")),
        form(WHISPER, part(PROMPT + b"\r\n X: y", b"folded")),
        form(WHISPER, part(PROMPT + b"\n" + MODEL, b"bare line feed")),
        form(WHISPER, part(PROMPT + b"\n\nx", b"early end of the head")),
        form(WHISPER, part(b"Content-Type: text/plain", b"no disposition")),
        form(WHISPER, part(b'Content-Disposition : form-data; name="a"', b"x")),
        form(WHISPER, part(b'Content-Disposition: attachment; name="model"', b"other")),
        form(WHISPER, part(PROMPT + b"\r\nContent-Type: multipart/mixed; boundary=c", b"--c")),
        form(WHISPER, part(PROMPT, b'{"model": "other"}')),
        form(WHISPER, part(PROMPT, b' [{"mod\\u0065l": "other"}]')),
        form(WHISPER, part(PROMPT, b"{" + b" " * 70_000 + b'"model": "other"}')),
        form(part(MODEL + b'; filename="a"', b"whisper-1")),
        form(part(MODEL + b'; filename=""', b"whisper-1")),
        form(part(MODEL + b"\r\nContent-Type: application/json", b'"whisper-1"')),
        form(part(MODEL + b"\r\nContent-Type: text/plain; charset=utf-7", b"whisper-1")),
        form(part(MODEL + b"\r\nContent-Transfer-Encoding: base64", b"d2hpc3Blci0x")),
        form(part(MODEL, b"w" * 1001)),
        form(part(MODEL + b"\r\nX: " + b"y" * 9000, b"whisper-1")),
        b"preamble\r\n" + form(WHISPER),
        b"\r\n" + form(WHISPER),
        form(WHISPER, end=b""),
        form(WHISPER, end=b"--b"),
        form(WHISPER, end=b"--b\r\n"),
        form(WHISPER, end=b"--b-- "),
        form(WHISPER, end=b"--b--\r\n" + form(part(MODEL, b"other"))),
        form(WHISPER, end=b"--b--\r\nx"),
        form(WHISPER, end=b"--b --"),
        form(WHISPER, part(FILE, b"x\n--b\n" + MODEL + b"\n\nother")),
        form(WHISPER, part(FILE, b"x--b\r\n" + MODEL + b"\r\n\r\nother")),
        form(WHISPER, part(FILE, b"x\r\n--b \r\n" + MODEL + b"\r\n\r\nother")),
        form(WHISPER, part(FILE, b"x\r\n--bc\r\n" + MODEL + b"\r\n\r\nother")),
        form(WHISPER, part(FILE, b"x\r--b\r" + MODEL + b"\r\rother")),
        b"--b\r\n" + MODEL + b"\r\n--b--\r\n",
        form(WHISPER.replace(b"\r\n", b"\n")),
        form(WHISPER, *[part(PROMPT, b"x")] * MOST_PARTS),
    ],
)
def test_what_parsers_may_read_in_two_ways_is_not_plain(body: bytes) -> None:
    assert model_in(body) is None


@pytest.mark.parametrize("before", [-3, -2, -1, 0, 1, 2])
def test_a_boundary_is_found_wherever_pieces_end(before: int) -> None:
    start = len(part(FILE, b"")) - 2
    file = part(FILE, b"x" * (PIECE_BYTES + before - start))

    assert model_in(form(file, WHISPER)) == "whisper-1"
    with tempfile.TemporaryFile() as kept:
        kept.write(form(file, WHISPER))
        kept.flush()
        whole = mmap.mmap(kept.fileno(), 0, access=mmap.ACCESS_READ)
        assert finished(reading_form(whole, b"b")).names == ["whisper-1"]
