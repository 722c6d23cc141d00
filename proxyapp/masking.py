"""How secrets are shown: enough to tell two keys apart, never enough to use one."""

from urllib.parse import urlsplit


def masked_key(secret: str) -> str:
    """`AIzaSyA…x9Qk`: the first four and the last four characters; of a short key only dots."""
    if len(secret) < 16:
        return "••••"
    return f"{secret[:4]}…{secret[-4:]}"


def masked_url(url: str) -> str:
    """The URL with `user:pass@` replaced by `***@`."""
    parts = urlsplit(url)
    if "@" not in parts.netloc:
        return url
    return parts._replace(netloc="***@" + parts.netloc.rpartition("@")[2]).geturl()
