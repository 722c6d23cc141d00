"""Adds many keys in two steps: what was pasted is shown, masked; what stays ticked is saved.

Between the steps the keys are in the form, encrypted: in no session, no address and no log.
"""

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple
from urllib.parse import urlencode

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.db import IntegrityError
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.decorators import method_decorator
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext, pgettext
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters

from proxyapp.admin.keys.bulk_add_form import BulkAddForm
from proxyapp.admin.keys.insert import add_keys
from proxyapp.admin.keys.test_page import begin_test
from proxyapp.admin.parts.carried_form import seal, unseal
from proxyapp.admin.parts.pooled import PooledAdmin
from proxyapp.config.pasted_keys import FoundKey, Reject
from proxyapp.models import ApiKey, Group
from proxyapp.operators.key_adding import Added, NewKey, groups_of, numbered_from
from proxyapp.vocabulary.checks import MAX_NAME_LENGTH
from proxyapp.vocabulary.choices import POLICY_OF_NEW_GROUPS
from proxyapp.vocabulary.masking import masked_key

# A pasted text may be refused line by line.
SHOWN_REFUSALS = 200
TOO_LATE = gettext_lazy("That page was too old. Nothing was added: paste the keys again.")
IN_BETWEEN = gettext_lazy(
    "Somebody else changed the same keys or groups at that moment. Nothing was added: paste the"
    " keys again."
)


class Refused(NamedTuple):
    """`shown` is masked. `line`: 0 when it is not known."""

    line: int
    shown: str
    reason: str


class Review(NamedTuple):
    """What the second step shows.

    `keys` can be added; those with a doubt only when the operator says so.
    """

    keys: Sequence[FoundKey]
    duplicates: Sequence[Refused]
    rejects: Sequence[Refused]

    @property
    def good(self) -> int:
        return sum(not key.doubt for key in self.keys)


class Carried(NamedTuple):
    """What goes encrypted from one step to the other. `new_group`: empty when there is one."""

    group_id: int | None
    new_group: str
    keys: Sequence[Sequence[str]]
    were_there: int
    repeats: int
    rejects: int

    def group(self) -> Group | None:
        """None when it was deleted meanwhile."""
        if self.new_group or self.group_id is None:
            return Group(name=self.new_group, rate_limit_policy=POLICY_OF_NEW_GROUPS)
        return Group.objects.filter(pk=self.group_id).first()


class BulkAdd(PooledAdmin[ApiKey]):
    @method_decorator((never_cache, sensitive_post_parameters()))
    def bulk_add_view(self, request: HttpRequest) -> HttpResponse:
        if not self.has_add_permission(request):
            raise PermissionDenied
        if "carried" in request.POST:
            return self._save(request)
        form = BulkAddForm(request)
        if request.method == "POST" and form.is_valid():
            return self._page(request, "review", _reviewed(request, form))
        return self._page(request, "paste", {"form": form})

    def _page(self, request: HttpRequest, step: str, context: dict[str, Any]) -> HttpResponse:
        site = self.admin_site.each_context(request)
        own = {"title": _("Add many keys"), "opts": self.opts, "media": self.media}
        return TemplateResponse(
            request, f"admin/proxyapp/apikey/bulk_add_{step}.html", {**site, **own, **context}
        )

    def _save(self, request: HttpRequest) -> HttpResponse:
        content = unseal(request.POST["carried"], request.user.pk)
        carried = Carried(*content) if content else None
        group = carried.group() if carried else None
        if carried is None or group is None:
            return self._again(request, TOO_LATE)
        if group.pk is None and not request.user.has_perm("proxyapp.add_group"):
            raise PermissionDenied
        chosen = (carried.keys[number] for number in _ticked(request, len(carried.keys)))
        taken = [NewKey(secret, name, project) for secret, name, project in chosen]
        if not taken:
            return self._again(request, _("No key was ticked: nothing was added."))
        try:
            added = add_keys(request, group, taken)
        except IntegrityError:
            return self._again(request, IN_BETWEEN)
        level = messages.SUCCESS if added.keys else messages.WARNING
        self.message_user(
            request, _told(carried, added, group, len(carried.keys) - len(taken)), level
        )
        if "test" in request.POST and added.keys and self.has_change_permission(request):
            return begin_test(request, [key.pk for key in added.keys])
        listed = reverse("admin:proxyapp_apikey_changelist")
        return HttpResponseRedirect(f"{listed}?{urlencode({'group__id__exact': group.pk})}")

    def _again(self, request: HttpRequest, problem: str | Promise) -> HttpResponse:
        self.message_user(request, str(problem), messages.ERROR)
        return HttpResponseRedirect(reverse("admin:proxyapp_apikey_bulk_add"))


