"""Channels of alerts, and a test of each."""

from collections.abc import Mapping
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseNotAllowed
from django.http import HttpResponseRedirect as Redirect
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext, pgettext
from django.utils.translation import gettext_lazy as _

from proxyapp.admin.alert_channels.form import ChannelForm
from proxyapp.admin.alert_channels.problem_words import shown_problem
from proxyapp.admin.parts.audited import AuditedAdmin
from proxyapp.admin.parts.cells import ago
from proxyapp.admin.parts.page_words import Words
from proxyapp.admin.parts.readonly import NOTHING
from proxyapp.admin.parts.unfold_typed import ModelForm
from proxyapp.alerts.letters import letter_of_test
from proxyapp.alerts.sending import BUSY, problem_of, send
from proxyapp.models import AlertChannel, audit
from proxyapp.vocabulary.alert_fields import kinds_of
from proxyapp.vocabulary.alert_kinds import DANGER
from proxyapp.vocabulary.alert_urls import shown_alert_url

# For as long as a request lasts.
URL_PROBLEM = "_alert_url_problem"


@admin.register(AlertChannel)
class AlertChannelAdmin(AuditedAdmin[AlertChannel]):
    words = Words(
        _("alert channel"),
        _("alert channels"),
        none=_(
            "There are no alert channels yet: nobody is told when something needs attention. Add"
            " one and send a test."
        ),
    )
    form = ChannelForm
    list_display = ("name", "goes_to", "told_of", "quiet", "is_on", "last_sent", "last_problem")
    search_fields = ("name",)
    show_full_result_count = False
    change_form_template = "admin/proxyapp/alertchannel/change_form.html"

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(self.test_view)
        return [
            path("<path:object_id>/test/", view, name="proxyapp_alertchannel_test"),
            *super().get_urls(),
        ]

    def test_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Sends while the operator waits: 20 s at most, on this request's thread."""
        if not request.user.has_perm("proxyapp.test_alertchannel"):
            raise PermissionDenied
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        channel = self.get_object(request, object_id)
        if channel is None:
            raise Http404(gettext("There is no such channel."))
        problem = send(channel.url, letter_of_test())
        if problem != BUSY:
            audit.record(audit.operator(request.user), "change", [channel], "test sent")
        if problem:
            text = gettext("The test did not arrive. %(problem)s")
            self.message_user(request, text % {"problem": shown_problem(problem)}, messages.ERROR)
        else:
            self.message_user(request, gettext("The service took the test."), messages.SUCCESS)
        return Redirect(reverse("admin:proxyapp_alertchannel_change", args=[channel.pk]))

    def changeform_view(
        self, request: HttpRequest, object_id: str | None = None, *args: Any, **kwargs: Any
    ) -> HttpResponse:
        """Only the library knows what is a URL of its own, and only a program of seconds asks it:
        not in the transaction, which holds up all that SQLite writes.
        """
        url = request.POST.get("new_url", "").strip()
        may_save = self.has_add_permission if object_id is None else self.has_change_permission
        if url and may_save(request):
            setattr(request, URL_PROBLEM, problem_of(url))
        return super().changeform_view(request, object_id, *args, **kwargs)

    def told_to_form(self, request: HttpRequest) -> Mapping[str, Any]:
        problem = getattr(request, URL_PROBLEM, "")
        return {**super().told_to_form(request), "url_problem": problem}

    def get_fieldsets(self, request: HttpRequest, obj: AlertChannel | None = None) -> Any:
        if obj is not None and not self.has_change_permission(request, obj):
            looks = ("goes_to", "told_of", "quiet", "last_sent", "last_problem")
            return [(None, {"fields": ("name", *looks, "is_on")})]
        told = ("kinds", "level", "error_percent", "slow_seconds")
        quiet = ("quiet_hours", "time_zone", "urgent_passes")
        return [
            (None, {"fields": ("name", "new_url", "is_on")}),
            (_("What it is told of"), {"fields": told}),
            (_("Quiet hours"), {"fields": quiet}),
        ]

    def get_readonly_fields(
        self, request: HttpRequest, obj: AlertChannel | None = None
    ) -> tuple[str, ...]:
        if obj is None or self.has_change_permission(request, obj):
            return ()
        return ("name", "goes_to", "told_of", "quiet", "last_sent", "last_problem", "is_on")

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any
    ) -> Any:
        if channel := context.get("original"):
            context["problem"] = shown_problem(channel.problem)
        context["may_test"] = request.user.has_perm("proxyapp.test_alertchannel")
        return super().render_change_form(request, context, *args, **kwargs)

    def save_model(
        self,
        request: HttpRequest,
        obj: AlertChannel,
        form: ModelForm[AlertChannel],
        change: bool,
    ) -> None:
        """Only what was edited: the gateway writes what it told meanwhile."""
        columns = [name for name in form.changed_data if name != "new_url"]
        if url := form.cleaned_data.get("new_url"):
            obj.url, obj.problem = url, ""
            columns += ["url", "problem"]
        obj.save(update_fields=[*columns, "updated_at"] if change else None)

    def describe_edit(self, form: forms.BaseForm, name: str, *, is_new: bool) -> str:
        if name == "new_url":
            return f"URL set to {shown_alert_url(form.cleaned_data[name])}"
        if name == "kinds":
            return f"kinds: {form.cleaned_data[name] or 'all'}"
        return super().describe_edit(form, name, is_new=is_new)

    @admin.display(description=_("goes to"))
    def goes_to(self, channel: AlertChannel) -> str:
        return channel.shown_url

    @admin.display(description=_("told of"))
    def told_of(self, channel: AlertChannel) -> SafeString:
        named = ", ".join(kinds_of(channel.kinds))
        code = format_html('<span translate="no">{}</span>', named)
        kinds = code if named else pgettext("of kinds of alerts", "all")
        return format_html(gettext("{} (urgent)") if channel.level == DANGER else "{}", kinds)

    @admin.display(description=_("quiet hours"))
    def quiet(self, channel: AlertChannel) -> str:
        hours = channel.quiet_hours
        return f"{hours} {channel.time_zone}" if hours else NOTHING

    @admin.display(description=_("last message"))
    def last_sent(self, channel: AlertChannel) -> SafeString:
        return ago(channel.sent_at, timezone.now())

    @admin.display(description=_("problem"))
    def last_problem(self, channel: AlertChannel) -> str:
        return shown_problem(channel.problem) or NOTHING
