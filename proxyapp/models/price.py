"""What models cost in an operator's own words."""

from django.db import models
from django.db.models import Value
from django.utils.translation import gettext_lazy as _

from proxyapp.models.row_names import never_nameless
from proxyapp.vocabulary.model_lists import LONGEST_NAME


class ModelPrice(models.Model):
    """In place of the published price. `terms`: as `vocabulary.price_terms` has them."""

    name = models.CharField(
        "model",
        max_length=LONGEST_NAME,
        unique=True,
        help_text=_("Its name, such as gemini-2.5-flash; * for any part."),
    )
    terms = models.JSONField(
        default=dict, db_default=Value({}, output_field=models.JSONField()), editable=False
    )
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        verbose_name = "price"
        ordering = ["name"]
        constraints = [never_nameless("model_price_named")]

    def __str__(self) -> str:
        return self.name
