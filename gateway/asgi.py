"""The ASGI application: the gateway's own pages go to Django, everything else is proxied."""

import os
import sys

import django

from gateway import system

system.refuse_foreign()
system.leave_out_unused()
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "gateway.settings")
django.setup()

from gateway import compiled  # noqa: E402
from gateway.dispatch import Dispatcher  # noqa: E402 (Django has to be set up first)
from proxyapp.server.daphne_access_log import leave_out_queries  # noqa: E402

leave_out_queries()
if compiled.is_trouble() and sys.argv[1:2] != ["serve"]:  # which says so itself
    print(compiled.told(), file=sys.stderr, flush=True)

application = Dispatcher()
