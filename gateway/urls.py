"""Django's routes.

Servers reach `forward` and the health pages by the fast path; these are for Django's test client.
"""

from django.contrib import admin
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.urls import path, re_path
from django.views.decorators.csrf import csrf_exempt
from django.views.i18n import set_language

from gateway.root_pages import READING, ROOT_PAGES
from proxyapp.admin.sign_in import second_factor, sign_in
from proxyapp.forwarding.views import forward, healthz, readyz
from proxyapp.management_api.entry import management_api

handler400 = "proxyapp.admin.front_advice.bad_request"
handler500 = "proxyapp.admin.database_away.server_error"


async def root_page(request: HttpRequest) -> HttpResponseBase:
    if request.method not in READING:
        return await forward(request)
    return await ROOT_PAGES[request.path_info.encode()](request)


urlpatterns = [
    path("admin/login/", sign_in.sign_in),
    path("admin/password_change/", sign_in.change_password),
    path("admin/language/", set_language, name="set_language"),
    path("admin/second-factor/", second_factor.code_view, name="second_factor"),
    path("admin/second-factor/set-up/", second_factor.set_up_view, name="second_factor_set_up"),
    path("admin/api/", management_api, {"rest": ""}, name="management_api"),
    re_path(r"^admin/api/(?P<rest>.+)$", management_api),
    path("admin/", admin.site.urls),
    path("healthz", healthz),
    path("readyz", readyz),
    *(path(page.decode()[1:], csrf_exempt(root_page)) for page in ROOT_PAGES),
    re_path(r"^(?!(?:admin|static|metrics)(?:/|$))", csrf_exempt(forward)),
]
