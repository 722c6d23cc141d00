"""What holds for the column `name` of rows that are known by it."""

from django.db.models import CheckConstraint, Q, UniqueConstraint
from django.db.models.functions import Lower
from django.utils.translation import gettext_lazy as _


def one_of_each_name(constraint: str) -> UniqueConstraint:
    return UniqueConstraint(
        Lower("name"),
        name=constraint,
        violation_error_message=_("This name is taken (case does not count)."),
    )


def never_nameless(constraint: str) -> CheckConstraint:
    return CheckConstraint(condition=~Q(name=""), name=constraint)
