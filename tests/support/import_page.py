"""The admin's page that imports: what it would change, and the agreement to it."""

import re
from typing import Any

from django.test import Client

from tests.support.admin_pages import submit, text


def check(operator: Client, config: str, **fields: Any) -> str:
    """The page with the changes, or the form with what is wrong."""
    return submit(operator, "import_config", data={"text": config, **fields})


def carried(html: str) -> str:
    found = re.search(r'name="carried" value="([^"]+)"', html)
    assert found
    return found[1]


def agree(operator: Client, html: str) -> str:
    return submit(operator, "import_config", data={"carried": carried(html)})


def changes(html: str) -> dict[str, list[str]]:
    """The entries of each part."""
    found = re.findall(
        r'<h2 class="changes-title">(.*?)</h2>\s*<ul class="changes">(.*?)</ul>\s*(?=<h2|<div)',
        html,
        re.DOTALL,
    )
    parts = {text(title): re.split(r"\n          <li>", entries)[1:] for title, entries in found}
    return {title: [text(entry) for entry in entries] for title, entries in parts.items()}
