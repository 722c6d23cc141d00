"""Pages of the admin that are no list of rows."""

from django.contrib import admin
from django.urls import URLPattern, path

from proxyapp.admin.finder import find_view
from proxyapp.admin.import_export import export_view, import_view
from proxyapp.admin.keys.test_page import key_test_view
from proxyapp.admin.page_session import page_session_view
from proxyapp.admin.records.explain import explain_view
from proxyapp.admin.records.outcomes import outcomes_view
from proxyapp.admin.records.prices import prices_view
from proxyapp.admin.records.quota import quota_view
from proxyapp.admin.records.requests import request_view, requests_view
from proxyapp.admin.records.requests_file import requests_csv_view
from proxyapp.admin.records.usage_page import usage_csv_view, usage_view


def pages() -> list[URLPattern]:
    return [
        path("find/", admin.site.admin_view(find_view), name="find"),
        path("import-export/", admin.site.admin_view(import_view), name="import_config"),
        path("import-export/config.yaml", admin.site.admin_view(export_view), name="export_config"),
        path("key-test/", admin.site.admin_view(key_test_view), name="key_test"),
        path("outcomes.json", admin.site.admin_view(outcomes_view), name="outcomes"),
        path("page-session/", admin.site.admin_view(page_session_view), name="page_session"),
        path("requests/", admin.site.admin_view(requests_view), name="requests"),
        path("requests/<int:entry_id>/", admin.site.admin_view(request_view), name="request"),
        path(
            "requests/requests.csv", admin.site.admin_view(requests_csv_view), name="requests_csv"
        ),
        path("usage/", admin.site.admin_view(usage_view), name="usage"),
        path("usage/usage.csv", admin.site.admin_view(usage_csv_view), name="usage_csv"),
        path("usage/prices/", admin.site.admin_view(prices_view), name="prices"),
        path("quota/", admin.site.admin_view(quota_view), name="quota"),
        path("quota/which-key/", admin.site.admin_view(explain_view), name="explain"),
    ]


setattr(admin.site, "extra_urls", pages)  # noqa: B010  # the theme's site asks for it, which Django's types do not know
