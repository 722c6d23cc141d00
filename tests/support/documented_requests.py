"""Requests that documents make with curl, and what of the gateway answers them."""

import json
import os
import re
import subprocess
from argparse import ArgumentParser
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

from proxyapp.management_api.application import api
from proxyapp.vocabulary.client_paths import client_path, group_and_path
from tests.support.snippets import ELLIPSIS

GATEWAY = frozenset(("127.0.0.1:8080", "localhost:8080"))
OWN = frozenset(("/metrics", "/healthz", "/readyz"))
ADMIN = "/admin/"
# Of other targets than Gemini, which get every path as it is: docs/PROVIDERS.md.
OTHER_TARGETS = ("/v1/messages", "/openai/deployments/")


# An answer that is an error ends the block.
STRICTLY = 'curl() { command curl --silent --show-error --fail-with-body "$@"; }\n'


@dataclass(frozen=True, slots=True)
class Curl:
    method: str
    url: str
    headers: dict[str, str]
    body: str | None

    @property
    def path(self) -> str:
        return urlsplit(self.url if "://" in self.url else f"http://{self.url}").path

    @property
    def host(self) -> str:
        return urlsplit(self.url if "://" in self.url else f"http://{self.url}").netloc


def run_block(text: str, url: str) -> subprocess.CompletedProcess[str]:
    """A block as it stands, but for the gateway's address."""
    at = urlsplit(url).netloc
    for host in GATEWAY:
        text = text.replace(host, at)
    return subprocess.run(
        ["bash", "-eo", "pipefail", "-c", STRICTLY + text],
        env={"PATH": os.environ.get("PATH", os.defpath)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def curl(words: Sequence[str]) -> Curl:
    """Raises SystemExit where it has an option that no document had yet."""
    parser = ArgumentParser(prog="curl", allow_abbrev=False)
    parser.add_argument("url")
    parser.add_argument("-X", dest="method")
    parser.add_argument("-H", dest="headers", action="append", default=[])
    parser.add_argument("-d", "--data-binary", dest="body")
    parser.add_argument("-s", "-S", "-sS", action="store_true")
    parser.add_argument("-D", dest="head")
    given = parser.parse_args(words[1:])
    headers = dict(header.split(": ", 1) for header in given.headers)
    method = given.method or ("GET" if given.body is None else "POST")
    return Curl(method, given.url, headers, given.body)


def complaint_of_request(words: Sequence[str]) -> str:
    """Empty: the gateway has the path, itself or for Gemini, and a body of JSON can be read."""
    asked = curl(words)
    if asked.url.startswith("$"):
        return ""
    if asked.host not in GATEWAY:
        return f"{asked.host} is not the gateway"
    return _unreadable(asked) or _without_an_answer(asked.path)


def _unreadable(asked: Curl) -> str:
    names = {name.lower(): value for name, value in asked.headers.items()}
    if asked.body is None or ELLIPSIS in asked.body or asked.body.startswith("@"):
        return ""
    if "json" not in names.get("content-type", ""):
        return "its body has no content-type of JSON"
    try:
        json.loads(asked.body)
    except ValueError as error:
        return f"its body is no JSON: {error}"
    return ""


def _without_an_answer(path: str) -> str:
    if path in OWN:
        return ""
    if path.startswith(ADMIN):
        return "" if _is_of_the_management_api(path) else f"the gateway has no {path}"
    rest = group_and_path(path.encode())[1]
    if rest.decode().startswith(OTHER_TARGETS):
        return ""
    stray = client_path(rest).stray
    return f"Gemini has no {path}: {stray}" if stray else ""


def _is_of_the_management_api(path: str) -> bool:
    schema = api.get_openapi_schema(path_prefix="/admin/api/")
    return any(re.fullmatch(re.sub(r"{\w+}", "[^/]+", known), path) for known in schema["paths"])
