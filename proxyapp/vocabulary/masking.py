"""How secrets are shown: enough to tell two keys apart, never enough to use one."""

import json

ACCOUNT_MASK = "service account "


def masked_key(secret: str) -> str:
    """`AIza…x9Qk`: the first four and the last four characters; of a short key only dots."""
    if secret.startswith("{"):
        return _masked_account(secret)
    if len(secret) < 16:
        return "••••"
    return f"{secret[:4]}…{secret[-4:]}"


def _masked_account(secret: str) -> str:
    """Of a service account, by the id of its private key, which is no secret."""
    try:
        name = str(json.loads(secret)["private_key_id"])
    except (ValueError, KeyError, TypeError, RecursionError):
        return "••••"
    return f"{ACCOUNT_MASK}{name[-4:]}"


def masked_url(url: str) -> str:
    """The URL with `***@` for everything before its last `@`; also for text that is no URL."""
    before, at, host = url.rpartition("@")
    if not at:
        return url
    scheme, separator, _ = before.partition("://")
    return f"{scheme}{separator}***@{host}" if separator else f"***@{host}"
