"""Django's admin, its live socket, its log-in pages."""

from django.contrib import admin
from django.utils.translation import gettext_lazy as _

from proxyapp.admin import own_pages  # noqa: F401
from proxyapp.admin.alert_channels import model_admin as alerts_admin  # noqa: F401
from proxyapp.admin.client_tokens import model_admin as client_tokens_admin  # noqa: F401
from proxyapp.admin.groups import model_admin as groups_admin  # noqa: F401
from proxyapp.admin.keys import model_admin as keys_admin  # noqa: F401
from proxyapp.admin.operator_tokens import model_admin as operator_tokens_admin  # noqa: F401
from proxyapp.admin.parts import theme_colours  # noqa: F401
from proxyapp.admin.prices import model_admin as prices_admin  # noqa: F401
from proxyapp.admin.projects import model_admin as projects_admin  # noqa: F401
from proxyapp.admin.records import audit_log, events, resources, usage  # noqa: F401
from proxyapp.admin.sign_in import users  # noqa: F401

admin.site.site_header = "Gemini Key Gateway"
admin.site.site_title = "Gemini Key Gateway"
admin.site.index_title = _("Dashboard")
admin.site.site_url = None  # "/" is proxied: there is no site to view
