"""Daphne as an app, for its `runserver`, without its server, whose import is half of a start.

Daphne's own AppConfig imports the server so that its reactor is there before any other package asks
for one; here `proxyapp.server.reactor` sees to that.
"""

from django.apps import AppConfig


class Daphne(AppConfig):
    name = "daphne"
    verbose_name = "Daphne"
