"""The requests that a page's filters choose, as a file for spreadsheets."""

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse

from proxyapp.admin.records.requests import RequestForm, let_in
from proxyapp.operators.request_csv import MOST, requests_csv
from proxyapp.operators.request_search import find_requests

# Longer than a page looks: nobody goes on from the end of a file.
LOOKING_SECONDS = 5.0


def requests_csv_view(request: HttpRequest) -> HttpResponse:
    """The newest, from the newest on; its name says when there are more. What cannot be chosen is
    said on the page.
    """
    let_in(request)
    choice = RequestForm(request.GET).choice()
    if choice is None:
        return HttpResponseRedirect(f"{reverse('admin:requests')}?{request.GET.urlencode()}")
    found = find_requests(choice, MOST, seconds=LOOKING_SECONDS)
    headers = {"Cache-Control": "no-store"}
    response = HttpResponse(requests_csv(found.rows), "text/csv; charset=utf-8", headers=headers)
    name = "requests-newest.csv" if found.next_id else "requests.csv"
    response["Content-Disposition"] = f'attachment; filename="{name}"'
    return response
