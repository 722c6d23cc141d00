"""A page that is made needs no connection while its reader takes it."""

from django.db import connection
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.utils.deprecation import MiddlewareMixin


class ReleasedConnection(MiddlewareMixin):
    """Outside of what writes last, the session. Django gives it back when all has been sent, which
    is for the reader to say.
    """

    def process_response(
        self, request: HttpRequest, response: HttpResponseBase
    ) -> HttpResponseBase:
        if not response.streaming and not connection.in_atomic_block:
            connection.close_if_unusable_or_obsolete()
        return response