def _reviewed(request: HttpRequest, form: BulkAddForm) -> dict[str, Any]:
    found, wanted = form.found, form.cleaned_data
    group: Group = wanted["group"] or Group(name=wanted["new_group"])
    known = groups_of([key.secret for key in found.keys])
    keys = list(_labelled([key for key in found.keys if key.secret not in known], group, wanted))
    there = [
        Refused(key.line, key.masked, _("in group %(group)s") % {"group": known[key.secret]})
        for key in found.keys
        if key.secret in known
    ]
    twice = [Refused(key.line, key.masked, _("given twice")) for key in found.repeats]
    secrets = [(key.secret, key.name, key.project) for key in keys]
    new_name = "" if group.pk else group.name
    carried = Carried(
        group.pk, new_name, secrets, len(there), len(found.repeats), len(found.rejects)
    )
    return {
        "group": group,
        "review": Review(keys, there + twice, [_refused(reject) for reject in found.rejects]),
        "shown_refusals": SHOWN_REFUSALS,
        "carried": seal(carried, request.user.pk),
    }


def _refused(reject: Reject) -> Refused:
    return Refused(reject.line, reject.shown or masked_key(""), _(reject.reason))


def _labelled(keys: Sequence[FoundKey], group: Group, wanted: dict[str, Any]) -> Iterator[FoundKey]:
    """Those without a name or project get the form's; numbers go on behind the group's."""
    prefix: str = wanted["name_prefix"]
    number = numbered_from(prefix, group) if prefix else 0
    for key in keys:
        name = key.name
        if not name and prefix and not key.doubt:
            name, number = f"{prefix}{number}"[:MAX_NAME_LENGTH], number + 1
        yield FoundKey(key.secret, key.line, name, key.project or wanted["project"], key.doubt)


def _ticked(request: HttpRequest, count: int) -> list[int]:
    numbers = {
        int(number)
        for number in request.POST.getlist("take")
        if number.isdecimal() and len(number) < 10
    }
    return sorted(number for number in numbers if number < count)


def _told(carried: Carried, added: Added, group: Group, left_out: int) -> str:
    """`Added 12 keys to default-gemini; 3 were there already; 1 line was no key.`"""
    count, there = len(added.keys), carried.were_there + added.were_there
    told = ngettext("Added %(count)d key to %(group)s", "Added %(count)d keys to %(group)s", count)
    parts = [told % {"count": count, "group": group.name}]
    for number, text in (
        (there, ngettext("%(count)d was there already", "%(count)d were there already", there)),
        (
            carried.repeats,
            ngettext("%(count)d was given twice", "%(count)d were given twice", carried.repeats),
        ),
        (left_out, ngettext("%(count)d was left out", "%(count)d were left out", left_out)),
        (
            carried.rejects,
            ngettext("%(count)d line was no key", "%(count)d lines were no key", carried.rejects),
        ),
    ):
        if number:
            parts.append(text % {"count": number})
    return _("%(sentence)s.") % {"sentence": pgettext("between clauses", "; ").join(parts)}
