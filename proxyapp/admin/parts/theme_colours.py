"""The theme's colours, which it writes into each page: the Content-Security-Policy forbids that.

`colours.css` has them instead, as `stylesheet` makes it of the theme's settings.
"""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest


def without_colours(context: dict[str, Any], request: HttpRequest) -> dict[str, Any]:
    return context | {"colors": None}


def stylesheet(colours: dict[str, dict[str, str]]) -> str:
    lines = [
        f"  --color-{name}-{weight}: {value};"
        for name, own in colours.items()
        for weight, value in own.items()
    ]
    return "\n".join([":root {", *lines, "}", ""])


setattr(admin.site, "extra_context", without_colours)  # noqa: B010  # as for `extra_urls`
