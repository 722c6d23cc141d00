"""The form of a project."""

from django.utils.translation import gettext as _

from proxyapp.admin.parts.limit_fields import LimitsForm
from proxyapp.admin.parts.pooled import refuse_if
from proxyapp.models import Project
from proxyapp.vocabulary.checks import check_group_name
from proxyapp.vocabulary.project_fields import PROJECT_FIELDS


class ProjectForm(LimitsForm[Project]):
    class Meta:
        model = Project
        fields = [field.name for field in PROJECT_FIELDS]

    def clean_name(self) -> str:
        return refuse_if(check_group_name, self.cleaned_data["name"].strip(), _("The name"))
