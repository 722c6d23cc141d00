"""Keys that would go to another host or proxy: only who may read them may send them there."""

from django.utils.translation import gettext, ngettext

from proxyapp.vocabulary.marks import gettext_noop

REMEDY = gettext_noop(
    "This wants the right “Can see API keys in clear”, which you do not have: whoever chooses where"
    " keys are sent can read them there. Ask an Admin, or make a new group with new keys."
)


def refusal(count: int, whose: str) -> str:
    """`whose`: such as `of this group`."""
    refused = ngettext(
        "Nothing was saved: %(count)d key %(whose)s would go to another host or proxy.",
        "Nothing was saved: %(count)d keys %(whose)s would go to another host or proxy.",
        count,
    )
    return f"{refused % {'count': count, 'whose': whose}} {gettext(REMEDY)}"
