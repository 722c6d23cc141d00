"""A message on its way to a service: by a program that is gone afterwards."""

import socketserver
import sys
import threading
from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from proxyapp.alerts import sending
from proxyapp.alerts.sending import NOTHING, TEST, Letter, Sender, send
from tests.support.ports import free_port
from tests.support.webhook import Webhook, webhook


@pytest.fixture
def hook() -> Iterator[Webhook]:
    with webhook() as found:
        yield found


def test_a_webhook_gets_title_text_and_kind(hook: Webhook) -> None:
    assert send(hook.url, Letter("One", "Line 1\nLine 2", "failure")) == ""
    assert hook.told[0] | {"attachments": None} == hook.told[0] | {
        "title": "One",
        "message": "Line 1\nLine 2",
        "type": "failure",
        "attachments": None,
    }
    assert "apprise" not in sys.modules


@pytest.mark.parametrize(("status", "said"), [(403, "403"), (500, "500"), (302, "302")])
def test_a_refusal_is_told_by_its_status_and_without_the_url(
    hook: Webhook, status: int, said: str
) -> None:
    hook.status = status
    problem = send(hook.url, TEST)
    assert problem == f"The service answered with status {said}."


def test_a_service_that_nobody_reaches() -> None:
    problem = send(f"json://user:hook-secret@127.0.0.1:{free_port()}/x", TEST)
    assert problem == sending.PROBLEMS["unreachable"]


def test_one_that_does_not_answer_is_given_up_and_its_program_ended() -> None:
    with socketserver.TCPServer(("127.0.0.1", 0), socketserver.BaseRequestHandler) as silent:
        port = silent.server_address[1]
        assert Sender().send(f"json://127.0.0.1:{port}/", TEST, seconds=0.5) == sending.TOO_LONG


@pytest.mark.parametrize(
    "url",
    [
        "syslog://",
        "dbus://x",
        "windows://x",
        "file:///etc/passwd",
        "https://example.com/x",
        "slack://A/B/C?template=/etc/passwd",
        "fcm://p/x?+keyfile=/etc/passwd",
        "json://a b",
        "nothing",
    ],
)
def test_what_reaches_no_network_or_names_a_file_is_refused(url: str) -> None:
    problem = send(url, TEST)
    assert problem.startswith("The URL must")
    assert "passwd" not in problem


def test_a_machine_that_begins_no_program_is_a_problem_in_words(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sys, "executable", "/nowhere/python")
    assert send("json://user:hook-secret@127.0.0.1/x", TEST) == sending.BROKEN


def test_a_url_that_no_secret_opens() -> None:
    assert send("", TEST) == sending.UNREADABLE


def test_a_url_can_be_asked_about_without_a_message(hook: Webhook) -> None:
    assert send(hook.url, NOTHING) == ""
    assert send("slack://too-short", NOTHING) == sending.PROBLEMS["unknown"]
    assert hook.told == []


class MailSink(socketserver.StreamRequestHandler):
    """As much of SMTP as one letter needs."""

    letters: list[str] = []

    def handle(self) -> None:
        self._say("220 sink")
        while line := self.rfile.readline().decode().strip():
            word = line[:4].upper()
            if word == "DATA":
                self._say("354 go on")
                self.letters.append(self._letter())
            self._say("221 bye" if word == "QUIT" else "250 ok")

    def _letter(self) -> str:
        lines = []
        while (line := self.rfile.readline().decode().rstrip("\r\n")) != ".":
            lines.append(line)
        return "\n".join(lines)

    def _say(self, text: str) -> None:
        self.wfile.write(f"{text}\r\n".encode())


def test_mail() -> None:
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), MailSink) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        port = server.server_address[1]
        url = f"mailto://127.0.0.1:{port}?from=gateway@example.com&to=ops@example.com&mode=insecure"
        problem = send(url, Letter("Key died", "One key is invalid."))
        server.shutdown()
    assert problem == ""
    assert all(text in MailSink.letters[-1] for text in ("Key died", "ops@example.com"))


def test_of_those_who_wait_few_have_a_program_at_a_time() -> None:
    with ExitStack() as busy:
        for _ in range(sending.MOST_WAITING):
            busy.enter_context(sending._waiting)
        assert send("json://127.0.0.1:1/", TEST) == sending.BUSY
        assert sending.problem_of("json://127.0.0.1:1/") == sending.BUSY
    assert send("odd", TEST) != sending.BUSY
