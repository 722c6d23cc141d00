"""What a group's form says beside its fields: of policy and auth what the gateway does."""

from collections.abc import Mapping

from django.utils.functional import Promise
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from proxyapp.models import Group
from proxyapp.models.sealed import UNREADABLE
from proxyapp.vocabulary import certificates
from proxyapp.vocabulary.auth_places import IN_HEADER, IN_QUERY
from proxyapp.vocabulary.choices import Auth, RateLimitPolicy

POLICIES: dict[str, Promise] = {
    RateLimitPolicy.DAILY: gettext_lazy(
        "any 429 takes the key out, for every model, until the next reset at %(reset)s."
    ),
    RateLimitPolicy.QUOTA_AWARE: gettext_lazy(
        "reads the provider's answer. After a limit by the minute it waits as long as the answer"
        " says, after a limit by the day until midnight in California, for that model and project"
        " alone; dead keys go out at once."
    ),
}
AUTHS: dict[str, Promise] = {
    Auth.AUTO: gettext_lazy("google for *.googleapis.com, both for any other target."),
    Auth.GOOGLE: gettext_lazy(
        "one credential: Authorization: Bearer under /openai/, x-goog-api-key elsewhere."
    ),
    Auth.BOTH: gettext_lazy(
        "both headers; a target that refuses two credentials gets one from then on."
    ),
    Auth.X_GOOG_API_KEY: gettext_lazy("always this header."),
    Auth.BEARER: gettext_lazy("always Authorization: Bearer, as OpenAI and most others take it."),
    Auth.X_API_KEY: gettext_lazy("always this header, as Anthropic takes it."),
    Auth.API_KEY: gettext_lazy("always this header, as Azure takes it."),
    f"{IN_HEADER}NAME": gettext_lazy("always the header of that name, with the key alone in it."),
    f"{IN_QUERY}NAME": gettext_lazy("always the query parameter of that name."),
}


def trusted(group: Group) -> SafeString:
    """What the certificates say of themselves."""
    text = _(
        "Further authorities, besides the usual ones, for the target and for a proxy with TLS: PEM."
    )
    try:
        found = (
            certificates.listed_certificates(group.ca_certificates) if group.ca_certificates else []
        )
    except certificates.BadCertificates as problem:
        return format_html(_("{text} Now the text {problem}."), text=text, problem=str(problem))
    lines = ((_("Now: %(certificate)s") % {"certificate": one},) for one in found)
    return format_html("{}{}", text, format_html_join("", "<br>{}", lines))


def explained(choices: Mapping[str, str | Promise]) -> SafeString:
    lines = format_html_join("", "<li><b>{}</b>: {}</li>", choices.items())
    return format_html('<ul class="choices-explained">{}</ul>', lines)


def shown_proxy(group: Group) -> str:
    if group.proxy_url == UNREADABLE:
        return _("unreadable (it was encrypted with another SECRET_KEY)")
    return group.masked_proxy_url
