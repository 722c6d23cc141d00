"""What is said of two models of one key or project holds for all of them."""

from dataclasses import replace

from proxyapp.pool.cooldown_rows import NewCooldown
from proxyapp.provider.features import plain_scope
from proxyapp.provider.kinds import SPECS

# Owners with such a cooldown. Beyond that the oldest are forgotten: then a third model tells.
MOST_OWNERS = 10_000


class Widening:
    """Remembers the cooldowns of kinds that widen, as long as they last; in this process only."""

    def __init__(self) -> None:
        self._until: dict[tuple[str, int | str], dict[str, float]] = {}

    def widened(self, cooldown: NewCooldown) -> NewCooldown:
        spec = SPECS.get(cooldown.kind)
        if spec is None or not spec.widens_to:
            return cooldown
        owner = cooldown.kind, cooldown.project or cooldown.key_id
        now, model = cooldown.occurred_at.timestamp(), plain_scope(cooldown.model)
        known = {name: end for name, end in self._until.pop(owner, {}).items() if end > now}
        known[model] = cooldown.until.timestamp()
        self._until[owner] = known
        if len(self._until) > MOST_OWNERS:
            del self._until[next(iter(self._until))]
        if len(known) == 1:
            return cooldown
        return replace(cooldown, kind=spec.widens_to, model="")
