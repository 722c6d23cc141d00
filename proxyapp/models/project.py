"""Projects of the provider, which keys name in their labels."""

from django.db import models
from django.utils.translation import gettext_lazy as _

from proxyapp.models.quota_columns import OF_ITSELF, concurrency_column, limits_column, tier_column
from proxyapp.models.row_names import never_nameless


class Project(models.Model):
    """What an operator sets of one. Of others there are only the labels of their keys."""

    name = models.CharField(max_length=100, unique=True, help_text=_("As its keys have it."))
    tier = tier_column()
    limits = limits_column(OF_ITSELF)
    max_concurrent = concurrency_column()
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        ordering = ["name"]
        constraints = [never_nameless("project_name_not_empty")]

    def __str__(self) -> str:
        return self.name
