"""A program of its own that sends one message: `python apprise_child.py`, the message on its input.

So the library (20 MB, and whatever it waits for) is in no process that answers requests, the URL in
no list of processes, and what hangs is ended. It imports nothing of the gateway's. Its output is
one word of `sending.PROBLEMS`, never what the library says: that may have the URL's tokens in it.
"""

import json
import logging
import re
import sys
from typing import Any

STATUS = re.compile(r"error[=:]\s*(\d{3})\b", re.IGNORECASE)


class LibraryLog(logging.Handler):
    """What went wrong, by the library's own log: its calls tell only that something did."""

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.word = "refused"

    def emit(self, record: logging.LogRecord) -> None:
        said = record.getMessage()
        if found := STATUS.search(said):
            self.word = f"status {found[1]}"
        elif "onnection error" in said:
            self.word = "unreachable"


def main() -> None:
    given: dict[str, Any] = json.load(sys.stdin)
    out, sys.stdout = sys.stdout, sys.stderr  # for the answer alone
    out.write(sent(given))


def sent(given: dict[str, Any]) -> str:
    """A word for what went wrong; empty: nothing did."""
    import apprise
    from apprise.manager_attachment import AttachmentManager

    hearing = LibraryLog()
    logging.getLogger("apprise").addHandler(hearing)
    logging.getLogger("apprise").setLevel(logging.DEBUG)
    attachments: Any = AttachmentManager
    attachments().remove("file", unload=False)  # nothing of this machine's disk goes along
    asset = apprise.AppriseAsset(
        app_id="Gemini Key Gateway",
        app_desc="Gemini Key Gateway",
        async_mode=False,
        http_redirects=False,
        pem_autogen=False,
        pgp_autogen=False,
        storage_mode="memory",
    )
    channel = apprise.Apprise.instantiate(given["url"], asset=asset, suppress_exceptions=True)
    if not isinstance(channel, apprise.NotifyBase):
        return "unknown"
    if not given["body"]:
        return ""
    is_sent = channel.notify(
        body=given["body"],
        title=given["title"],
        notify_type=apprise.NotifyType(given["kind"]),
        body_format=apprise.NotifyFormat.TEXT,
    )
    return "" if is_sent else hearing.word


if __name__ == "__main__":
    main()
