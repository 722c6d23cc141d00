"""What a process of the gateway imports, with Django set up, for programs that are forked from it.

Django's settings, which its models cannot do without, are read here for an environment that says
nothing, and then forgotten: each fork reads those of its own environment, as a fresh process does.
What keeps what it read there, and the servers, are left to the forks.
"""

import importlib
import os
import pkgutil
import sys
import tempfile
from unittest.mock import patch

from django.apps import apps
from django.conf import settings
from django.db import connections
from django.utils.functional import empty

SETTINGS = "gateway.settings"
OF_THE_ENVIRONMENT = (SETTINGS, "gateway.setting_table")
PREPARED = (
    "django.contrib.admin.sites",
    "django.core.management.commands.migrate",
    "gateway.dispatch",
    "gateway.urls",
    "proxyapp.config.importing",
    "proxyapp.process.bootstrap",
    "proxyapp.process.file_modes",
    "proxyapp.process.greeting",
    "proxyapp.process.listen_address",
    "proxyapp.process.serving",
    "proxyapp.process.start_lock",
    "proxyapp.process.supervision",
    "proxyapp.process.tls_files",
    "proxyapp.process.worker",
)


def prepare() -> None:
    with tempfile.TemporaryDirectory(prefix="gateway-prepared-") as directory:
        said_nothing = {
            "DJANGO_SETTINGS_MODULE": SETTINGS,
            "ENV_FILE": os.devnull,
            "VAR_DIR": directory,
        }
        with patch.dict(os.environ, said_nothing):
            apps.populate(settings.INSTALLED_APPS)
            for module in PREPARED:
                importlib.import_module(module)
    for app in apps.get_app_configs():
        _import_migrations(f"{app.name}.migrations")
    _forget()


def _import_migrations(package: str) -> None:
    try:
        found = importlib.import_module(package)
    except ModuleNotFoundError:
        return
    for module in pkgutil.iter_modules(found.__path__):
        importlib.import_module(f"{package}.{module.name}")


def _forget() -> None:
    """The settings, where they stood, and the databases that they named."""
    for name in OF_THE_ENVIRONMENT:
        del sys.modules[name]
        package, _, module = name.rpartition(".")
        vars(sys.modules[package]).pop(module, None)
    settings._wrapped = empty
    for connection in connections.all(initialized_only=True):
        del connections[connection.alias]
    vars(connections).pop("settings", None)
    vars(connections)["_settings"] = None


prepare()
