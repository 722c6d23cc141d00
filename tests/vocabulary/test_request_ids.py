"""What a request is called."""

import os
import time
import uuid

import pytest

from proxyapp.vocabulary.request_ids import new_request_id, request_id_of


def test_a_new_one_is_a_uuid_of_version_7_that_says_when() -> None:
    before = time.time_ns() // 1_000_000
    ids = [new_request_id() for _ in range(1000)]
    made = [uuid.UUID(each) for each in ids]
    assert [str(each) for each in made] == ids
    assert {each.version for each in made} == {7}
    assert {each.variant for each in made} == {uuid.RFC_4122}
    assert all(before <= each.int >> 80 <= time.time_ns() // 1_000_000 for each in made)
    assert len(set(ids)) == 1000


def test_a_forked_process_makes_others() -> None:
    new_request_id()
    reading, writing = os.pipe()
    if (child := os.fork()) == 0:
        os.write(writing, new_request_id()[-12:].encode())
        os._exit(0)
    os.waitpid(child, 0)
    of_child = os.read(reading, 12).decode()
    os.close(reading)
    os.close(writing)

    assert len(of_child) == 12
    assert new_request_id()[-12:] != of_child


@pytest.mark.parametrize("good", [b"a", b"Req_1.2:3/4+5=@~|-", b"x" * 128])
def test_a_clients_own_is_taken(good: bytes) -> None:
    assert request_id_of([(b"host", b"a"), (b"x-request-id", good)]) == good.decode()


@pytest.mark.parametrize(
    "bad",
    [
        b"",
        b"x" * 129,
        b"x" * 10_000,
        b"two words",
        b"line\r\nend",
        b"line\n",
        b'"quoted"',
        b"<script>",
        b"=1+1",
        b"-x",
        "né".encode(),
        b"\xff",
        b"nul\0",
        b"AIza" + b"x" * 35,
        b"job/gk-" + b"x" * 43,
    ],
)
def test_another_is_replaced(bad: bytes) -> None:
    assert uuid.UUID(request_id_of([(b"x-request-id", bad)])).version == 7


def test_of_two_none_is_taken() -> None:
    both = [(b"x-request-id", b"one"), (b"x-request-id", b"two")]
    assert uuid.UUID(request_id_of(both)).version == 7
