"""What a disk refuses is a 507 or a 503 for who asks, and a line a minute for the operator."""

import errno
import logging
import os
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest

from proxyapp.forwarding import body_file
from proxyapp.forwarding.body_file import FileStream, Refusals
from proxyapp.forwarding.request_body import RequestBody
from proxyapp.vocabulary import temporary_space
from proxyapp.vocabulary.errors import BodyNotKept


class Failing(BytesIO):
    """A file on a disk that fails."""

    def read(self, size: int | None = -1, /) -> bytes:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    def close(self) -> None:
        super().close()
        raise OSError(errno.EIO, os.strerror(errno.EIO))


@pytest.fixture(autouse=True)
def _fresh(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(body_file, "_refusals", Refusals())


@pytest.mark.parametrize(
    ("number", "status", "words"),
    [
        (errno.ENOSPC, 507, "free space there"),
        (errno.EDQUOT, 507, "quota"),
        (errno.EFBIG, 507, "LimitFSIZE="),
        (errno.EROFS, 503, "mount it for writing"),
        (errno.EACCES, 503, "let the user"),
        (errno.EMFILE, 503, "LimitNOFILE="),
        (errno.ENFILE, 503, "fs.file-max"),
        (errno.EIO, 503, "look at that disk"),
    ],
)
def test_each_error_has_its_status_and_its_remedy(
    number: int,
    status: int,
    words: str,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    settings: Any,
    tmp_path: Path,
) -> None:
    def refuse(*args: Any) -> None:
        raise OSError(number, os.strerror(number))

    settings.TMPDIR = tmp_path
    monkeypatch.setattr(temporary_space, "write_all", refuse)
    for _ in range(3):
        with pytest.raises(BodyNotKept) as caught:
            body_file.append(None, [b"x"])
    assert (caught.value.status, os.strerror(number) in caught.value.message) == (status, True)
    [record] = caplog.records
    said = record.getMessage()
    assert (words in said, str(tmp_path) in said, str(status) in said) == (True, True, True)


def test_the_end_of_it_is_said_once(
    caplog: pytest.LogCaptureFixture, settings: Any, tmp_path: Path
) -> None:
    settings.TMPDIR = tmp_path / "missing" / "tmp"
    (tmp_path / "missing").touch()
    with pytest.raises(BodyNotKept):
        body_file.append(None, [b"x"])
    (tmp_path / "missing").unlink()
    with body_file.append(None, [b"one", b"two"]) as file:
        file.seek(0)
        assert file.read() == b"onetwo"
    for _ in range(2):
        body_file.note_kept()
    assert [record.levelno for record in caplog.records] == [logging.ERROR, logging.WARNING]


async def test_a_body_that_cannot_be_read_back_is_no_upstreams_fault() -> None:
    with pytest.raises(BodyNotKept):
        await anext(aiter(FileStream(Failing())))
    body = RequestBody(b"", Failing(), 5_000_000)
    with pytest.raises(BodyNotKept):
        body.searchable()
    body.close()


async def test_a_disk_that_hangs_is_said_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(body_file, "LOOK_SECONDS", 0.0)
    assert await body_file.shortage() == (
        "temporary space for request bodies (TMPDIR): it does not answer"
    )
