"""The form in which an upstream's error is relayed, when all is judged and noted of it."""

from proxyapp.forwarding.attempt import Attempt
from proxyapp.forwarding.first_answer import JSON_TYPE
from proxyapp.forwarding.request_plan import RequestPlan
from proxyapp.provider.openai_errors import in_openais_form


async def give_openais_form(request: RequestPlan, attempt: Attempt) -> None:
    """Under OpenAI's paths an error of Google's becomes one of OpenAI's, unless the group says
    that it shall not.
    """
    group = attempt.key.group
    facts, prefix = request.sent_to(group, attempt.auth)
    is_openai = request.facts.is_openai or facts.is_openai_behind(prefix)
    if not group.unwrap_errors or not is_openai:
        return
    shaped = in_openais_form(await _read(attempt), attempt.status)
    if shaped is not None:
        await attempt.keep()
        attempt.replace_body(shaped, JSON_TYPE)


async def _read(attempt: Attempt) -> bytes:
    try:
        return await attempt.read_whole()
    except BaseException:  # the client left: nobody else ends it
        await attempt.aclose()
        raise
