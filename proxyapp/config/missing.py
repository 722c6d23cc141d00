"""Keys that came from a file and are no longer in it: taken out of use, never removed.

Absence is no wish to delete: a file may be cut short, empty, or another one. A key that is missing
keeps its row, remembers why it is out, and comes back with the file.
"""

import shlex
from collections.abc import Sequence
from pathlib import Path

from gateway.places import COMMAND
from proxyapp.config.apply import Database
from proxyapp.config.contents import ConfigError, GroupConfig
from proxyapp.config.last_import import LastImport, claims_of_others
from proxyapp.models import ApiKey
from proxyapp.models.batches import row_batches
from proxyapp.models.sealed import UNREADABLE, keyed_hashes
from proxyapp.vocabulary.choices import KeyStatus
from proxyapp.vocabulary.in_words import gettext as _
from proxyapp.vocabulary.in_words import ngettext
from proxyapp.vocabulary.quoting import quoted

MOST_NAMED = 5


def take_out_missing(
    database: Database, groups: Sequence[GroupConfig], last: LastImport, path: Path | None
) -> None:
    """Disables what came from this file, is no longer in it and came from no other file. None: what
    the environment gave.

    Raises ConfigError when that is more than half of what the file gave.
    """
    claimed_names, claimed_hashes = claims_of_others(last)
    given = _rows(database, last.key_hashes())
    left = _rows(database, last.key_hashes() - claimed_hashes - _hashes_of(groups))
    missing = _readable([key for key in left if key.status != KeyStatus.DISABLED], database)
    if path is not None:
        _refuse_a_wrong_file(given, missing, groups, path)
    if missing:
        database.disable_missing(missing)
        database.report.warnings.append(_missing_text(missing, path))
    names = [
        database.groups[name].name
        for name in last.left_names(groups)
        if name in database.groups and name not in claimed_names
    ]
    if names:
        text = ngettext(
            "no longer in the file, and kept: group %(names)s",
            "no longer in the file, and kept: groups %(names)s",
            len(names),
        )
        database.report.warnings.append(text % {"names": _listed(names)})


def _missing_text(missing: Sequence[ApiKey], path: Path | None) -> str:
    if path is None:
        text = ngettext(
            "%(count)s key is no longer in the environment and disabled now: %(keys)s; what it has"
            " again comes back. For good: delete in the admin",
            "%(count)s keys are no longer in the environment and disabled now: %(keys)s; what it"
            " has again comes back. For good: delete in the admin",
            len(missing),
        )
        return text % {"count": len(missing), "keys": _named(missing)}
    text = ngettext(
        "%(count)s key is no longer in the file and disabled now: %(keys)s; what the file has"
        " again comes back. For good: %(prune)s, or delete in the admin",
        "%(count)s keys are no longer in the file and disabled now: %(keys)s; what the file has"
        " again comes back. For good: %(prune)s, or delete in the admin",
        len(missing),
    )
    return text % {"count": len(missing), "keys": _named(missing), "prune": _prune(path)}


def _refuse_a_wrong_file(
    given: Sequence[ApiKey],
    missing: Sequence[ApiKey],
    groups: Sequence[GroupConfig],
    path: Path,
) -> None:
    """The only key may be replaced by one other; anything else of more than half is a mistake until
    somebody says otherwise.
    """
    in_use = sum(key.status == KeyStatus.ACTIVE for key in given)
    lost = sum(key.status == KeyStatus.ACTIVE for key in missing)
    is_one_for_one = in_use == 1 and sum(len(group.api_keys) for group in groups) == 1
    if lost * 2 <= in_use or is_one_for_one:
        return
    text = _(
        "would take out %(lost)s of the %(count)s keys in use that came from it, so nothing is"
        " changed: put them back into the file; or, if they are to go for good: %(prune)s"
    )
    raise ConfigError([text % {"lost": lost, "count": in_use, "prune": _prune(path)}])


def _rows(database: Database, key_hashes: set[str]) -> list[ApiKey]:
    known = database.keys_by_hash
    return [known[key_hash] for key_hash in sorted(key_hashes) if key_hash in known]


def _readable(keys: Sequence[ApiKey], database: Database) -> list[ApiKey]:
    """Without those that no secret opens: it is not the file that changed, but SECRET_KEY."""
    unreadable = {
        key.pk
        for batch in row_batches(keys)
        for key in ApiKey.objects.filter(pk__in=[key.pk for key in batch])
        if key.secret == UNREADABLE
    }
    if unreadable:
        text = _(
            "%(count)s keys left the file but stay as they are: the present SECRET_KEY cannot read"
            " them"
        )
        database.report.warnings.append(text % {"count": len(unreadable)})
    return [key for key in keys if key.pk not in unreadable]


def _hashes_of(groups: Sequence[GroupConfig]) -> set[str]:
    return {
        key_hash
        for group in groups
        for key in group.api_keys
        for key_hash in keyed_hashes(key.secret)
    }


def _prune(path: Path) -> str:
    """It also removes what was added by hand, so it is looked at first."""
    command = shlex.join([*COMMAND.split(), "import_config", "--prune", str(path)])
    text = _("`%(command)s` (removes all that the file does not have; --dry-run shows it)")
    return text % {"command": command}


def _named(keys: Sequence[ApiKey]) -> str:
    return _some(list(map(str, keys[:MOST_NAMED])), len(keys) - MOST_NAMED)


def _listed(names: Sequence[str]) -> str:
    return _some(list(map(quoted, names[:MOST_NAMED])), len(names) - MOST_NAMED)


def _some(shown: Sequence[str], more: int) -> str:
    if more <= 0:
        return ", ".join(shown)
    return _("%(names)s, and %(more)s more") % {"names": ", ".join(shown), "more": more}
