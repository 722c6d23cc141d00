"""LiteLLM's `os.environ/NAME`: in its file's own `environment_variables`, which it sets at a start,
or in this shell.
"""

import re

from proxyapp.peers.fields import Fields
from proxyapp.peers.source import Environment
from proxyapp.vocabulary.in_words import gettext as _
from proxyapp.vocabulary.marks import gettext_noop

FROM = "os.environ/"
REFERENCE = re.compile(r"os\.environ/([A-Za-z_][A-Za-z0-9_]*)")
OF_PROCESS = gettext_noop("is of that program's process")
NO_KEY = gettext_noop(
    "has no key (keys of its UI are in its database, encrypted): add them by Bulk add"
)


class LiteLlmVariables:
    def __init__(self, own: Fields, shell: Environment) -> None:
        self._own, self._shell = own, shell
        self._used: set[str] = set()

    def resolved(self, text: str) -> str:
        """What the variable holds; the text as it is where it names none that is set."""
        found = REFERENCE.fullmatch(text)
        if found is None:
            return text
        own = self._own.values.get(found[1])
        if isinstance(own, str) and own.strip():
            self._used.add(found[1])
            return own.strip()
        return ((self._shell or {}).get(found[1]) or text).strip()

    def why_missing(self, secret: str) -> str:
        if not secret:
            return NO_KEY
        named = {"name": secret.removeprefix(FROM)[:80]}
        if self._shell is None:
            return _("the variable %(name)s is read at a shell only: `import_from`") % named
        return _("the variable %(name)s is not set: set it here for this import") % named

    def leave_rest(self) -> None:
        for name in self._used:
            self._own.take(name)
        self._own.leave_rest(otherwise=OF_PROCESS)
