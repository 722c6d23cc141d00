"""A client's request, ready to be sent with any key."""

from collections.abc import Sequence
from dataclasses import replace

from mypy_extensions import mypyc_attr

from proxyapp.access.token_book import ANYONE, Client
from proxyapp.forwarding.bond import Bond
from proxyapp.forwarding.form_body import FORM_START, named_in_form
from proxyapp.forwarding.model_permission import check_model, check_same_place, is_allowed
from proxyapp.forwarding.model_routes import ModelRoute, route_of, stands_for
from proxyapp.forwarding.path_facts import PathFacts, facts_of
from proxyapp.forwarding.request_body import RequestBody
from proxyapp.forwarding.stray_paths import unknown_path
from proxyapp.pool.keys_and_groups import PoolGroup
from proxyapp.pool.ring import Ring
from proxyapp.pool.snapshot import Snapshot
from proxyapp.provider.credentials import without_key
from proxyapp.provider.features import feature_scope, features_of_request
from proxyapp.provider.model_name import (
    LONGEST_NAME,
    PARSED_BYTES,
    name_in_body,
    normal_name,
    unless_doubted,
)
from proxyapp.provider.request_use import RequestUse, use_of
from proxyapp.provider.vertex_paths import vertex_path
from proxyapp.resources.references import references_in, references_in_query
from proxyapp.vocabulary.asgi import Header
from proxyapp.vocabulary.client_paths import Stray, group_and_path
from proxyapp.vocabulary.errors import BadRequest, NotAllowed, PathTooLong, UnknownGroup

# As much as nginx takes of a whole request line. What is looked for in a path takes a few
# milliseconds of one so long, 20 of one that fills the head of a request.
LONGEST_PATH_BYTES = 8192


