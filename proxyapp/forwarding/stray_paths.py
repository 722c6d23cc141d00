"""What a client is told that asks Gemini for what it does not have: what to ask for instead."""

import difflib

from proxyapp.vocabulary.client_paths import Stray
from proxyapp.vocabulary.errors import UnknownPath

# What people mean: calls of both APIs, as they are typed first.
KNOWN = (
    "/v1/chat/completions",
    "/v1/completions",
    "/v1/embeddings",
    "/v1/images/generations",
    "/v1/audio/speech",
    "/v1/models",
    "/v1/files",
    "/v1/batches",
    "/v1beta/models",
    "/v1beta/files",
    "/v1beta/cachedContents",
    "/v1beta/batches",
    "/v1beta/interactions",
    "/upload/v1beta/files",
)
SHOWN_BYTES = 100
ADVICE = {
    Stray.MESSAGES: (
        "Gemini's API has no Messages API (Anthropic's). Use a client of OpenAI's chat completions,"
        " with the gateway's address and /v1 as its base URL, or one of Gemini's own API."
    ),
    Stray.RESPONSES: (
        "Gemini's API has no Responses API. Use chat completions: POST /v1/chat/completions."
        " Clients that know both call that 'OpenAI compatible' or 'chat completions'."
    ),
    Stray.BASE: (
        "This is a base URL, and clients add to it: /v1/chat/completions or /v1/models, for"
        " example, or /v1beta/models of Gemini's own API."
    ),
}
OTHERWISE = "OpenAI clients take the base URL with /v1, Gemini's the gateway's address alone."


def unknown_path(path: bytes, stray: Stray) -> UnknownPath:
    """`path`: raw, without a group's prefix."""
    if stray in ADVICE:
        return UnknownPath(ADVICE[stray])
    text = path[:SHOWN_BYTES].decode("utf-8", "replace")
    nearest = difflib.get_close_matches(text, KNOWN, n=1, cutoff=0.5)
    advice = f"Did you mean {nearest[0]}?" if nearest else OTHERWISE
    return UnknownPath(f"Neither Gemini's nor OpenAI's API has the path {text!r}. {advice}")
