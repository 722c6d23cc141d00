"""What an upload id of the gateway's own stands for, sealed."""

from dataclasses import replace

import pytest

from proxyapp.resources.known import KnownResource
from proxyapp.resources.upload_sessions import LIFE_SECONDS, UploadSession, opened, sealed
from proxyapp.vocabulary.errors import UnknownUpload

NOW = 1_800_000_000.0
SECRETS = ["current", "older"]
MADE = KnownResource("The upload", 7, "alice's", "p-1", 3, 9, NOW + LIFE_SECONDS, "hash")
SESSION = UploadSession(MADE, "/upload/v1beta/files", "/upload/v1beta/files?upload_id=A", "google")


def test_it_comes_back_as_it_was():
    upload_id = sealed(SESSION, SECRETS)

    assert opened(upload_id.encode(), SECRETS, NOW) == SESSION
    assert upload_id.replace("-", "").replace("_", "").isalnum()


def test_nothing_of_it_can_be_read_and_no_two_are_alike():
    first, second = sealed(SESSION, SECRETS), sealed(SESSION, SECRETS)

    assert first != second
    assert "upload" not in first


def test_an_older_secret_still_opens_what_it_sealed():
    old = sealed(SESSION, ["older"]).encode()

    assert opened(old, SECRETS, NOW) == SESSION
    with pytest.raises(UnknownUpload):
        opened(old, ["current"], NOW)


def test_after_its_time_it_is_told_so():
    upload_id = sealed(SESSION, SECRETS).encode()

    opened(upload_id, SECRETS, NOW + LIFE_SECONDS - 1)
    with pytest.raises(UnknownUpload, match=r"more than 7 days ago"):
        opened(upload_id, SECRETS, NOW + LIFE_SECONDS)


@pytest.mark.parametrize(
    "forged", [b"", b"x", b"=" * 8, b"\xff" * 8, b"gAAAAA" + b"x" * 100, b"x" * 1_000_000]
)
def test_what_is_made_up_is_unknown(forged: bytes):
    with pytest.raises(UnknownUpload, match=r"begin it anew"):
        opened(forged, SECRETS, NOW)


def test_every_changed_letter_makes_it_unknown():
    upload_id = sealed(replace(SESSION, auth="both"), SECRETS)
    for place in range(0, len(upload_id) - 2, 7):
        changed = "B" if upload_id[place] == "A" else "A"
        with pytest.raises(UnknownUpload):
            opened((upload_id[:place] + changed + upload_id[place + 1 :]).encode(), SECRETS, NOW)
