"""The gateway's command line, whose processes print what they hear of each request.

`python -m tests.support.telling_gateway ARGUMENTS` is `manage.py ARGUMENTS`.
"""

import json
from typing import Any

import manage
from proxyapp.requests.record import RequestRecord

PROGRAM = ("-m", "tests.support.telling_gateway")
MARK = "record "


def told_in(output: str) -> list[dict[str, Any]]:
    """In the order of their ends."""
    lines = output.splitlines()
    return [json.loads(line.removeprefix(MARK)) for line in lines if line.startswith(MARK)]


def tell(record: RequestRecord) -> None:
    values = {name: getattr(record, name) for name in _names(record)}
    values["attempts"] = [
        {name: getattr(attempt, name) for name in _names(attempt)} for attempt in record.attempts
    ]
    print(MARK + json.dumps(values), flush=True)


def _names(record: object) -> list[str]:
    """Also of a compiled class, which has descriptors and no slots."""
    kind = type(record)
    return [
        name
        for name in dir(kind)
        if not name.startswith("_") and not callable(getattr(record, name))
    ]


def main() -> None:
    from gateway import asgi  # noqa: F401  (sets Django up)
    from proxyapp import runtime

    init = runtime.Runtime.__init__

    def heard(self: runtime.Runtime) -> None:
        init(self)
        self.told.add(tell)

    setattr(runtime.Runtime, "__init__", heard)  # noqa: B010
    manage.main()


if __name__ == "__main__":
    main()
