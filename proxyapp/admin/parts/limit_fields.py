"""What forms ask of limits, of a group, a project and a key alike."""

from typing import Any, TypeVar

from django.db.models import Model
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from proxyapp.admin.parts.model_lines import ModelLinesField, refuse_lines
from proxyapp.admin.parts.unfold_typed import ModelForm
from proxyapp.vocabulary.limit_lines import EXAMPLE_LINE, limit_lines, limits_of_lines
from proxyapp.vocabulary.limits import METERS, Limits
from proxyapp.vocabulary.quoting import quoted

LIMIT_FIELDS = ("tier", "limits", "max_concurrent")

Row = TypeVar("Row", bound=Model)


class LimitsForm(ModelForm[Row]):
    """What a script's form does not send stays as it was."""

    limits = ModelLinesField(EXAMPLE_LINE, label=gettext_lazy("Limits"))

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.initial["limits"] = "\n".join(limit_lines(getattr(self.instance, "limits", {})))
        if "limits" in self.fields:
            column = self.instance._meta.get_field("limits")
            self.fields["limits"].help_text = _("%(help)s Limits are %(limits)s.") % {
                "help": getattr(column, "help_text", ""),
                "limits": ", ".join(METERS),
            }

    def clean_limits(self) -> Limits:
        return refuse_lines(limits_of_lines, self.cleaned_data["limits"])

    def clean(self) -> dict[str, Any] | None:
        cleaned = super().clean()
        for name in LIMIT_FIELDS:
            if name in self.cleaned_data and self.add_prefix(name) not in self.data:
                self.cleaned_data[name] = getattr(self.instance, name)
        return cleaned


def described_limits(limits: Limits) -> str:
    return f"limits: {quoted('; '.join(limit_lines(limits)) or 'none')}"
