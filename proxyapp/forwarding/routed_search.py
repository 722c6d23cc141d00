"""Searches for a key by one model's name after the other, where a request may be asked by several.

First the models that its own name stands for, whose groups take turns. When no key is left for any
of them, or the provider is overloaded, the models that come next (`fallbacks`). Nothing has
reached the client by then; if all fail it gets the first failure.
"""

import time
from collections.abc import Awaitable, Callable, Iterator
from typing import Protocol

from proxyapp.access.model_routes import ModelRoute, choices_of
from proxyapp.forwarding.attempt import Attempt
from proxyapp.forwarding.model_names_sent import body_naming, path_naming
from proxyapp.forwarding.path_facts import facts_of
from proxyapp.forwarding.plan import bar_strays
from proxyapp.forwarding.request_plan import RequestPlan
from proxyapp.pool.model_choices import ModelChoice
from proxyapp.pool.snapshot import Snapshot
from proxyapp.vocabulary.errors import GatewayError, NoKeyAvailable

HEADER = b"x-gateway-model"
# What says that others have used up what there is, or that the model is overloaded (529 is
# Anthropic's word for it): another model may answer.
SPENT = frozenset({429, 503, 529})
# Each may take as many keys as a request by itself.
MOST_SEARCHES = 8


class Parts(Protocol):
    """`snapshot` is replaced over time."""

    snapshot: Snapshot


class RoutedSearch:
    """`search`: for a key, with what the request says then."""

    def __init__(
        self,
        parts: Parts,
        request: RequestPlan,
        route: ModelRoute,
        search: Callable[[RequestPlan], Awaitable[Attempt]],
    ) -> None:
        self._parts = parts
        self._request = request
        self._route = route
        self._search = search
        self._written = request.written
        self._facts = request.facts
        self._body = request.body
        self._barred = request.barred_groups
        self._first: tuple[ModelChoice, Attempt | GatewayError] | None = None

    async def run(self) -> Attempt:
        attempt = await self._try_each(self._of_name(), is_fallback=False)
        if attempt is None and self._may_fall_back():
            attempt = await self._try_each(self._of_fallbacks(), is_fallback=True)
        if attempt is not None:
            return attempt
        assert self._first is not None  # noqa: S101  # a route has a choice at least
        choice, failure = self._first
        await self._turn_to(choice)
        if isinstance(failure, GatewayError):
            raise failure
        return failure

    async def _try_each(
        self, choices: Iterator[ModelChoice], *, is_fallback: bool
    ) -> Attempt | None:
        """None: all of them failed, so that what comes next is asked."""
        for choice in choices:
            try:
                await self._turn_to(choice)
                attempt = await self._search(self._request)
            except GatewayError as error:
                if self._first is None and not isinstance(error, NoKeyAvailable):
                    raise
                self._note(choice, error)
                continue
            if attempt.status not in SPENT and not (is_fallback and attempt.status >= 400):
                if is_fallback:
                    attempt.headers.append((HEADER, choice.model.encode()))
                return attempt
            await attempt.keep()
            self._note(choice, attempt)
        return None

    def _note(self, choice: ModelChoice, failure: Attempt | GatewayError) -> None:
        if self._first is None:
            self._first = choice, failure

    def _of_name(self) -> Iterator[ModelChoice]:
        """A choice all of whose turns are taken comes after those that have some."""
        return iter(self._in_turns(self._route.choices)[:MOST_SEARCHES])

    def _of_fallbacks(self) -> Iterator[ModelChoice]:
        """Without models that were asked before, or that the client may not use."""
        client, tried = self._request.client, {choice.model for choice in self._route.choices}
        for name in self._route.then:
            choices = choices_of(self._parts.snapshot, self._route.ring, name, client)
            new = [choice for choice in choices if choice.model not in tried]
            tried |= {choice.model for choice in new}
            yield from self._in_turns(new)

    def _in_turns(self, choices: list[ModelChoice]) -> list[ModelChoice]:
        if len(choices) < 2:
            return choices
        rings = [
            (self._parts.snapshot.rings[choice.ring], self._facts.quota_scope(choice.model))
            for choice in choices
        ]
        order = self._parts.snapshot.model_turns.in_order(rings, time.time())
        return [choices[index] for index in order]

    def _may_fall_back(self) -> bool:
        """What belongs to a key, or is made by the request, is no other model's."""
        request = self._request
        return request.is_generating and not (request.names or self._facts.is_making)

    async def _turn_to(self, choice: ModelChoice) -> None:
        """Raises BadRequest, UnknownPath."""
        request, asked = self._request, self._route.asked
        request.ring = choice.ring
        written, facts, body = self._written, self._facts, self._body
        if choice.model != asked:
            is_in_path = facts.model is not None
            if is_in_path:
                is_same = written is facts
                facts = facts_of(path_naming(facts.path, asked, choice.model))
                written = (
                    facts if is_same else facts_of(path_naming(written.path, asked, choice.model))
                )
            body = await body_naming(
                body, request.headers, asked, choice.model, is_named_in_path=is_in_path
            )
        request.speak_of(choice.model, written, facts, body)
        request.barred_groups = self._barred | choice.barred
        bar_strays(request, self._parts.snapshot)
