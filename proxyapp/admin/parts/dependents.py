"""What a page says of client tokens whose keys go: their names only to who may see tokens."""

from django.http import HttpRequest

from proxyapp.operators.dependent_tokens import Dependents


def dependent_lines(request: HttpRequest, found: Dependents, when: str) -> list[str]:
    return found.lines(when, is_named=request.user.has_perm("proxyapp.view_clienttoken"))
