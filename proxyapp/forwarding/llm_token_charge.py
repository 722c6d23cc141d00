"""What an attempt costs a client whose LLM tokens are limited, where its answer does not say it."""

from proxyapp.forwarding.request_plan import RequestPlan
from proxyapp.provider.llm_token_estimate import (
    MeasuringCounter,
    costs_llm_tokens,
    estimated_of_request,
    has_field_mask,
    is_embedding,
)
from proxyapp.provider.llm_tokens import LlmTokens
from proxyapp.vocabulary.asgi import Header


class LlmTokenCharge:
    """Of one attempt."""

    def __init__(self, request: RequestPlan) -> None:
        self.counter = MeasuringCounter()
        self._request = request
        self._is_in_parts = False

    def begin(self, coding: bytes, headers: list[Header]) -> MeasuringCounter:
        """What the answer is counted with. Of an answer in parts each has its own usage."""
        self.counter = MeasuringCounter(coding)
        self._is_in_parts = any(
            name.lower() == b"content-type" and value.lower().startswith(b"multipart/")
            for name, value in headers
        )
        return self.counter

    def of(self, told: LlmTokens, *, is_whole: bool) -> LlmTokens:
        """`told`: the answer's own usage. `is_whole` False: the end is missing, and with it what
        the usage would have come to.
        """
        request = self._request
        is_believed = is_whole and not self._is_partial()
        if is_believed and told.prompt and (told.output or is_embedding(request.path)):
            return told
        has_body = bool(request.body.length)
        if not costs_llm_tokens(request.method, request.path, has_body=has_body):
            return told
        prompt = self._prompt() if has_body else 0
        output = 0 if is_embedding(request.path) else self.counter.size.llm_tokens()
        if is_believed:
            return told._replace(prompt=told.prompt or prompt, output=told.output or output)
        return told._replace(prompt=max(told.prompt, prompt), output=max(told.output, output))

    def _is_partial(self) -> bool:
        """Whether the usage may be that of a part."""
        request = self._request
        return self._is_in_parts or has_field_mask(request.query or b"", request.headers)

    def _prompt(self) -> int:
        """A long one's was estimated before it was sent (long_bodies)."""
        body = self._request.body
        read = body.prompt_llm_tokens
        return estimated_of_request(body.whole()[:]) if read is None else read