@mypyc_attr(allow_interpreted_subclasses=True)
class RequestPlan:
    """`quota_scope`: what its quota counts for, as a rule the model or else the endpoint, and a
    feature where that matters. `facts`: of the path in Gemini's API; `written`: as the client wrote
    it. `barred_groups`: those whose API does not have the path, or that have not the model.
    `route`: what it may be asked for, where that is more than one model of its own name;
    `is_narrowed`: not all of the groups of its `whole_ring` have that. `names`: of the resources
    that it is about; `bond`: which keys these belong to. `settled_auth`: with which credential of
    `both` the upstream has been content; empty: that is to be found out.
    """

    settled_auth: str = ""

    def __init__(
        self,
        ring: str,
        method: str,
        facts: PathFacts,
        query: bytes | None,
        headers: list[Header],
        body: RequestBody,
        model: str,
        client: Client = ANYONE,
        written: PathFacts | None = None,
    ) -> None:
        self.ring = ring
        self.method = method
        self.facts = facts
        self.written = facts if written is None else written
        self.barred_groups: frozenset[int] = frozenset()
        self.route: ModelRoute | None = None
        self.is_narrowed = False
        self.whole_ring = ring
        self.path = facts.path
        self.query = query
        self.headers = headers
        self.body = body
        self.model = model
        self.client = client
        self.quota_scope = facts.quota_scope(model)
        self.names: tuple[str, ...] = ()
        self.bond: Bond | None = None
        self._use: RequestUse | None = None

    @property
    def touches_resources(self) -> bool:
        """Whether its answer may make one, or tell of one."""
        return self.facts.is_making or self.bond is not None

    @property
    def is_rewritten(self) -> bool:
        """Whether some targets are asked for another path than the client wrote."""
        return self.written is not self.facts

    def sent_to(self, group: PoolGroup, auth: str) -> tuple[PathFacts, bytes]:
        """The path that is asked for there, and what stands in front of it."""
        facts = self.written
        if group.is_vertex and group.rewrite_paths:
            return facts_of(vertex_path(group.prefix, self.path)), b""
        if facts is not self.facts and group.takes_geminis_paths(auth):
            facts = self.facts
        return facts, group.prefix_before(facts.path)

    def target(self, prefix: bytes, path: bytes | None = None) -> bytes:
        path = self.path if path is None else path
        path = prefix + path if path.startswith(b"/") else path
        return path if self.query is None else path + b"?" + self.query

    @property
    def use(self) -> RequestUse:
        """What can be the reason of a refusal; read when it is asked for."""
        if self._use is None:
            body, length = self.body, self.body.length or 0
            is_sized = body.least_llm_tokens is not None
            whole = body.whole()[:] if 0 < length <= PARSED_BYTES and not is_sized else b""
            self._use = use_of(body.searchable(), whole)
            if body.least_llm_tokens is not None:
                self._use = replace(self._use, llm_tokens=body.least_llm_tokens)
        return self._use

    def speak_of(self, model: str, written: PathFacts, facts: PathFacts, body: RequestBody) -> None:
        """The same request in the words of another model."""
        self.model, self.body = model, body
        self.written, self.facts, self.path = written, facts, facts.path
        self.quota_scope = facts.quota_scope(model)
        self._use = None

    def narrow(self, cooling: Sequence[str]) -> None:
        """To the first feature that the request uses, of those whose quota scopes are cooling."""
        used = features_of_request(self.body.searchable())
        scopes = (feature_scope(self.quota_scope, feature) for feature in used)
        self.quota_scope = next((scope for scope in scopes if scope in cooling), self.quota_scope)

    @property
    def is_generating(self) -> bool:
        return self.facts.is_call and self.method == "POST"

    @property
    def has_other_credential(self) -> bool:
        """A token that Google takes from the query, too: a refusal then says nothing of the key."""
        return b"_token=" in (self.query or b"")


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
    if method.upper() == "TRACE":
        raise BadRequest(
            "TRACE is not forwarded: its answer repeats the request, and with it the key."
        )
    written = facts = facts_of(path)
    if facts.is_astray:
        raise BadRequest("The path has a segment '.' or '..' that leads elsewhere.")
    ring = _ring(snapshot, group_name, client)
    if not facts.is_geminis:
        meant = facts.means.meant(headers, query)
        facts = facts if meant is None or meant == path else facts_of(meant)
    if client.models is not None:
        aliases = stands_for(snapshot, ring.name) if snapshot.names_models else None
        check_model(client.models, method, facts.path, body, query, headers, aliases)
    model = facts.model
    if model is None:
        named = body.model
        if named is None and body.data.startswith(FORM_START):
            named = named_in_form(body, headers)
        model = normal_name(name_in_body(facts.path, body.searchable()) if named is None else named)
    planned = RequestPlan(
        ring.name,
        method,
        facts,
        without_key(query) if query else query,
        headers,
        body,
        unless_doubted(model, query),
        client,
        written,
    )
    planned.names = named_by(planned)
    if client.models is not None and planned.is_rewritten:
        _check_as_written(planned, snapshot)
    if (snapshot.names_models or client.fallbacks) and planned.model:
        _take_route(planned, snapshot)
    if facts.means.stray is not None:
        bar_strays(planned, snapshot)
    features = snapshot.cooldowns.features
    if features and (cooling := features.get(planned.quota_scope)):
        planned.narrow(cooling)
    return planned


def _ring(snapshot: Snapshot, group_name: str | None, client: Client) -> Ring:
    """Nobody is told whether a group exists that is not theirs."""
    if client.groups is not None:
        ring = snapshot.ring_of_groups(client.groups, group_name)
        if ring is None:
            whose = "any group" if group_name is None else f"the group {group_name!r}"
            error = NotAllowed(f"This client token may not use the keys of {whose}.")
            error.asked = (
                "" if group_name is None else f"/g/{normal_name(group_name)}"[:LONGEST_NAME]
            )
            raise error
        return ring
    if (ring := snapshot.ring(group_name)) is None:
        raise UnknownGroup(f"There is no group {group_name!r}.")
    return ring


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
    route = route_of(snapshot, request.ring, request.model, request.client, is_allowed)
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
