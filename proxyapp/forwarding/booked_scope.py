"""For which quota scope a refusal of a request counts: as a rule the one it was given its keys for.

Looked at more closely than that, since a cooldown may cost others: a request that two parsers
could take to be for two models is for none.
"""

from urllib.parse import unquote_to_bytes

from proxyapp.forwarding.request_body import SHORT_BYTES
from proxyapp.forwarding.request_plan import RequestPlan
from proxyapp.provider.features import plain_scope
from proxyapp.provider.model_name import normal_name
from proxyapp.provider.model_readings import (
    has_too_many_parameters,
    models_at_top,
    models_of_path,
    models_of_query,
)

LIST = "/models"


def booked_scope(request: RequestPlan) -> str:
    """Without the feature. What is ambiguous has its endpoint's, but never that of the list."""
    if not is_ambiguous(request):
        return plain_scope(request.quota_scope)
    scope = request.facts.endpoint_scope
    return f"{scope}:ambiguous" if scope == LIST else scope


def is_ambiguous(request: RequestPlan) -> bool:
    path = unquote_to_bytes(request.path)
    named: list[object] = [name for name in models_of_path(path) if name != "models"]
    if not named and not path.startswith(b"/upload/"):
        named += _models_of_body(request)
    query = request.query or b""
    if has_too_many_parameters(query):
        return True
    named += models_of_query(query)
    readings = {normal_name(name) if isinstance(name, str) else "?" for name in named}
    return len(readings) > 1


def _models_of_body(request: RequestPlan) -> list[object]:
    """Where the path names one, the body's is not read by anybody.

    A long one that was not read (long_bodies) may name several.
    """
    form = request.body.form
    if form is not None and form.is_plain:
        return [*form.names]
    length = request.body.length or 0
    if length > SHORT_BYTES:
        said = request.body.said
        if said is None:
            return ["", "?"]
        return [value for _, value in said.at_top] if said.is_plain else []
    return models_at_top(request.body.whole()[:]) if length else []
