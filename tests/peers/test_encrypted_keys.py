"""Keys that gpt-load keeps encrypted: opened with its password, or named with what to do."""

import hashlib
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from proxyapp.management.commands import import_from as import_command
from tests.support.import_from import import_from, keys_of, left_out
from tests.support.peer_files import database, gpt_load_tables
from tests.support.pool_data import secret

pytestmark = pytest.mark.django_db
KEYS = [secret(label) for label in ("one", "two", "three")]
OLD = "sk-clients-of-old-8c1f04"
TARGET = "https://gemini.example.com"
PASSWORD, SALT = "a-password-of-gpt-load", b"gpt-load-encryption-v1"


def encrypted(key: str) -> str:
    """As that program writes it into its database."""
    cipher = AESGCM(hashlib.pbkdf2_hmac("sha256", PASSWORD.encode(), SALT, 100_000))
    nonce = bytes(range(12))
    return (nonce + cipher.encrypt(nonce, key.encode(), None)).hex()


@pytest.mark.parametrize("password", [None, "another-password"])
def test_gpt_loads_encrypted_keys_are_refused_with_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, password: str | None
):
    tables = gpt_load_tables(TARGET, [KEYS[0], encrypted(KEYS[2]), KEYS[1]], OLD)
    if password:
        monkeypatch.setenv("ENCRYPTION_KEY", password)

    report = import_from("gpt-load", database(tmp_path / "db", tables))

    assert list(keys_of("flash")) == KEYS[:2]
    assert "export the keys there as text" in left_out(report)["api_keys.2"]
    assert str(password) not in str(report)


@pytest.mark.parametrize("is_asked", [False, True])
def test_gpt_loads_encrypted_keys_are_opened_with_its_password(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, is_asked: bool
):
    """Its states and the other keys stay as they are."""
    file = database(tmp_path / "db", gpt_load_tables(TARGET, [encrypted(KEYS[0]), *KEYS[1:]], OLD))
    if is_asked:
        monkeypatch.setattr("sys.stdin.isatty", lambda: True)
        monkeypatch.setattr(f"{import_command.__name__}.getpass", lambda text: PASSWORD)
    else:
        monkeypatch.setenv("ENCRYPTION_KEY", PASSWORD)

    report = import_from("gpt-load", file)

    assert keys_of("flash") == dict(zip(KEYS, ("active", "active", "disabled"), strict=True))
    assert PASSWORD not in str(report)
