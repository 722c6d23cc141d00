"""URLs as text."""

from urllib.parse import urlsplit

from proxyapp.vocabulary.masking import masked_url


def shown_url(url: str | None) -> str:
    """For a line of text: without user and password. The database may hold what is no URL."""
    try:
        return masked_url(url) if url else "none"
    except ValueError:
        return "(not a URL)"


def is_of_google(url: str) -> bool:
    """Whether it leads to Google's own API. A text that is no URL does not."""
    try:
        return is_host_of_google(urlsplit(url).hostname or "")
    except ValueError:
        return False


def is_host_of_google(host: str) -> bool:
    return is_host_below(host, "googleapis.com")


def is_host_below(host: str, domain: str) -> bool:
    """The domain itself is, too."""
    host = host.lower().rstrip(".")
    return host == domain or host.endswith(f".{domain}")
