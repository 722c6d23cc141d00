"""Makes a plan of a client's request: what it asks for, of whom, and what its quota counts for."""

from typing import Final

from proxyapp.access.client_rings import ring_of
from proxyapp.access.model_routes import route_of, stands_for
from proxyapp.access.token_book import ANYONE, Client
from proxyapp.forwarding.conversation import conversation_of
from proxyapp.forwarding.form_body import FORM_START, named_in_form
from proxyapp.forwarding.model_permission import check_model, check_same_place
from proxyapp.forwarding.path_facts import PathFacts, facts_of
from proxyapp.forwarding.request_body import RequestBody
from proxyapp.forwarding.request_plan import RequestPlan
from proxyapp.forwarding.stray_paths import unknown_path
from proxyapp.pool.snapshot import Snapshot
from proxyapp.provider.credentials import without_key
from proxyapp.provider.model_name import (
    name_in_body,
    normal_name,
    unless_doubted,
)
from proxyapp.resources.references import references_in, references_in_query
from proxyapp.vocabulary.asgi import Header
from proxyapp.vocabulary.client_paths import Stray, group_and_path
from proxyapp.vocabulary.errors import BadRequest, PathTooLong

# As much as nginx takes of a whole request line. What is looked for in a path takes a few
# milliseconds of one so long, 20 of one that fills the head of a request.
LONGEST_PATH_BYTES: Final = 8192


def plan(
    snapshot: Snapshot,
    *,
    method: str,
    path: bytes,
    query: bytes | None,
    headers: list[Header],
    body: RequestBody,
    client: Client = ANYONE,
) -> RequestPlan:
    """Raises PathTooLong, UnknownGroup, UnknownPath, BadRequest or NotAllowed.

    That is for a `/g/<group>/` that does not exist, a path that no target has, one that points
    elsewhere, and what the client may not use.
    """
    if len(path) > LONGEST_PATH_BYTES:
        raise PathTooLong(f"The path is longer than {LONGEST_PATH_BYTES} bytes.")
    group_name, path = group_and_path(path)
    written = facts = facts_of(path)
    _refuse_senseless(method, facts)
    ring = ring_of(snapshot, group_name, client)
    if not facts.is_geminis:
        meant = facts.means.meant(headers, query)
        facts = facts if meant is None or meant == path else facts_of(meant)
    if client.models is not None:
        aliases = stands_for(snapshot, ring.name) if snapshot.names_models else None
        check_model(client.models, method, facts.path, body, query, headers, aliases)
    planned = RequestPlan(
        ring.name,
        method,
        facts,
        without_key(query) if query else query,
        headers,
        body,
        unless_doubted(_model_asked_for(facts, headers, body), query),
        client,
        written,
    )
    planned.names = named_by(planned)
    if client.models is not None and planned.is_rewritten:
        _check_as_written(planned, snapshot)
    _fit_to_pool(planned, snapshot)
    return planned


def _refuse_senseless(method: str, facts: PathFacts) -> None:
    """Raises BadRequest."""
    if method.upper() == "TRACE":
        raise BadRequest(
            "TRACE is not forwarded: its answer repeats the request, and with it the key."
        )
    if facts.is_astray:
        raise BadRequest("The path has a segment '.' or '..' that leads elsewhere.")


def _model_asked_for(facts: PathFacts, headers: list[Header], body: RequestBody) -> str:
    """By the path, else by the body; empty: by neither."""
    if facts.model is not None:
        return facts.model
    named = body.model
    if named is None and body.data.startswith(FORM_START):
        named = named_in_form(body, headers)
    return normal_name(name_in_body(facts.path, body.searchable()) if named is None else named)


def _fit_to_pool(planned: RequestPlan, snapshot: Snapshot) -> None:
    """To what the pool's groups are for now."""
    if (snapshot.names_models or planned.client.fallbacks) and planned.model:
        _take_route(planned, snapshot)
    if planned.facts.means.stray is not None:
        bar_strays(planned, snapshot)
    if snapshot.is_sticky:
        planned.conversation = conversation_of(planned, snapshot.stickiness(planned.ring))
    features = snapshot.cooldowns.features
    if features and (cooling := features.get(planned.quota_scope)):
        planned.narrow(cooling)


def named_by(request: RequestPlan) -> tuple[str, ...]:
    """Each resource once, that of the path first."""
    body, resource, query = request.body, request.facts.resource, request.query
    names = body.references
    if names is None:
        names = references_in(body.data, request.path) if body.data else ()
    if query:
        names += references_in_query(query, request.path)
    if resource is not None:
        names = (resource, *names)
    return tuple(dict.fromkeys(names)) if len(names) > 1 else names


def _check_as_written(request: RequestPlan, snapshot: Snapshot) -> None:
    """Raises NotAllowed, where a target gets the path as it was written and may look elsewhere in
    the request for its model.
    """
    groups = snapshot.groups_of(request.ring)
    if not all(group.takes_geminis_paths(group.auth) for group in groups):
        check_same_place(request.method, request.path, request.written.path)


def _take_route(request: RequestPlan, snapshot: Snapshot) -> None:
    """To the groups that have the model. Raises UnknownModel.

    A tuned model is whose key made it.
    """
    if b"tunedModels/" in request.path:
        return
    route = route_of(snapshot, request.ring, request.model, request.client)
    choice = route.choices[0]
    request.is_narrowed = choice.ring != request.ring
    request.ring, request.barred_groups = choice.ring, choice.barred
    if not route.is_plain:
        request.route = route


def bar_strays(request: RequestPlan, snapshot: Snapshot) -> None:
    """Raises UnknownPath, where a path that Gemini's API lacks is meant for no other target: no
    key's turn is spent on it.

    Who only speaks as Google does may have more paths than that.
    """
    stray = request.facts.means.stray
    if stray is None:
        return
    groups = snapshot.groups_of(request.ring)
    barred = frozenset(
        group.id
        for group in groups
        if group.takes_geminis_paths(group.auth)
        and (group.is_of_google or stray is not Stray.UNKNOWN)
    )
    if groups and len(barred) == len(groups):
        raise unknown_path(request.path, stray)
    request.barred_groups |= barred
