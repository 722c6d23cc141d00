"""URLs as text."""

from proxyapp.vocabulary.masking import masked_url


def shown_url(url: str | None) -> str:
    """For a line of text: without user and password. The database may hold what is no URL."""
    try:
        return masked_url(url) if url else "none"
    except ValueError:
        return "(not a URL)"
