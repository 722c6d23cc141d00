"""Groups of a file whose target is the gateway itself: each request would come back to it."""

from collections.abc import Sequence

from proxyapp.config.contents import Config, ConfigError
from proxyapp.vocabulary.addresses import LEADS_BACK, Listening, leads_to
from proxyapp.vocabulary.in_words import gettext as _


def refuse_own_address(config: Config, addresses: Sequence[Listening]) -> None:
    """Raises ConfigError. `addresses`: where the gateway listens."""
    problems = [
        _("group %(group)s: target_url %(problem)s")
        % {"group": repr(group.name), "problem": _(LEADS_BACK)}
        for group in config.groups
        if any(leads_to(group.target_url, address) for address in addresses)
    ]
    if problems:
        raise ConfigError(problems)
