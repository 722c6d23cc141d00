"""The paths of which it is known where they name the model: a positive list.

What limits a client to some models goes by it. A path that is not here may name a model in a way
that nobody thought of, and is refused to such a client.
"""

import re
from typing import NamedTuple

# What APIs put in front of their calls.
_PREFIX = (
    rb"/*(?:(?:api|openai|openapi|anthropic|inference|compatible-mode|paas|endpoints|beta"
    rb"|v\d+\w{0,10}|projects/[\w.:-]+|locations/[\w-]+)/+)*"
)
_NAME = rb"[^/:;?#\x00-\x20\x7f]+"
_ID = rb"/[\w.~-]+"
_METHOD = rb"(?::[A-Za-z]+|/operations(?:%b)?)?" % _ID
_CALLS = (
    rb"(?:chat/completions|completions|embeddings|responses(?:/input_tokens)?"
    rb"|messages(?:/count_tokens)?|images/(?:generations|edits|variations)"
    rb"|audio/(?:speech|transcriptions|translations)|moderations|rerank|videos|interactions"
    rb"|cachedContents)"
)
_IN_PATH = re.compile(
    rb"%b(?:(?:publishers/[\w.-]+/)?models/|(?=tunedModels/))((?:tunedModels/)?%b)%b/?"
    % (_PREFIX, _NAME, _METHOD)
)
_DEPLOYED = re.compile(rb"%b(?:deployments|engines)/(%b)/%b/?" % (_PREFIX, _NAME, _CALLS))
_IN_BODY = re.compile(rb"%b%b/?" % (_PREFIX, _CALLS))
# A session's first message counts as its body.
_LIVE = re.compile(
    rb"/*ws/+google\.ai\.generativelanguage\.v\d\w{0,10}\.GenerativeService\.Bidi\w{1,40}"
    rb"|/*ws/+google\.cloud\.aiplatform\.v\d\w{0,10}\.LlmBidiService/BidiGenerateContent"
    rb"|%binteractions/+live/?" % _PREFIX
)
# These ask no model: its name was looked at when what they speak of was made.
_OF_NONE = [
    ("GET", re.compile(rb"%bmodels/?" % _PREFIX)),
    ("GET DELETE PATCH", re.compile(rb"%bcachedContents(?:%b)?/?" % (_PREFIX, _ID))),
    ("GET DELETE", re.compile(rb"%b(?:batches|operations)(?:%b)?/?" % (_PREFIX, _ID))),
    ("GET DELETE", re.compile(rb"%b(?:interactions|responses)%b/?" % (_PREFIX, _ID))),
    ("POST", re.compile(rb"%b(?:interactions|responses)%b/cancel" % (_PREFIX, _ID))),
    ("POST", re.compile(rb"%b(?:batches|operations)%b:cancel" % (_PREFIX, _ID))),
]
_FILES = [
    ("GET POST PUT", re.compile(rb"/*upload/+v\d+\w{0,10}/+files/?")),
    ("GET POST DELETE", re.compile(rb"%bfiles/?" % _PREFIX)),
    ("GET DELETE", re.compile(rb"%bfiles%b(?::download|/content)?" % (_PREFIX, _ID))),
    ("GET", re.compile(rb"/*download/+v\d+\w{0,10}/+files%b:download" % _ID)),
]


class ModelPlace(NamedTuple):
    """`name`: the model that the path names. `is_in_body`: the body has to name one. `is_file`: the
    body is the client's file, whatever it says.
    """

    name: str = ""
    is_in_body: bool = False
    is_file: bool = False


def model_place(method: str, path: bytes) -> ModelPlace | None:
    """`path`: without percent-encoding. None: not in the list."""
    found = _IN_PATH.fullmatch(path) or _DEPLOYED.fullmatch(path)
    if found:
        return ModelPlace(found[1].decode("utf-8", "replace"))
    if _LIVE.fullmatch(path):
        return ModelPlace(is_in_body=True)
    if _is_one_of(_FILES, method, path):
        return ModelPlace(is_file=True)
    if _is_one_of(_OF_NONE, method, path):
        return ModelPlace()
    return ModelPlace(is_in_body=True) if _IN_BODY.fullmatch(path) else None


def _is_one_of(shapes: list[tuple[str, re.Pattern[bytes]]], method: str, path: bytes) -> bool:
    asked = "GET" if method == "HEAD" else method
    return any(asked in methods.split() and shape.fullmatch(path) for methods, shape in shapes)
