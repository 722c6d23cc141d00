"""Sends a message to a channel's URL, by a short-lived program that is ended when it hangs."""

import json
import os
import subprocess
import sys
import threading
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from proxyapp.vocabulary.alert_urls import check_alert_url
from proxyapp.vocabulary.marks import gettext_noop as _

CHILD = Path(__file__).with_name("apprise_child.py")
SEND_SECONDS = 30.0
# Of a test: an operator waits for its page, and other operators do, too.
TEST_SECONDS = 20.0
MOST_WAITING = 2
# What the library needs: not the gateway's secrets.
PASSED = ("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "TZ", "LD_LIBRARY_PATH", "PYTHONHOME")
PASSED_TOO = ("SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE", "PYTHONPATH")
PROXIES = ("HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "no_proxy")
PROBLEMS = {
    "unknown": _("Apprise does not understand the URL: see its wiki for what this service needs."),
    "unreachable": _("The service could not be reached."),
    "refused": _("The service did not take the message."),
}
TOO_LONG = _("The service did not answer in time.")
BROKEN = _("The program that sends ended without an answer.")
BUSY = _("The gateway is busy with other tests at this moment: try again in a while.")
UNREADABLE = _("SECRET_KEY does not open the URL: enter it again.")


@dataclass(frozen=True, slots=True)
class Letter:
    """`kind`: Apprise's: info, success, warning or failure."""

    title: str
    body: str
    kind: str = "info"


TEST = Letter(
    _("Test alert of the gateway"),
    _("This is a test: alerts of the Gemini Key Gateway arrive here."),
)
NOTHING = Letter("", "")
_waiting = threading.BoundedSemaphore(MOST_WAITING)


class Sender:
    """One message at a time. `stop` may come from another thread."""

    def __init__(self) -> None:
        self._child: subprocess.Popen[bytes] | None = None
        self._is_stopped = False

    def send(self, url: str | None, letter: Letter, seconds: float = SEND_SECONDS) -> str:
        """What went wrong, in words that have nothing of the URL; empty: it was taken. Blocks."""
        if not url:
            return UNREADABLE
        if problem := check_alert_url(url):
            return f"The URL {problem}."
        given = {"url": url, "title": letter.title, "body": letter.body, "kind": letter.kind}
        try:
            return self._by_child(json.dumps(given).encode(), seconds)
        except OSError:  # a machine without memory or processes left
            return BROKEN

    def _by_child(self, given: bytes, seconds: float) -> str:
        with subprocess.Popen(  # noqa: S603
            [sys.executable, "-P", str(CHILD)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=_environment(),
        ) as child:
            self._child = child
            try:
                if self._is_stopped:
                    child.kill()
                answer, _errors = child.communicate(given, seconds)
            except subprocess.TimeoutExpired:
                child.kill()
                return TOO_LONG
            finally:
                self._child = None
        return _words(answer.decode(errors="replace")) if child.returncode == 0 else BROKEN

    def stop(self) -> None:
        self._is_stopped = True
        if (child := self._child) is not None:
            with suppress(OSError):
                child.kill()


def send(url: str | None, letter: Letter) -> str:
    """As `Sender.send`, for somebody who waits. Each has a thread and a program: few at a time."""
    if not _waiting.acquire(blocking=False):
        return BUSY
    try:
        return Sender().send(url, letter, TEST_SECONDS)
    finally:
        _waiting.release()


def problem_of(url: str) -> str:
    """Asks whether Apprise understands it; nothing is sent."""
    return send(url, NOTHING)


def _words(answer: str) -> str:
    if answer.startswith("status "):
        return f"The service answered with status {answer.removeprefix('status ')[:3]}."
    return PROBLEMS.get(answer, BROKEN) if answer else ""


def _environment() -> dict[str, str]:
    names = (*PASSED, *PASSED_TOO, *PROXIES)
    return {name: os.environ[name] for name in names if name in os.environ}
