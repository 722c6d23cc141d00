"""Who may send keys that are there to another host or proxy."""

from django.http import HttpRequest


def may_redirect_keys(request: HttpRequest) -> bool:
    return bool(request.user.has_perm("proxyapp.view_secret"))
