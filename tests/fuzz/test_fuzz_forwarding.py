"""What goes on to an upstream, whatever the client's request was.

One credential, one line a header, one place.
"""

import re
from posixpath import normpath
from urllib.parse import unquote_to_bytes

from hypothesis import given
from hypothesis import strategies as st

from proxyapp.forwarding.dot_segments import leads_astray
from proxyapp.provider.credentials import credentials, without_key
from proxyapp.provider.model_name import LONGEST_NAME, model_of, quota_scope
from proxyapp.upstream.headers import CREDENTIALS, to_client, to_upstream
from tests.fuzz.timebox import for_seconds

SECRET = b"THE-GATEWAYS-KEY"
NAMES = st.sampled_from(
    b"authorization|x-goog-api-key|x_goog_api_key|x-api-key|x-goog-user-project|host|"
    b"content-length|content_length|transfer-encoding|connection|cookie|te|upgrade|x-a|keep-alive|"
    b"set-cookie|expect|proxy-authorization".split(b"|")
)
TEXT = st.binary(max_size=20).map(lambda text: re.sub(rb"[\x00-\x08\x0a-\x1f\x7f]", b"", text))
VALUES = (
    TEXT | NAMES | st.lists(NAMES, max_size=4).map(b", ".join) | st.just(b"gateway_session=1; a=b")
)
HEADERS = st.lists(st.tuples(NAMES, VALUES), max_size=8)
PIECES = st.sampled_from(
    b"/|/|/|.|..|%2e|%2E|%2f|%5c|\\|;|a|b|%25|%|models|model|odels/|%6dodels|:generateContent|"
    b"v1beta|?|key=|%6bey=x|&|\xff|%00|upload|openai|files".split(b"|")
)
PATHS = st.lists(PIECES, max_size=12).map(lambda pieces: b"/" + b"".join(pieces))
BODIES = st.binary(max_size=60) | st.lists(
    st.sampled_from(
        b'{|}|[|]|"|"model"|:|,|"models/a"|"a\\u0000"|\\|\\ud800|null|\n|"role": "model"'.split(
            b"|"
        )
    ),
    max_size=14,
).map(lambda pieces: b"{" + b"".join(pieces))


@for_seconds(4)
@given(
    headers=HEADERS,
    auth=st.sampled_from(["google", "both", "bearer", "x-goog-api-key"]),
    length=st.none() | st.just(7),
)
def test_no_credential_and_no_framing_of_a_client_gets_through(headers, auth, length):
    own = credentials(auth, SECRET, is_openai=False)

    sent = to_upstream(headers, host=b"upstream", body_length=length, credentials=own)

    assert [field for field in sent if field[0].replace(b"_", b"-") in CREDENTIALS] == own
    assert [value for name, value in sent if name == b"host"] == [b"upstream"]
    lengths = [value for name, value in sent if name.replace(b"_", b"-") == b"content-length"]
    assert lengths == ([b"7"] if length else [])
    assert not {name for name, _ in sent} & {
        b"transfer-encoding",
        b"connection",
        b"upgrade",
        b"x-goog-user-project",
    }
    assert b"gateway_session" not in b"".join(value for name, value in sent if name == b"cookie")


@for_seconds(2)
@given(headers=HEADERS)
def test_no_session_of_a_key_gets_back(headers):
    names = {name for name, _ in to_client(headers)}

    assert not names & {b"set-cookie", b"transfer-encoding", b"connection"}


@for_seconds(2)
@given(pieces=st.lists(PIECES, max_size=10))
def test_no_key_of_a_query_gets_through_and_the_rest_is_untouched(pieces):
    query = b"".join(pieces)

    left = without_key(query)

    kept = [
        part for part in query.split(b"&") if unquote_to_bytes(part.partition(b"=")[0]) != b"key"
    ]
    assert (left or b"") == b"&".join(kept)


@for_seconds(4)
@given(path=PATHS)
def test_no_accepted_path_leaves_its_prefix_however_an_upstream_reads_it(path):
    if leads_astray(path):
        return
    for times in range(4):
        for slashes in (b"/", b"/\\"):
            assert below_its_prefix(path, times, slashes)


def below_its_prefix(path: bytes, decodings: int, slashes: bytes) -> bool:
    for _ in range(decodings):
        path = unquote_to_bytes(path)
    path = path.split(b"?")[0].split(b"\x00")[0]
    path = re.sub(b"[" + re.escape(slashes) + b"]+", b"/", path)
    path = re.sub(rb";[^/]*", b"", path)
    return normpath(b"/a/prefix/" + path.lstrip(b"/")).startswith(b"/a/prefix")


@for_seconds(4)
@given(path=PATHS, body=BODIES)
def test_a_models_name_is_a_short_printable_text_whatever_names_it(path, body):
    model = model_of(path, body)
    scope = quota_scope(path, model)

    assert len(model) <= LONGEST_NAME
    assert model.isprintable()
    assert scope.isprintable()
    scope.encode()
