"""A request's body where it is a form, read once."""

from proxyapp.forwarding.request_body import RequestBody
from proxyapp.provider.form_model import FormModels, boundary_of, reading_form
from proxyapp.provider.long_json import finished
from proxyapp.vocabulary.asgi import Header

FORM_START = b"--"  # of every form, and of no JSON


def form_of(body: RequestBody, headers: list[Header]) -> FormModels | None:
    """None: it is no multipart form. A long one was read before (long_bodies)."""
    if body.form is None and (boundary := boundary_of(headers)) is not None:
        body.form = finished(reading_form(body.whole(), boundary))
    return body.form


def named_in_form(body: RequestBody, headers: list[Header]) -> str | None:
    """Empty when the form names no model, or not plainly; None: it is none."""
    form = form_of(body, headers)
    return None if form is None else form.model
