"""The first step of a bulk add: which group, and the text or the file with the keys."""

from typing import TYPE_CHECKING, Any

from django import forms
from django.core.exceptions import ValidationError
from django.core.files.uploadedfile import UploadedFile
from django.http import HttpRequest
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.widgets import UnfoldAdminFileFieldWidget, UnfoldAdminSelectWidget

from proxyapp.admin.parts.pooled import refuse_if
from proxyapp.admin.parts.unfold_typed import TextInput
from proxyapp.config.pasted_keys import Found, find_keys
from proxyapp.models import Group
from proxyapp.vocabulary.checks import MAX_NAME_LENGTH, check_group_name, check_label
from proxyapp.vocabulary.sizes import mib, too_large

if TYPE_CHECKING:
    from django.contrib.admin.widgets import AdminTextareaWidget as Textarea
else:
    from unfold.widgets import UnfoldAdminTextareaWidget as Textarea

# Below Django's limit of a form (2.5 MB), also when the keys go on sealed to the next step.
MAX_BYTES = 1024 * 1024
# All are on the page for review.
MAX_KEYS = 5000
# A name that is given to many keys gets a number behind it.
DIGITS_OF_NUMBER = 6
FIRST_GROUP = "default-gemini"


class WriteOnlyTextarea(Textarea):
    """Never renders what it holds, not even when the form comes back with an error."""

    def format_value(self, value: Any) -> None:
        return None


class BulkAddForm(forms.Form):
    group = forms.ModelChoiceField(
        Group.objects.defer("proxy_url", "proxy_pool"),
        required=False,
        label=gettext_lazy("Group"),
        empty_label=gettext_lazy("A new group"),
        widget=UnfoldAdminSelectWidget,
    )
    new_group = forms.CharField(
        required=False,
        label=gettext_lazy("Name of the new group"),
        widget=TextInput,
        help_text=gettext_lazy(
            "It goes to the Gemini API and is quota_aware; its target, proxy and policy can be"
            " changed on its page."
        ),
    )
    project = forms.CharField(
        required=False,
        label=gettext_lazy("Project"),
        max_length=MAX_NAME_LENGTH,
        widget=TextInput,
        help_text=gettext_lazy(
            "For keys that come without one. Keys of one project share their quota."
        ),
    )
    name_prefix = forms.CharField(
        required=False,
        label=gettext_lazy("Name prefix"),
        max_length=MAX_NAME_LENGTH - DIGITS_OF_NUMBER,
        widget=TextInput,
        help_text=gettext_lazy(
            "Keys that come without a name are numbered: laptop- makes laptop-1, laptop-2, …"
        ),
    )
    text = forms.CharField(
        required=False,
        label=gettext_lazy("Keys"),
        widget=WriteOnlyTextarea(
            {
                "rows": 10,
                "autocomplete": "off",
                "spellcheck": "false",
                "class": "key-paste",
                "autocapitalize": "off",
            }
        ),
        help_text=gettext_lazy(
            "Any text: a key a line, commas, JSON, YAML, .env lines, or CSV with a header"
            " key,name,project. The next page shows what was found before anything is saved."
        ),
    )
    file = forms.FileField(
        required=False,
        label=gettext_lazy("Or a file"),
        widget=UnfoldAdminFileFieldWidget({"accept": ".yaml,.yml,.json,.csv,.txt,.env,text/*"}),
    )

    def __init__(self, request: HttpRequest) -> None:
        posted = request.POST if request.method == "POST" else None
        group = Group.objects.order_by("position", "id").values_list("pk", flat=True).first()
        chosen = {
            "group": request.GET.get("group", group),
            "new_group": "" if group else FIRST_GROUP,
        }
        super().__init__(posted, request.FILES or None, initial=chosen)
        size = {"size": mib(MAX_BYTES)}
        help_text = _("YAML, JSON, CSV or text of at most %(size)s MiB.") % size
        self.fields["file"].help_text = help_text
        self.found = Found()
        if not request.user.has_perm("proxyapp.add_group"):
            del self.fields["new_group"]
            self.fields["group"].required = True

    def clean_new_group(self) -> str:
        name = str(self.cleaned_data["new_group"]).strip()
        if name and Group.objects.filter(name__iexact=name).exists():
            raise ValidationError(
                _("There is a group of this name (case does not count): choose it above.")
            )
        return refuse_if(check_group_name, name, _("The name")) if name else ""

    def clean_project(self) -> str:
        return refuse_if(check_label, self.cleaned_data["project"], _("The project"))

    def clean_name_prefix(self) -> str:
        return refuse_if(check_label, self.cleaned_data["name_prefix"], _("The prefix"))

    def clean_file(self) -> str:
        """Its text."""
        file: UploadedFile | None = self.cleaned_data["file"]
        if file is None:
            return ""
        _refuse_large(_("The file"), file.size or 0)
        try:
            return bytes(file.read()).decode("utf-8-sig")
        except UnicodeDecodeError:
            raise ValidationError(_("The file is not text in UTF-8.")) from None

    def clean_text(self) -> str:
        text: str = self.cleaned_data["text"]
        _refuse_large(_("The text"), len(text.encode()))
        return text

    def clean(self) -> dict[str, Any]:
        self._clean_group()
        if not self.errors:
            self._find()
        return self.cleaned_data

    def _clean_group(self) -> None:
        chosen, new = (self.cleaned_data.get(field) for field in ("group", "new_group"))
        if "new_group" not in self.fields or self.has_error("group") or self.has_error("new_group"):
            return
        if chosen and new:
            self.add_error("new_group", _("Choose a group or name a new one, not both."))
        elif not chosen and not new:
            self.add_error("group", _("Choose a group, or name a new one."))

    def _find(self) -> None:
        text, file = self.cleaned_data["text"], self.cleaned_data["file"]
        if bool(text.strip()) == bool(file.strip()):
            problem = (
                _("Paste keys or choose a file, not both.")
                if file
                else _("Paste some keys, or choose a file.")
            )
            raise ValidationError({"text": problem})
        group = self.cleaned_data["group"] or Group()
        self.found = find_keys(text or file, group.target_url)
        if len(self.found.keys) > MAX_KEYS:
            problem = _(
                "%(count)s keys; %(most)s are added at once at most. You can add the keys in parts,"
                " or as a config file on the gateway's machine: `manage.py import_config FILE`."
            )
            counts = {"count": f"{len(self.found.keys):,}", "most": f"{MAX_KEYS:,}"}
            raise ValidationError({"text": problem % counts})
        if not self.found.keys and not self.found.rejects:
            raise ValidationError({"text": _("There is nothing in it.")})


def _refuse_large(what: str, size: int) -> None:
    if size > MAX_BYTES:
        problem = _(
            "%(what)s %(is_too_large)s here: add the keys in parts, or as a config file on the"
            " gateway's machine: `manage.py import_config FILE`."
        )
        raise ValidationError(problem % {"what": what, "is_too_large": too_large(size, MAX_BYTES)})
