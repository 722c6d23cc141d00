"""A file of another gateway on the import page: read, checked and applied as the command does."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from proxyapp.admin.import_changes import MAX_SHOWN, Entry, Part
from proxyapp.admin.import_upload import Upload
from proxyapp.config.contents import ConfigError
from proxyapp.config.own_address import refuse_own_address
from proxyapp.models import audit
from proxyapp.operators.own_addresses import own_addresses
from proxyapp.peers.applying import Applied, apply_moved, config_of
from proxyapp.peers.formats import moved_from
from proxyapp.peers.moved import MovedIn
from proxyapp.peers.telling import notes_of

NOT_PRUNED = gettext_noop(
    "prune: a file of another gateway only adds. Import it without removing anything."
)


@dataclass(frozen=True, slots=True)
class PeerImport:
    """`refused`: client tokens that this operator may not make."""

    moved: MovedIn
    applied: Applied
    refused: int

    @property
    def is_changed(self) -> bool:
        return self.applied.report.changed or bool(self.applied.tokens)

    def lines(self) -> Iterator[str]:
        """What it does beside the report."""
        yield from (f"{row.name} ({row.masked})" for row in self.applied.tokens)
        yield from map(str, self.moved.left)
        yield f"{self.applied.disabled} {self.refused} {self.moved.more_left}"

    def context(self) -> dict[str, Any]:
        return {
            "peer": self.moved.peer,
            "tokens": self._counted(),
            "disabled": self.applied.disabled,
            "refused_tokens": self.refused,
            "notes": notes_of(self.moved, self.applied),
        }

    def parts(self) -> list[Part]:
        """Those that are not empty."""
        moved, tokens = self.moved, self.applied.tokens
        names = [f"{row.name} ({row.masked})" for row in tokens]
        count = len(moved.left) + moved.more_left
        parts = [
            Part(_("Client tokens"), "success", len(names), _entries(names)),
            Part(_("Left out"), "info", count, _entries([str(left) for left in moved.left])),
        ]
        return [part for part in parts if part.count]

    def _counted(self) -> str:
        made = len(self.applied.tokens)
        return _("%(created)s created, %(unchanged)s unchanged") % {
            "created": made,
            "unchanged": len(self.moved.tokens) - made,
        }


@dataclass(frozen=True, slots=True)
class PeerReading:
    moved: MovedIn
    refused: int
    by: audit.Actor

    def imported(self) -> PeerImport:
        """Raises ConfigError."""
        return PeerImport(self.moved, apply_moved(self.moved, self.by), self.refused)


def read_peer(request: HttpRequest, upload: Upload) -> PeerReading:
    """Raises ConfigError."""
    if upload.is_pruned:
        raise ConfigError([_(NOT_PRUNED)])
    moved = moved_from(upload.peer, [upload.source], None)
    refused = 0
    if not request.user.has_perm("proxyapp.add_clienttoken"):
        refused = moved.without_tokens()
    refuse_own_address(config_of(moved), own_addresses(request))
    return PeerReading(moved, refused, audit.operator(request.user))


def _entries(texts: Sequence[str]) -> list[Entry]:
    return [Entry(text) for text in texts[:MAX_SHOWN]]
