"""JSON for programs, as a command prints it."""

import json
from typing import Any

from proxyapp.vocabulary.terminal import takes_unicode


def json_text(value: Any, out: Any) -> str:
    """Indented; escaped where `out` would have to write something else."""
    return json.dumps(value, indent=2, ensure_ascii=not takes_unicode(out))
