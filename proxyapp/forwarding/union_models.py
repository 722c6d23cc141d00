"""The list of models of several targets, or of groups that name theirs: one list of them all.

Each target is asked once a minute. One that gives no list leaves the others' as they are.
"""

import asyncio
from collections.abc import Iterator, Sequence
from typing import Protocol
from urllib.parse import parse_qs

from proxyapp.access.allowed_models import may_use
from proxyapp.access.model_routes import ring_of_some
from proxyapp.access.token_book import Client
from proxyapp.forwarding.model_list_asking import VERSION_HEADER, Search, TargetAsking, TargetList
from proxyapp.forwarding.own_answer import OwnAnswer
from proxyapp.forwarding.request_plan import RequestPlan
from proxyapp.pool.keys_and_groups import PoolGroup
from proxyapp.pool.snapshot import Snapshot
from proxyapp.provider.listed_models import (
    ListedModel,
    NoPage,
    alias_of,
    anthropics_list,
    googles_list,
    named_only,
    openais_list,
)
from proxyapp.vocabulary.errors import BadRequest, UpstreamFailed
from proxyapp.vocabulary.in_task import in_task
from proxyapp.vocabulary.kept_answers import KeptAnswers

JSON_TYPE = b"application/json; charset=UTF-8"
INCOMPLETE = b"x-gateway-incomplete"


class ListParts(Protocol):
    """`model_lists`: of each target, by the ring of the keys that it was asked with."""

    snapshot: Snapshot
    model_lists: KeptAnswers[TargetList]


def is_united(snapshot: Snapshot, request: RequestPlan) -> bool:
    """Whether no target's own list would do."""
    groups = snapshot.groups_of(request.ring)
    names = any(group.models or group.aliases for group in groups)
    return request.method == "GET" and (names or len(_by_target(groups)) > 1)


async def united_models(parts: ListParts, request: RequestPlan, search: Search) -> OwnAnswer:
    """Raises GatewayError: no target gave a list, or the client asks for no page."""
    await in_task()
    groups = parts.snapshot.groups_of(request.ring)
    targets = _by_target(groups)
    lists = await asyncio.gather(*(_list_of(parts, request, each, search) for each in targets))
    models = list(_united(lists, request.client))
    failed = [each for each in lists if each.models is None]
    if failed and not models:
        raise failed[0].error or UpstreamFailed(
            f"No target gave a list of its models (the first one answered {failed[0].status})."
        )
    said = f"{len(failed)} of {len(lists)} targets gave no list".encode()
    return OwnAnswer(_page(request, models), JSON_TYPE, [(INCOMPLETE, said)] if failed else [])


def _page(request: RequestPlan, models: Sequence[ListedModel]) -> bytes:
    """Raises BadRequest."""
    if any(name == VERSION_HEADER for name, _ in request.headers):
        return anthropics_list(models)
    if request.facts.is_openai:
        return openais_list(models)
    given = parse_qs((request.query or b"").decode("latin-1"), max_num_fields=100)
    size, token = (given.get(name, [None])[-1] for name in ("pageSize", "pageToken"))
    try:
        return googles_list(models, size, token)
    except NoPage as problem:
        raise BadRequest(str(problem)) from None


def _by_target(groups: Sequence[PoolGroup]) -> list[tuple[PoolGroup, ...]]:
    targets: dict[tuple[str, bytes], list[PoolGroup]] = {}
    for group in groups:
        targets.setdefault((str(group.url), group.base), []).append(group)
    return [tuple(each) for each in targets.values()]


async def _list_of(
    parts: ListParts, request: RequestPlan, groups: tuple[PoolGroup, ...], search: Search
) -> TargetList:
    """What was kept holds while the groups are as they were."""
    ids = frozenset(group.id for group in groups)
    ring, barred = ring_of_some(parts.snapshot, request.ring, groups)
    asking = TargetAsking(request, groups, ring, barred, search)
    place = (ids, request.facts.is_openai)
    kept = await parts.model_lists.get(place, asking.run)
    if kept.groups != groups:
        parts.model_lists.forget(place)
        kept = await parts.model_lists.get(place, asking.run)
    return kept


def _united(lists: Sequence[TargetList], client: Client) -> Iterator[ListedModel]:
    """Each name once, the first that there is; aliases behind the models."""
    known: dict[str, ListedModel] = {}
    seen: set[str] = set()
    for target in lists:
        for model in _models_of(target):
            known.setdefault(model.name, model)
            is_named = any(group.has_by_name(model.name) for group in target.groups)
            if is_named and model.name not in seen and may_use(client, model.name):
                seen.add(model.name)
                yield model
    aliases: dict[str, dict[str, None]] = {}
    for group in (group for target in lists for group in target.groups):
        for alias, model_name in sorted(group.aliases.items()):
            aliases.setdefault(alias, {})[model_name] = None
    for alias, names in aliases.items():
        may = [name for name in names if may_use(client, alias) or may_use(client, name)]
        if may and alias not in seen:
            yield alias_of(alias, may, next((known[name] for name in may if name in known), None))


def _models_of(target: TargetList) -> list[ListedModel]:
    """Of a target that gave no list those that its groups name in full."""
    if target.models is not None:
        return target.models
    return [named_only(name) for group in target.groups for name in group.models if "*" not in name]
