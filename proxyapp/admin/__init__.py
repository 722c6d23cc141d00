"""Django's admin for the gateway. No page shows a proxy's password, and only one, on demand, a key."""

from django.contrib import admin

from proxyapp.admin import accounts, audit, clienttokens, colours, events, groups, importexport, keys, usage

__all__ = ["accounts", "audit", "clienttokens", "colours", "events", "groups", "importexport", "keys", "usage"]

admin.site.site_header = "Gemini Key Gateway"
admin.site.site_title = "Gemini Key Gateway"
admin.site.index_title = "Dashboard"
admin.site.site_url = None  # "/" is proxied: there is no site to view
