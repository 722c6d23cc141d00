"""Static files, without a step that builds them: below a digest of them all browsers keep them.

An address with the digest of another release is answered with the present file, which is then kept
for a minute, as without a digest: during a rolling restart two releases answer.
"""

import re
from functools import cache
from gzip import compress
from hashlib import sha256
from pathlib import Path
from typing import Any

from django.contrib.staticfiles import finders
from django.contrib.staticfiles.storage import StaticFilesStorage, staticfiles_storage
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.utils.cache import patch_vary_headers
from whitenoise.middleware import WhiteNoiseMiddleware

DIGEST_DIGITS = 12
VERSIONED = re.compile(r"/static/v-([0-9a-f]{12})/(.+)")
FOR_GOOD = "public, max-age=31536000, immutable"
PACKED_TYPES = ("text/", "application/javascript", "application/json", "image/svg")
# Less fits into a packet either way.
LEAST_PACKED = 1000


class VersionedStorage(StaticFilesStorage):
    is_served = False

    def url(self, name: str | None) -> str:
        return super().url(f"v-{digest()}/{name}" if self.is_served and name else name)


def serve_versioned() -> None:
    """For a process that serves; Django alone, as in a test, has plain addresses."""
    setattr(staticfiles_storage, "is_served", True)  # noqa: B010 (the alias has no such name)


class StaticFiles(WhiteNoiseMiddleware):  # type: ignore[misc]
    """Texts are packed once, when they are first asked for."""

    def __init__(self, *arguments: Any, **keywords: Any) -> None:
        super().__init__(*arguments, **keywords)
        self._packed: dict[str, bytes] = {}

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        if versioned := VERSIONED.fullmatch(request.path_info):
            request.path_info = f"{self.static_prefix}{versioned[2]}"
        response: HttpResponseBase = super().__call__(request)
        if versioned and versioned[1] == digest() and response.status_code in (200, 206, 304):
            response.headers["Cache-Control"] = FOR_GOOD
        return response

    def serve(self, static_file: Any, request: HttpRequest) -> HttpResponseBase:
        response: Any = super().serve(static_file, request)
        if not response.get("Content-Type", "").startswith(PACKED_TYPES):
            return response  # type: ignore[no-any-return]
        patch_vary_headers(response, ["Accept-Encoding"])
        if is_packable(request, response):
            return self._packed_answer(request.path_info, response)
        return response  # type: ignore[no-any-return]

    def _packed_answer(self, path: str, response: Any) -> HttpResponse:
        if path not in self._packed:
            self._packed[path] = compress(b"".join(response.streaming_content), mtime=0)
        response.close()
        headers = dict(response.items()) | {"Content-Encoding": "gzip"}
        headers["Content-Length"] = str(len(self._packed[path]))
        if "ETag" in headers:
            headers["ETag"] = f"W/{headers['ETag'].removeprefix('W/')}"
        return HttpResponse(self._packed[path], headers=headers)


def is_packable(request: HttpRequest, response: Any) -> bool:
    asked = request.headers.get("Accept-Encoding", "")
    is_whole = request.method == "GET" and response.status_code == 200
    return is_whole and "gzip" in asked and int(response["Content-Length"]) >= LEAST_PACKED


@cache
def digest() -> str:
    """Of all names and contents: they are read once in a process."""
    files = {
        path: storage.path(path)
        for finder in finders.get_finders()
        for path, storage in finder.list(None)
    }
    whole = sha256()
    for path in sorted(files):
        whole.update(path.encode() + b"\0" + Path(files[path]).read_bytes())
    return whole.hexdigest()[:DIGEST_DIGITS]
