"""Django's admin for the gateway. No page shows a key or a proxy's password."""

from django.contrib import admin

from proxyapp.admin import events, groups, keys, usage

__all__ = ["events", "groups", "keys", "usage"]

admin.site.site_header = "Gemini Key Gateway"
admin.site.site_title = "Gemini Key Gateway"
admin.site.index_title = "Overview"
admin.site.site_url = None  # "/" is proxied: there is no site to view
admin.site.enable_nav_sidebar = False  # the lists need the width
