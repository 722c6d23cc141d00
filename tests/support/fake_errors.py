"""What Google says of a request that it refuses, and of what belongs to another project."""

from typing import Any

from tests.support.fake_gemini import Answer, in_form
from tests.support.fake_http import Recorded

STATUS_WORDS = {
    400: "INVALID_ARGUMENT",
    403: "PERMISSION_DENIED",
    404: "NOT_FOUND",
    409: "ALREADY_EXISTS",
    416: "OUT_OF_RANGE",
}
# Kinds that Google hides behind a 403; of the others it says that they are not there.
FORBIDDEN = {
    "files": "File",
    "fileSearchStores": "FileSearchStore",
    "corpora": "Corpus",
    "tunedModels": "TunedModel",
}


class GoogleError(Exception):
    def __init__(self, status: int, message: str, word: str = "") -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.word = word or STATUS_WORDS[status]

    def answer(self, request: Recorded) -> Answer:
        if "/interactions" in request.path:
            error: dict[str, Any] = {"message": self.message, "code": self.word.lower()}
        else:
            error = {"code": self.status, "message": self.message, "status": self.word}
        return in_form(request, {"error": error}, self.status)


def not_yours(name: str) -> GoogleError:
    """It says the same of what is not there at all."""
    kind, _, rest = name.partition("/")
    if kind == "cachedContents":
        return GoogleError(403, "CachedContent not found (or permission denied)")
    if kind in FORBIDDEN:
        what = f"the {FORBIDDEN[kind]} {rest}"
        return GoogleError(403, f"You do not have permission to access {what} or it may not exist.")
    return GoogleError(404, "Requested entity was not found.")


def invalid(message: str) -> GoogleError:
    return GoogleError(400, message)
