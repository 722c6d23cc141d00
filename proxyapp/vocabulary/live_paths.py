"""Which WebSockets are of Google's Live API, also as Vertex AI has it."""

import re

from proxyapp.vocabulary.client_paths import VERSION, group_and_path

# Some clients put two slashes in front.
_LIVE = re.compile(
    rb"/+ws/google\.ai\.generativelanguage\.%b\.GenerativeService"
    rb"\.(?:BidiGenerateContent(?:Constrained)?|BidiGenerateMusic)"
    rb"|/+ws/google\.cloud\.aiplatform\.%b\.LlmBidiService/BidiGenerateContent"
    rb"|/+%b/interactions/live" % (VERSION, VERSION, VERSION)
)


def is_live_path(path: bytes) -> bool:
    """`path`: raw; that of a group has `/g/<group>` in front."""
    return _LIVE.fullmatch(group_and_path(path)[1]) is not None
