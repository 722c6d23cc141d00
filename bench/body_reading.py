"""What it costs to tell which models a body of 1 MB names, by its shape.

`python -m bench.body_reading` prints ms a MB of CPU: in steps, as bodies of more than 64 KB are
read, and as one full parse (`models_of_fields`), which it takes turns with; and the longest step.
"""

import gc
import json
import time
from base64 import b64encode
from contextlib import suppress
from random import Random

from proxyapp.provider.json_outline import UnreadableBody
from proxyapp.provider.long_json import reading
from proxyapp.provider.model_fields import models_of_fields

SIZE = 1_000_000
ROUNDS = 7
START = b'{"model":"good","x":'
TEXT = 'Two words or three, and "one" in quotes.\n' * 50
TURN = {"role": "user", "parts": [{"text": TEXT}]}
TOOL = {"name": "f", "parameters": {"properties": {"a": {"type": "string", "description": "A b"}}}}


def filled(start: bytes, piece: bytes, end: bytes) -> bytes:
    return start + piece * (SIZE // len(piece)) + end


SHAPES = {
    "base64": START + b'"' + b64encode(Random(1).randbytes(SIZE * 3 // 4)) + b'"}',
    "one text": filled(START + b'"', b"Two words or three. ", b'"}'),
    "turns of 2 KB": filled(START + b"[", json.dumps(TURN).encode() + b",", b"1]}"),
    "tools": filled(b'{"model":"good","tools":[', json.dumps(TOOL).encode() + b",", b"1]}"),
    "numbers": filled(START + b"[", b"12345, ", b"1]}"),
    "small values": filled(START + b"[", b'"",true,1,', b"1]}"),
    "small objects": filled(START + b"[", b'{"a":1},', b"1]}"),
    "escapes": filled(START + b'"', b"\\u006d", b'"}'),
    "names": filled(b"{", b'"model":"good",', b'"a":1}'),
    "nested": filled(START + b"[", b"[" * 400 + b"]" * 400 + b",", b"1]}"),
}


def in_steps(body: bytes) -> tuple[float, float]:
    """Milliseconds of all, and of the longest step."""
    costs, steps, is_over = [], reading(body), False
    while not is_over:
        before = time.thread_time()
        is_over = next(steps, "over") == "over"
        costs.append((time.thread_time() - before) * 1000)
    return sum(costs), max(costs)


def at_once(body: bytes) -> float:
    before = time.thread_time()
    with suppress(UnreadableBody):
        models_of_fields(body)
    return (time.thread_time() - before) * 1000


def main() -> None:
    gc.disable()  # the gateway freezes what it has at its start
    for name, body in SHAPES.items():
        steps, whole = [], []
        for _ in range(ROUNDS):
            steps.append(in_steps(body))
            whole.append(at_once(body))
        (total, _), longest = min(steps), min(longest for _, longest in steps)
        print(f"{name:15} {total:7.2f} in steps, {min(whole):7.2f} at once, step {longest:5.2f}")


if __name__ == "__main__":
    main()
