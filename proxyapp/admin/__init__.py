"""Django's admin for the gateway. No page shows a key or a proxy's password."""

from django.contrib import admin

from proxyapp.admin import accounts, events, groups, keys, usage

__all__ = ["accounts", "events", "groups", "keys", "usage"]

admin.site.site_header = "Gemini Key Gateway"
admin.site.site_title = "Gemini Key Gateway"
admin.site.index_title = "Dashboard"
admin.site.site_url = None  # "/" is proxied: there is no site to view
