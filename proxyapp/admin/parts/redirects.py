"""Keys that would go to another host or proxy: only who may read them may send them there."""

from django.http import HttpRequest

REMEDY = (
    "This wants the right “Can see API keys in clear”, which you do not have: whoever chooses where"
    " keys are sent can read them there. Ask an Admin, or make a new group with new keys."
)


def may_redirect_keys(request: HttpRequest) -> bool:
    return bool(request.user.has_perm("proxyapp.view_secret"))


def refusal(count: int, whose: str) -> str:
    """`whose`: such as `of this group`."""
    keys = "1 key" if count == 1 else f"{count} keys"
    return f"Nothing was saved: {keys} {whose} would go to another host or proxy. {REMEDY}"
