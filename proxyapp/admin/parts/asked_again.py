"""When the gateway asks the provider again about a key that is invalid."""

from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from proxyapp.admin.parts.moments import local_time
from proxyapp.models import ApiKey, KeyProbe
from proxyapp.vocabulary.choices import KeyStatus


def asked_again(key: ApiKey) -> SafeString | str:
    """Empty for all others, and before that is planned."""
    if key.status != KeyStatus.INVALID:
        return ""
    try:
        due_at = key.probe.due_at
    except KeyProbe.DoesNotExist:
        return ""
    return format_html(_("asked again {}"), local_time(due_at)) if due_at else ""
