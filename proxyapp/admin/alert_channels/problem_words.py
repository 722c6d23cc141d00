"""What went wrong with a message, in the page's language. It is kept in English."""

import re

from django.utils.translation import gettext

STATUS = re.compile(r"The service answered with status (\w+)\.")


def shown_problem(problem: str) -> str:
    """Empty: nothing did."""
    if found := STATUS.fullmatch(problem):
        text = gettext("The service answered with status %(status)s.")
        return text % {"status": found[1]}
    return gettext(problem) if problem else ""
