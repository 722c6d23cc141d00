"""After SECRET_KEY changed: everything that older secrets encrypted is written again under the current one."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from django.db import transaction

from proxyapp.applying import batches
from proxyapp.configfile import ConfigError, load
from proxyapp.imported import LastImport
from proxyapp.importing import each_key_once
from proxyapp.models import ApiKey, Group, ImportedGroup, RotationCursor
from proxyapp.pool import ALL_GROUPS
from proxyapp.sealed import UNREADABLE, keyed_hash
