"""The keys of groups before they are written: which are the same, and which look like none."""

from collections.abc import Sequence
from dataclasses import replace

from proxyapp.config.contents import GroupConfig, KeyConfig
from proxyapp.config.report import Report
from proxyapp.vocabulary.in_words import gettext as _
from proxyapp.vocabulary.masking import masked_key
from proxyapp.vocabulary.quoting import quoted

DOUBTS_SHOWN = 5  # of a group


def each_key_once(groups: Sequence[GroupConfig], report: Report) -> list[GroupConfig]:
    """Of a key that is given more than once the first place counts."""
    first: dict[str, str] = {}
    return [replace(group, api_keys=_first_places(group, first, report)) for group in groups]


def _first_places(
    group: GroupConfig, first: dict[str, str], report: Report
) -> tuple[KeyConfig, ...]:
    if group.placeholders:
        places = ", ".join(group.placeholders)
        report.warnings.append(
            _("group %(group)s: placeholders skipped (%(places)s); put your keys in their place")
            % {"group": quoted(group.name), "places": places}
        )
    report.doubts += _doubts(group)
    keys = []
    for key in group.api_keys:
        if key.secret in first:
            text = _(
                "key %(key)s of group %(group)s is a duplicate: taken once, in group %(first)s"
            )
            report.warnings.append(
                text
                % {
                    "key": masked_key(key.secret),
                    "group": quoted(group.name),
                    "first": quoted(first[key.secret]),
                }
            )
        else:
            first[key.secret] = group.name
            keys.append(key)
    return tuple(keys)


def _doubts(group: GroupConfig) -> list[str]:
    """They are taken all the same: what a provider takes for a key is the provider's matter."""
    name = quoted(group.name)
    text = _("group %(group)s: %(doubt)s")
    lines = [text % {"group": name, "doubt": doubt} for doubt in group.doubts[:DOUBTS_SHOWN]]
    if more := len(group.doubts) - len(lines):
        text = _("group %(group)s: %(count)s more keys look like none")
        lines.append(text % {"group": name, "count": more})
    return lines
