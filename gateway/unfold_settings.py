"""How the admin looks, and what is in its sidebar. No page loads anything from another host."""

from collections.abc import Callable
from typing import Any

from django.http import HttpRequest
from django.templatetags.static import static
from django.urls import reverse_lazy
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

Item = dict[str, Any]

STEEL_BLUE = {
    "50": "oklch(97.7% .013 240)",
    "100": "oklch(94.8% .028 240)",
    "200": "oklch(89.6% .055 240)",
    "300": "oklch(82% .095 240)",
    "400": "oklch(73.5% .125 241)",
    "500": "oklch(66% .135 242)",
    "600": "oklch(51.5% .125 244)",
    "700": "oklch(45.5% .112 245)",
    "800": "oklch(39.5% .095 246)",
    "900": "oklch(34.5% .078 247)",
    "950": "oklch(26% .058 248)",
}


def may(permission: str) -> Callable[[HttpRequest], bool]:
    return lambda request: request.user.has_perm(permission)


def own_file(name: str) -> Callable[[HttpRequest], str]:
    return lambda request: static(f"proxyapp/{name}")


def page(title: str | Promise, icon: str, url_name: str, permission: str = "") -> Item:
    """An entry of the sidebar.

    `icon` is the name of a Material Symbol; without a permission every operator sees it.
    """
    item: Item = {"title": title, "icon": icon, "link": reverse_lazy(f"admin:{url_name}")}
    return item | ({"permission": may(permission)} if permission else {})


SCRIPTS = (
    "expressions.js",
    "words.js",
    "elements.js",
    "numbers.js",
    "times.js",
    "live.js",
    "keylist.js",
    "finder.js",
    "forms.js",
    "admin.js",
)

UNFOLD: dict[str, Any] = {
    "SITE_TITLE": "Gemini Key Gateway",
    "SITE_HEADER": "Gemini Key Gateway",
    "SITE_SUBHEADER": "",
    "SITE_SYMBOL": "key",
    "SITE_URL": None,  # "/" is proxied: there is no site to view
    "SITE_FAVICONS": [{"rel": "icon", "type": "image/svg+xml", "href": own_file("icon.svg")}],
    "SHOW_VIEW_ON_SITE": False,
    "COLORS": {"primary": STEEL_BLUE},
    "STYLES": [own_file("colours.css"), own_file("admin.css"), own_file("frame.css")],
    "SCRIPTS": [own_file(name) for name in SCRIPTS],
    "ACCOUNT": {
        "navigation": [
            {"title": _("Change password"), "link": reverse_lazy("admin:password_change")},
            {"title": _("Second factor"), "link": reverse_lazy("second_factor_set_up")},
        ]
    },
    "DASHBOARD_CALLBACK": "proxyapp.admin.dashboard.context",
    "SIDEBAR": {
        "navigation": [
            {"items": [page(_("Dashboard"), "dashboard", "index")]},
            {
                "title": _("Gateway"),
                "items": [
                    page(_("Keys"), "key", "proxyapp_apikey_changelist", "proxyapp.view_apikey"),
                    page(
                        _("Groups"),
                        "folder_open",
                        "proxyapp_group_changelist",
                        "proxyapp.view_group",
                    ),
                    page(_("Requests"), "list_alt", "requests", "proxyapp.view_requestlogentry"),
                    page(
                        _("Events"),
                        "timer_off",
                        "proxyapp_ratelimitevent_changelist",
                        "proxyapp.view_ratelimitevent",
                    ),
                    page(
                        _("Usage"),
                        "monitoring",
                        "usage",
                        "proxyapp.view_hourlyusage",
                    ),
                    page(
                        _("Resources"),
                        "inventory_2",
                        "proxyapp_resource_changelist",
                        "proxyapp.view_resource",
                    ),
                    page(
                        _("Alerts"),
                        "notifications",
                        "proxyapp_alertchannel_changelist",
                        "proxyapp.view_alertchannel",
                    ),
                    page(
                        _("Import / export"), "swap_vert", "import_config", "proxyapp.import_config"
                    ),
                    page(
                        _("Audit log"),
                        "history",
                        "proxyapp_auditentry_changelist",
                        "proxyapp.view_auditentry",
                    ),
                ],
            },
            {
                "title": _("Access"),
                "separator": True,
                "items": [
                    page(
                        _("Client tokens"),
                        "badge",
                        "proxyapp_clienttoken_changelist",
                        "proxyapp.view_clienttoken",
                    ),
                    page(
                        _("Operator tokens"),
                        "terminal",
                        "proxyapp_operatortoken_changelist",
                        "proxyapp.view_operatortoken",
                    ),
                    page(_("Users"), "person", "auth_user_changelist", "auth.view_user"),
                    page(_("Roles"), "shield_person", "auth_group_changelist", "auth.view_group"),
                ],
            },
        ],
    },
}
