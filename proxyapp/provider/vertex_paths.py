"""The paths of Vertex AI, which has Gemini's models under its own names.

a client asks for                          a target with a project     one without (express mode)
/v1beta/models/m:generateContent           /v1/projects/…/publishers/google/models/m:…    /v1/pub…
/v1/projects/x/locations/y/publishers/…    its own project             as the client wrote it
/v1/chat/completions (OpenAI's)            /v1/projects/…/endpoints/openapi/…             nothing
/v1beta/models                             /v1beta1/publishers/google/models, which has no project
"""

import re

from proxyapp.vocabulary.client_paths import OPENAI_BASE, VERSION

_HOST = re.compile(r"(?:[a-z0-9-]+-)?aiplatform(?:\.[a-z0-9-]+\.rep)?\.googleapis\.com")
_VERSION = rb"/%b" % VERSION
_PROJECT = rb"/projects/[^/]+/locations/[^/]+"
# A target's path: what stands before the API, its version, its project.
_TARGET = re.compile(
    rb"(?P<base>.*?)(?P<version>%b)?(?P<project>%b)?(?:/publishers/google)?(?:/models)?"
    % (_VERSION, _PROJECT)
)
_CLIENTS = re.compile(rb"/*(?P<version>%b)?(?P<project>%b)?(?P<rest>/.*)" % (_VERSION, _PROJECT))
_OF_PUBLISHER = b"/publishers/google"


def is_vertex(host: str, prefix: bytes) -> bool:
    """By its name, or by a path that no other API has."""
    named = _HOST.fullmatch(host.lower().rstrip(".")) is not None
    return named or re.search(_PROJECT, prefix) is not None or _OF_PUBLISHER in prefix


def vertex_path(prefix: bytes, path: bytes) -> bytes:
    """What is asked for. `prefix`: the path of the group's target. `path`: the client's, or what it
    means to Gemini's API.
    """
    target, asked = _TARGET.fullmatch(prefix), _CLIENTS.fullmatch(path)
    if target is None or asked is None:
        return prefix + path
    project, rest = target["project"] or asked["project"] or b"", asked["rest"]
    if path.startswith(OPENAI_BASE) and project:
        rest = b"/endpoints/openapi/" + path.removeprefix(OPENAI_BASE)
        version = target["version"] or b"/v1"
    elif rest == b"/models" and not asked["project"]:
        version, project, rest = b"/v1beta1", b"", _OF_PUBLISHER + rest
    elif rest.startswith(b"/models/") and not asked["project"]:
        version, rest = target["version"] or b"/v1", _OF_PUBLISHER + rest
    else:
        version = target["version"] or asked["version"] or b"/v1"
    return b"".join((target["base"], version, project, rest))
