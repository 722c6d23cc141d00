"""Groups of a file whose target is the gateway itself: each request would come back to it."""

from collections.abc import Sequence

from proxyapp.config.contents import Config, ConfigError
from proxyapp.vocabulary.addresses import LEADS_BACK, Listening, leads_to


def refuse_own_address(config: Config, addresses: Sequence[Listening]) -> None:
    """Raises ConfigError. `addresses`: where the gateway listens."""
    problems = [
        f"group {group.name!r}: target_url {LEADS_BACK}"
        for group in config.groups
        if any(leads_to(group.target_url, address) for address in addresses)
    ]
    if problems:
        raise ConfigError(problems)
