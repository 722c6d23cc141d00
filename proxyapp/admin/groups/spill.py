"""What a page says of a group that spills."""

from django.contrib import messages
from django.http import HttpRequest

from proxyapp.models.priorities import spills_to_nobody


def warn_of_spill(request: HttpRequest) -> None:
    for warning in spills_to_nobody():
        messages.warning(request, f"{warning[0].upper()}{warning[1:]}.")
