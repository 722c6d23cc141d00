"""Which model a request is for, as far as that can be told without parsing its body."""

LONGEST_NAME = 100
SEARCHED_BYTES = 1 << 20


def model_of(path: bytes, body: bytes) -> str:
    """From the path (`/models/NAME:method`), or a JSON body's `"model": "NAME"`; empty when neither tells."""
    name = _in_path(path) or _in_body(body)
    return name.decode("utf-8", "replace").removeprefix("models/")[:LONGEST_NAME]


def _in_path(path: bytes) -> bytes:
    """The native API's form, also for tuned models."""
    _, found, rest = path.rpartition(b"odels/")
    return rest.partition(b":")[0].partition(b"/")[0] if found else b""


def _in_body(body: bytes) -> bytes:
    """Inside a JSON string the quotes would be escaped, so `"model"` stands for a real key."""
    if not body.startswith(b"{"):
        return b""
    start = body.find(b'"model"', 0, SEARCHED_BYTES)
    value = body[start + 7 : start + 300].lstrip(b": \t\r\n") if start >= 0 else b""
    return value[1:].partition(b'"')[0] if value.startswith(b'"') else b""
