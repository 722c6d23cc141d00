"""A client's request, ready to be sent with any key."""

from collections.abc import Sequence
from dataclasses import replace

from proxyapp.access.token_book import ANYONE, Client
from proxyapp.forwarding.model_permission import check_model
from proxyapp.forwarding.path_facts import PathFacts, facts_of
from proxyapp.forwarding.request_body import RequestBody
from proxyapp.pool.ring import Ring
from proxyapp.pool.snapshot import Snapshot, group_and_path
from proxyapp.provider.credentials import is_openai_prefix, without_key
from proxyapp.provider.features import feature_scope, features_of_request
from proxyapp.provider.model_name import (
    PARSED_BYTES,
    name_in_body,
    normal_name,
    unless_doubted,
)
from proxyapp.provider.request_use import RequestUse, use_of
from proxyapp.vocabulary.asgi import Header
from proxyapp.vocabulary.errors import BadRequest, NotAllowed, PathTooLong, UnknownGroup

# As much as nginx takes of a whole request line. What is looked for in a path takes a few
# milliseconds of one so long, 20 of one that fills the head of a request.
LONGEST_PATH_BYTES = 8192


class RequestPlan:
    """`quota_scope`: what its quota counts for, as a rule the model or else the endpoint, and a
    feature where that matters.
    """

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
    ) -> None:
        self.ring = ring
        self.method = method
        self.facts = facts
        self.path = facts.path
        self.query = query
        self.headers = headers
        self.body = body
        self.model = model
        self.client = client
        self.quota_scope = facts.quota_scope(model)
        self._use: RequestUse | None = None

    def target(self, prefix: bytes) -> bytes:
        path = prefix + self.path if self.path.startswith(b"/") else self.path
        return path if self.query is None else path + b"?" + self.query

    @property
    def use(self) -> RequestUse:
        """What can be the reason of a refusal; read when it is asked for."""
        if self._use is None:
            body, length = self.body, self.body.length or 0
            is_sized = body.least_llm_tokens is not None
            whole = bytes(body.whole()) if 0 < length <= PARSED_BYTES and not is_sized else b""
            self._use = use_of(body.searchable(), whole)
            if body.least_llm_tokens is not None:
                self._use = replace(self._use, llm_tokens=body.least_llm_tokens)
        return self._use

    def narrow(self, cooling: Sequence[str]) -> None:
        """To the first feature that the request uses, of those whose quota scopes are cooling."""
        used = features_of_request(self.body.searchable())
        scopes = (feature_scope(self.quota_scope, feature) for feature in used)
        self.quota_scope = next((scope for scope in scopes if scope in cooling), self.quota_scope)

    def is_openai_behind(self, prefix: bytes) -> bool:
        """Whether the key is looked for where OpenAI has it. `prefix`: in front of the path."""
        return self.facts.is_openai or is_openai_prefix(prefix)

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
    """Raises PathTooLong, UnknownGroup, BadRequest or NotAllowed.

    That is for a `/g/<group>/` that does not exist, a path that points elsewhere, and what the
    client may not use.
    """
    if len(path) > LONGEST_PATH_BYTES:
        raise PathTooLong(f"The path is longer than {LONGEST_PATH_BYTES} bytes.")
    group_name, path = group_and_path(path)
    if method.upper() == "TRACE":
        raise BadRequest(
            "TRACE is not forwarded: its answer repeats the request, and with it the key."
        )
    facts = facts_of(path)
    if facts.is_astray:
        raise BadRequest("The path has a segment '.' or '..' that leads elsewhere.")
    ring = _ring(snapshot, group_name, client)
    if client.models is not None:
        check_model(client.models, method, path, body, query, headers)
    model = facts.model
    if model is None:
        named = body.model
        model = normal_name(name_in_body(path, body.searchable()) if named is None else named)
    planned = RequestPlan(
        ring.name,
        method,
        facts,
        without_key(query) if query else query,
        headers,
        body,
        unless_doubted(model, query),
        client,
    )
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
            raise NotAllowed(f"This client token may not use the keys of {whose}.")
        return ring
    if (ring := snapshot.ring(group_name)) is None:
        raise UnknownGroup(f"There is no group {group_name!r}.")
    return ring
