"""Which groups have the model that a request names, and what else may be asked in its place."""

from collections.abc import Callable, Sequence
from itertools import chain
from typing import NamedTuple

from proxyapp.access.allowed_models import may_use
from proxyapp.access.token_book import Client
from proxyapp.pool.keys_and_groups import PoolGroup
from proxyapp.pool.model_choices import ModelChoice, ModelChoices
from proxyapp.pool.snapshot import Snapshot
from proxyapp.vocabulary.errors import UnknownModel
from proxyapp.vocabulary.marks import gettext_noop
from proxyapp.vocabulary.model_lists import MOST_NEXT
from proxyapp.vocabulary.told import told

# In an error.
MOST_SHOWN = 20
# Clients make names up.
MOST_KNOWN = 1000


class ModelRoute(NamedTuple):
    """`asked`: as the request names the model. `choices`: all of them are what it means; several
    where groups have an alias of one name for different models. `then`: fallbacks, by name.
    `ring`: of all groups that the client may use here.
    """

    ring: str
    asked: str
    choices: list[ModelChoice]
    then: Sequence[str]

    @property
    def is_plain(self) -> bool:
        """The request goes as it is, to one ring."""
        return not self.then and len(self.choices) == 1 and self.choices[0].model == self.asked


def route_of(snapshot: Snapshot, ring: str, asked: str, client: Client) -> ModelRoute:
    """Raises UnknownModel."""
    known = _known(snapshot, ring, asked)
    choices = _allowed(known.choices, asked, client)
    if not choices:
        raise UnknownModel(_unknown(asked, snapshot.groups_of(ring)))
    then = known.then
    if client.fallbacks:
        names = [asked, *(choice.model for choice in choices)]
        of_client = (client.fallbacks.get(name, ()) for name in dict.fromkeys(names))
        then = list(dict.fromkeys([*chain(*of_client), *then]))[:MOST_NEXT]
    return ModelRoute(ring, asked, choices, then)


def choices_of(snapshot: Snapshot, ring: str, asked: str, client: Client) -> list[ModelChoice]:
    """No group of the ring has it, or none that the client may use: no choice."""
    return _allowed(_known(snapshot, ring, asked).choices, asked, client)


def _allowed(choices: list[ModelChoice], asked: str, client: Client) -> list[ModelChoice]:
    """Of an alias its own name will do, or the model's."""
    if may_use(client, asked):
        return choices
    return [choice for choice in choices if may_use(client, choice.model)]


def _known(snapshot: Snapshot, ring: str, asked: str) -> ModelChoices:
    """Found once, for as long as the groups are what they are."""
    known = snapshot.model_choices.get((ring, asked))
    if known is None:
        if len(snapshot.model_choices) >= MOST_KNOWN:
            snapshot.model_choices.clear()
        known = snapshot.model_choices[ring, asked] = _found(snapshot, ring, asked)
    return known


def _found(snapshot: Snapshot, ring: str, asked: str) -> ModelChoices:
    """An alias means what its groups say; those that name no models know nothing of it."""
    groups = snapshot.groups_of(ring)
    is_alias = any(asked in group.aliases for group in groups)
    members: dict[str, list[PoolGroup]] = {}
    for group in groups:
        if asked in group.aliases:
            members.setdefault(group.aliases[asked], []).append(group)
        elif group.has_by_name(asked) and (group.models or not is_alias):
            members.setdefault(asked, []).append(group)
    choices = []
    for model, some in members.items():
        of_some, barred = ring_of_some(snapshot, ring, some)
        choices.append(ModelChoice(of_some, model, barred))
    names = dict.fromkeys([asked, *members])
    then = [
        next_one for group in groups for name in names for next_one in group.fallbacks.get(name, ())
    ]
    return ModelChoices(choices, list(dict.fromkeys(then))[:MOST_NEXT])


def ring_of_some(
    snapshot: Snapshot, ring: str, some: Sequence[PoolGroup]
) -> tuple[str, frozenset[int]]:
    """The ring of some of a ring's groups; where very many sets are asked for it is the whole one,
    with the other groups barred.
    """
    ids = frozenset(group.id for group in some)
    others = frozenset(group.id for group in snapshot.groups_of(ring)) - ids
    found = snapshot.ring_of_set(ids) if others else None
    return (ring, others) if found is None else (found.name, frozenset())


def stands_for(snapshot: Snapshot, ring: str) -> Callable[[str], Sequence[str]]:
    """The models that a name is an alias of, in the groups of the ring."""
    groups = snapshot.groups_of(ring)
    return lambda name: [group.aliases[name] for group in groups if name in group.aliases]


def _unknown(asked: str, groups: list[PoolGroup]) -> str:
    names = dict.fromkeys(
        name for group in groups for name in (*group.models, *sorted(group.aliases))
    )
    shown = ", ".join(list(names)[:MOST_SHOWN])
    text = gettext_noop("No group has the model %(model)s. There are: %(models)s.")
    if len(names) > MOST_SHOWN:
        text = gettext_noop(
            "No group has the model %(model)s. There are: %(models)s and %(more)s more."
        )
    return told(text, model=repr(asked), models=shown, more=len(names) - MOST_SHOWN)
