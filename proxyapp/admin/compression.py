"""Pages of the admin packed for their way; what is proxied passes as it came."""

from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.middleware.gzip import GZipMiddleware


class CompressedPages(GZipMiddleware):
    """Django adds a random length to each, and masks its form tokens anew: what a page has can
    not be guessed from how short it becomes.
    """

    def process_response(
        self, request: HttpRequest, response: HttpResponseBase
    ) -> HttpResponseBase:
        if not request.path_info.startswith("/admin/"):
            return response
        return super().process_response(request, response)
