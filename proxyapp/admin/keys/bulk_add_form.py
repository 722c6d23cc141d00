"""The first step of a bulk add: which group, and the text or the file with the keys."""

from typing import TYPE_CHECKING, Any

from django import forms
from django.core.exceptions import ValidationError
from django.core.files.uploadedfile import UploadedFile
from django.http import HttpRequest
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
INSTEAD = (
    "add the keys in parts, or as a config file on the gateway's machine: `manage.py import_config"
    " FILE`"
)


class WriteOnlyTextarea(Textarea):
    """Never renders what it holds, not even when the form comes back with an error."""

    def format_value(self, value: Any) -> None:
        return None


class BulkAddForm(forms.Form):
    group = forms.ModelChoiceField(
        Group.objects.defer("proxy_url", "proxy_pool"),
        required=False,
        empty_label="A new group",
        widget=UnfoldAdminSelectWidget,
    )
    new_group = forms.CharField(
        required=False,
        label="Name of the new group",
        widget=TextInput,
        help_text=(
            "It goes to the Gemini API and is quota_aware; its target, proxy and policy can be"
            " changed on its page."
        ),
    )
    project = forms.CharField(
        required=False,
        max_length=MAX_NAME_LENGTH,
        widget=TextInput,
        help_text="For keys that come without one. Keys of one project share their quota.",
    )
    name_prefix = forms.CharField(
        required=False,
        max_length=MAX_NAME_LENGTH - DIGITS_OF_NUMBER,
        widget=TextInput,
        help_text="Keys that come without a name are numbered: laptop- makes laptop-1, laptop-2, …",
    )
    text = forms.CharField(
        required=False,
        label="Keys",
        widget=WriteOnlyTextarea(
            {
                "rows": 10,
                "autocomplete": "off",
                "spellcheck": "false",
                "class": "key-paste",
                "autocapitalize": "off",
            }
        ),
        help_text=(
            "Any text: a key a line, commas, JSON, YAML, .env lines, or CSV with a header"
            " key,name,project. The next page shows what was found before anything is saved."
        ),
    )
    file = forms.FileField(
        required=False,
        label="Or a file",
        widget=UnfoldAdminFileFieldWidget({"accept": ".yaml,.yml,.json,.csv,.txt,.env,text/*"}),
        help_text=f"YAML, JSON, CSV or text of at most {mib(MAX_BYTES)} MiB.",
    )

    def __init__(self, request: HttpRequest) -> None:
        posted = request.POST if request.method == "POST" else None
        group = Group.objects.order_by("position", "id").values_list("pk", flat=True).first()
        chosen = {
            "group": request.GET.get("group", group),
            "new_group": "" if group else FIRST_GROUP,
        }
        super().__init__(posted, request.FILES or None, initial=chosen)
        self.found = Found()
        if not request.user.has_perm("proxyapp.add_group"):
            del self.fields["new_group"]
            self.fields["group"].required = True

    def clean_new_group(self) -> str:
        name = str(self.cleaned_data["new_group"]).strip()
        if name and Group.objects.filter(name__iexact=name).exists():
            raise ValidationError(
                "There is a group of this name (case does not count): choose it above."
            )
        return refuse_if(check_group_name, name, "The name") if name else ""

    def clean_project(self) -> str:
        return refuse_if(check_label, self.cleaned_data["project"], "The project")

    def clean_name_prefix(self) -> str:
        return refuse_if(check_label, self.cleaned_data["name_prefix"], "The prefix")

    def clean_file(self) -> str:
        """Its text."""
        file: UploadedFile | None = self.cleaned_data["file"]
        if file is None:
            return ""
        _refuse_large("The file", file.size or 0)
        try:
            return bytes(file.read()).decode("utf-8-sig")
        except UnicodeDecodeError:
            raise ValidationError("The file is not text in UTF-8.") from None

    def clean_text(self) -> str:
        text: str = self.cleaned_data["text"]
        _refuse_large("The text", len(text.encode()))
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
            self.add_error("new_group", "Choose a group or name a new one, not both.")
        elif not chosen and not new:
            self.add_error("group", "Choose a group, or name a new one.")

    def _find(self) -> None:
        text, file = self.cleaned_data["text"], self.cleaned_data["file"]
        if bool(text.strip()) == bool(file.strip()):
            problem = (
                "Paste keys or choose a file, not both."
                if file
                else "Paste some keys, or choose a file."
            )
            raise ValidationError({"text": problem})
        group = self.cleaned_data["group"] or Group()
        self.found = find_keys(text or file, group.target_url)
        if len(self.found.keys) > MAX_KEYS:
            problem = f"{len(self.found.keys):,} keys; {MAX_KEYS:,} are added at once at most."
            raise ValidationError({"text": f"{problem} You can {INSTEAD}."})
        if not self.found.keys and not self.found.rejects:
            raise ValidationError({"text": "There is nothing in it."})


def _refuse_large(what: str, size: int) -> None:
    if size > MAX_BYTES:
        raise ValidationError(f"{what} {too_large(size, MAX_BYTES)} here: {INSTEAD}.")
