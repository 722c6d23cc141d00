"""The audit log: who did what to what, and when, however it was done.

No entry has a secret: rows are named as they name themselves (keys masked), and a detail is made of names, masked URLs
and words such as "key replaced". Entries are written in the transaction of the change that they tell of.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal

from django.conf import settings
from django.db.models import Model
from django.http import HttpRequest

from proxyapp.importreport import Report
from proxyapp.models import AuditEntry

Action = Literal[
    *("add", "change", "delete"),
    *("release", "disable", "enable", "show"),
    *("import", "export", "reencrypt", "prune"),
]
