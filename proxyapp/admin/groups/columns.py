"""What the list of groups and the page of one tell of it."""

from urllib.parse import urlencode

from django.contrib import admin
from django.urls import reverse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from proxyapp.admin.groups.exit_lines import counted_exits, shown_lines
from proxyapp.admin.groups.field_texts import shown_proxy
from proxyapp.admin.groups.list import figures, key_badges, keys_url
from proxyapp.admin.parts.moments import local_time
from proxyapp.admin.parts.pooled import PooledAdmin
from proxyapp.admin.parts.readonly import NOTHING
from proxyapp.admin.records.audit_log import entries_of
from proxyapp.models import Group


class GroupColumns(PooledAdmin[Group]):
    @admin.display(description=gettext_lazy("target URL"), ordering="target_url")
    def target(self, group: Group) -> str:
        return group.target_url

    @admin.display(description=gettext_lazy("Proxy"))
    def proxy(self, group: Group) -> str:
        if group.proxy_pool is not None:
            return counted_exits(group.proxy_pool)
        return NOTHING if group.proxy_url is None else shown_proxy(group)

    @admin.display(description=gettext_lazy("exits"))
    def new_proxy_pool(self, group: Group) -> SafeString | str:
        """For those who may only look: others have the form's field of that name."""
        lines = shown_lines(group.proxy_pool).splitlines()
        return format_html_join(", ", "{}", ((line,) for line in lines)) or NOTHING

    @admin.display(description=gettext_lazy("Policy"), ordering="rate_limit_policy")
    def policy(self, group: Group) -> str:
        return group.rate_limit_policy

    @admin.display(description=gettext_lazy("auth"), ordering="auth")
    def auth_rule(self, group: Group) -> str:
        if group.single_credential_since:
            return _("%(auth)s (one credential)") % {"auth": group.auth}
        return group.auth

    @admin.display(description=gettext_lazy("priority, weight"), ordering="priority")
    def share(self, group: Group) -> str:
        return f"{group.priority}, {group.weight}"

    @admin.display(description=gettext_lazy("keys"))
    def keys_by_state(self, group: Group) -> SafeString:
        return key_badges(group)

    @admin.display(description=gettext_lazy("requests today"))
    def requests_today(self, group: Group) -> str:
        return f"{figures(group).requests:,}"

    @admin.display(description=gettext_lazy("429s today"))
    def refusals_today(self, group: Group) -> str:
        return f"{figures(group).rate_limited:,}"

    @admin.display(description=gettext_lazy("keys"))
    def keys_of_group(self, group: Group) -> SafeString:
        add = f"{reverse('admin:proxyapp_apikey_add')}?{urlencode({'group': group.pk})}"
        count = {"count": f"{figures(group).key_total:,}"}
        every = format_html('<a href="{}">{}</a>', keys_url(group), _("%(count)s in all") % count)
        one_more = format_html('<a href="{}">{}</a>', add, _("Add a key"))
        return format_html("{} · {} · {}", key_badges(group), every, one_more)

    @admin.display(description=gettext_lazy("Today"))
    def today(self, group: Group) -> str:
        """Days are UTC's, as in the usage."""
        counts = {
            "count": f"{figures(group).requests:,}",
            "refused": f"{figures(group).rate_limited:,}",
        }
        text = _("%(count)s requests, %(refused)s answered with 429 (since 00:00 UTC)")
        return text % counts

    @admin.display(description=gettext_lazy("More"))
    def more(self, group: Group) -> SafeString:
        events, usage = (
            reverse(f"admin:proxyapp_{name}_changelist")
            for name in ("ratelimitevent", "hourlyusage")
        )
        links = (
            (f"{events}?key__group__id__exact={group.pk}", _("events")),
            (f"{usage}?group={group.pk}", _("usage by hour")),
        )
        listed = format_html_join(", ", '<a href="{}">{}</a>', links)
        return format_html("{}, {}", listed, entries_of(group))

    @admin.display(description=gettext_lazy("one credential"))
    def one_credential(self, group: Group) -> SafeString | None:
        if group.single_credential_since is None:
            return None
        return format_html(
            '<div class="note-warning">{}</div>',
            format_html(
                _(
                    "Since {since} this target gets one credential: it answered “Multiple"
                    " authentication credentials received” to two. A change of the target URL or of"
                    " auth makes the gateway try two again, as does the button below."
                ),
                since=local_time(group.single_credential_since),
            ),
        )
