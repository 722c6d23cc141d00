"""Service accounts as Google makes them, and what their signed assertions say."""

import base64
import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.hashes import SHA256

TOKEN_URI = "https://oauth2.googleapis.com/token"
# A group's, with the places that accounts fill.
TARGET = "https://{location}-aiplatform.googleapis.com/v1/projects/{project}/locations/{location}"


@cache
def private_pem() -> str:
    """The same in all of a test run's process."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    ).decode()


def account(name: str = "robot", project: str = "my-project", **fields: Any) -> dict[str, Any]:
    """The content of a file."""
    email = f"{name}@{project}.iam.gserviceaccount.com"
    return {
        "type": "service_account",
        "project_id": project,
        "private_key_id": "0123456789abcdef0123456789abcdef01234567",
        "private_key": private_pem(),
        "client_email": email,
        "client_id": "123456789012345678901",
        "auth_uri": "https://accounts.google.com/o/oauth2/auth",
        "token_uri": TOKEN_URI,
        "auth_provider_x509_cert_url": "https://www.googleapis.com/oauth2/v1/certs",
        "client_x509_cert_url": f"https://www.googleapis.com/robot/v1/metadata/x509/{email}",
        "universe_domain": "googleapis.com",
        **fields,
    }


def write_account(path: Path, content: dict[str, Any]) -> None:
    """As who runs the gateway should keep it."""
    path.touch(mode=0o600)
    path.write_text(json.dumps(content))


def decoded_assertion(assertion: str, known: Mapping[str, str]) -> dict[str, Any] | None:
    """The claims, if the account that they name has signed them. `known`: private keys by name."""
    head, claims, signature = assertion.split(".")
    said: dict[str, Any] = json.loads(_decoded(claims))
    if said["iss"] not in known:
        return None
    key = serialization.load_pem_private_key(known[said["iss"]].encode(), None)
    assert isinstance(key, rsa.RSAPrivateKey)
    try:
        key.public_key().verify(
            _decoded(signature), f"{head}.{claims}".encode(), padding.PKCS1v15(), SHA256()
        )
    except InvalidSignature:
        return None
    return said


def _decoded(part: str) -> bytes:
    return base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))
