"""Asks a provider whether a key works, as its group says, and in another way if that says more."""

from typing import NamedTuple

from proxyapp.pool.keys_and_groups import PoolKey
from proxyapp.provider.codings import decoded
from proxyapp.provider.credentials import (
    is_alone_in_place,
    is_openai_prefix,
    refuses_two,
    with_key,
)
from proxyapp.provider.key_question import KeyQuestion, question_for
from proxyapp.provider.refusal import read_refusal
from proxyapp.provider.refusal_rules import names_a_dead_key
from proxyapp.upstream.exchange import UpstreamExchange
from proxyapp.upstream.headers import to_upstream
from proxyapp.upstream.token_minting import NoToken
from proxyapp.upstream.upstreams import Upstreams
from proxyapp.vocabulary.auth_places import IN_QUERY
from proxyapp.vocabulary.choices import Auth

# One model is asked for; the OpenAI format lists all. What goes beyond is a web site's page.
ANSWER_BYTES = 64 * 1024
CREDENTIAL_STATUSES = (400, 401, 403)


class Answer(NamedTuple):
    """`auth`: how the key was sent. `target`: what was asked for, without the key. `shown`: the key
    as it was sent, a service account's as a token.
    """

    status: int
    body: bytes
    auth: str
    target: bytes
    shown: PoolKey

    @property
    def is_key_in_place(self) -> bool:
        """Alone, and only where Google takes it from."""
        is_openai = is_openai_prefix(self.shown.group.prefix)
        return is_alone_in_place(self.auth, is_openai=is_openai)


async def ask_about(upstreams: Upstreams, key: PoolKey) -> Answer:
    """With both credentials, and with one where that is refused: only then it speaks of the key."""
    if key.is_account:
        return await _ask_with_token(upstreams, key)
    answer = await _ask(upstreams, key, key.group.auth)
    if answer.auth == Auth.BOTH and answer.status == 404:
        return await _ask_as_openai(upstreams, key, answer)
    if answer.auth != Auth.BOTH or answer.status not in CREDENTIAL_STATUSES:
        return answer
    alone = await _ask(upstreams, key, Auth.GOOGLE)
    return alone if _says_more(alone, than=answer) else answer


async def _ask_as_openai(upstreams: Upstreams, key: PoolKey, missed: Answer) -> Answer:
    """A target that gets two credentials and has no list of Gemini's may have OpenAI's."""
    answer = await _ask(upstreams, key, Auth.BOTH, question_for(Auth.BEARER, "", key.group.prefix))
    return answer if answer.status == 200 else missed


async def _ask_with_token(upstreams: Upstreams, key: PoolKey) -> Answer:
    """One that is held may have been withdrawn."""
    try:
        signed = await upstreams.tokens.signed(key)
        answer = await _ask(upstreams, signed, Auth.BEARER)
        if answer.status != 401:
            return answer
        upstreams.tokens.forget(signed)
        return await _ask(upstreams, await upstreams.tokens.signed(key), Auth.BEARER)
    except NoToken as refusal:
        return Answer(refusal.status, refusal.body, Auth.BEARER, b"", key)


def _says_more(alone: Answer, *, than: Answer) -> bool:
    """A target of another kind does not look where Google does."""
    if alone.status == 200 or refuses_two(read_refusal(than.body).message):
        return True
    return names_a_dead_key(read_refusal(alone.body))


async def _ask(
    upstreams: Upstreams, key: PoolKey, auth: str, question: KeyQuestion | None = None
) -> Answer:
    group = key.group
    question = question or question_for(group.auth, group.url.host, group.prefix)
    target, body = question.target, question.body
    headers = to_upstream(
        [(b"accept", b"application/json"), *question.headers],
        host=group.host,
        body_length=len(body) if body else None,
        credentials=key.credentials(auth, is_openai=is_openai_prefix(group.prefix)),
    )
    asked = with_key(target, auth, key.secret) if auth.startswith(IN_QUERY) else target
    method = "POST" if body else "GET"
    response = await upstreams.ask(group, method, asked, headers, body)
    assert isinstance(response.stream, UpstreamExchange)  # noqa: S101
    said = await response.stream.read_start(ANSWER_BYTES)
    said = decoded(said, response.headers.get("content-encoding", "").strip().lower().encode())
    return Answer(response.status_code, said, auth, target, key)
