"""A client's request, ready to be sent with any key."""

from collections.abc import Sequence
from dataclasses import replace

from mypy_extensions import mypyc_attr

from proxyapp.access.model_routes import ModelRoute
from proxyapp.access.token_book import ANYONE, Client
from proxyapp.forwarding.bond import Bond
from proxyapp.forwarding.path_facts import PathFacts, facts_of
from proxyapp.forwarding.request_body import SHORT_BYTES, RequestBody
from proxyapp.pool.keys_and_groups import PoolGroup
from proxyapp.provider.features import feature_scope, features_of_request
from proxyapp.provider.input_estimate import input_llm_tokens
from proxyapp.provider.model_name import (
    PARSED_BYTES,
)
from proxyapp.provider.request_use import RequestUse, use_of
from proxyapp.provider.vertex_paths import vertex_path
from proxyapp.requests.under_way import RequestUnderWay
from proxyapp.vocabulary.asgi import Header


@mypyc_attr(allow_interpreted_subclasses=True)
class RequestPlan:
    """`quota_scope`: what its quota counts for, as a rule the model or else the endpoint, and a
    feature where that matters. `facts`: of the path in Gemini's API; `written`: as the client wrote
    it. `barred_groups`: those whose API does not have the path, or that have not the model.
    `route`: what it may be asked for, where that is more than one model of its own name;
    `is_narrowed`: not all of the groups of its `whole_ring` have that. `names`: of the resources
    that it is about; `bond`: which keys these belong to. `conversation`: that it
    goes on with, where that matters. `settled_auth`: with which credential of
    `both` the upstream has been content; empty: that is to be found out. `under_way`: whose record
    its attempts belong to; None: nobody's.
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
        self.conversation: int | None = None
        self.under_way: RequestUnderWay | None = None
        self._use: RequestUse | None = None

    @property
    def touches_resources(self) -> bool:
        """Whether its answer may make one, or tell of one."""
        return self.facts.is_making or self.bond is not None

    @property
    def is_sought(self) -> bool:
        """Whether nobody knows which key has what it names."""
        return self.bond is not None and self.bond.is_sought

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

    def input_llm_tokens(self) -> int:
        """An estimate; of a long body that nobody measured (long_bodies) as if it were text."""
        body, length = self.body, self.body.length or 0
        if body.input_llm_tokens is None:
            is_long = length > SHORT_BYTES
            whole = b"" if is_long or not length else body.whole()[:]
            body.input_llm_tokens = length // 4 if is_long else input_llm_tokens(whole)
        return body.input_llm_tokens

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
