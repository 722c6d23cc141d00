"""Words of the admin's theme, and of Django, that our pages show and that neither translates.

`make messages` reads them here; nothing imports this file.
"""

from django.utils.translation import gettext_noop as _
from django.utils.translation import ngettext

WORDS = (
    _("After you've created a user, you’ll be able to edit more user options."),  # noqa: RUF001
    _("Apply Filters"),
    _("Choose file to upload"),
    _("Date"),
    _("Date from"),
    _("Date to"),
    _("Expand row"),
    _("False"),
    _("General"),
    _("Go back"),
    _("More actions"),
    _("No data"),
    _("Non field specific"),
    _(
        "Raw passwords are not stored, so there is no way to see this user’s password, but you can"  # noqa: RUF001
        ' change the password using <a href="{}" class="text-primary-600 dark:text-primary-500">'
        "this form</a>."
    ),
    _("Run"),
    _("Select action"),
    _("Select action to run"),
    _("Select all rows"),
    _("Select record"),
    _("Select value"),
    _("To"),
    _("Toggle password visibility"),
    _("True"),
    _("Type to search"),
    _("Value"),
    _("Welcome"),
    _("Welcome back to"),
    _("You have been successfully logged out from the administration"),
)


def counted(count: int) -> str:
    return ngettext("Please correct the error below.", "Please correct the errors below.", count)
