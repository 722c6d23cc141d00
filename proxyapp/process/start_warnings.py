"""What a start warns of: nothing that ends it, all of it for the operator to mend."""

from collections.abc import Iterator
from pathlib import Path

from django.conf import settings
from django.db import connection

from gateway import setting_checks, setting_table
from gateway.places import COMMAND
from proxyapp.models import Group
from proxyapp.operators.unreadable_secrets import unreadable_keys, unreadable_proxies, warning_of
from proxyapp.process import file_modes, tls_files
from proxyapp.process.few_names import MOST, few_names
from proxyapp.server.certificate import CertificateFiles
from proxyapp.vocabulary.choices import RateLimitPolicy
from proxyapp.vocabulary.temporary_space import shortage


def lines(config: Path, certificate: CertificateFiles | None = None) -> list[str]:
    unreadable = warning_of(unreadable_keys(), unreadable_proxies())
    return [
        *([unreadable] if unreadable else []),
        *_guessable_fallbacks(),
        *setting_table.table.misspelt(),
        *file_modes.warnings(_private_files(config)),
        *tls_files.warnings(certificate),
        *_shortages(),
    ]


def _guessable_fallbacks() -> list[str]:
    if not any(setting_checks.secret(older) for older in settings.SECRET_KEY_FALLBACKS):
        return []
    return [
        "warning: an older secret (SECRET_KEY_FALLBACKS, or below the first line of secret_key) can"
        f" be guessed, and still counts: run `{COMMAND} reencrypt`, then remove it."
    ]


def _shortages() -> list[str]:
    """A line when long request bodies cannot be kept; short ones need no room."""
    trouble, remedy = shortage(settings.TMPDIR, settings.MAX_BODY_BYTES)
    if not trouble:
        return []
    return [
        f"warning: request bodies of more than {settings.MAX_MEMORY_BODY_BYTES} bytes wait in"
        f" {settings.TMPDIR}, and {trouble}. To mend it, {remedy}."
    ]


def _private_files(config: Path) -> Iterator[Path]:
    yield from (config, settings.ENV_FILE, settings.VAR_DIR, settings.VAR_DIR / "secret_key")
    if connection.vendor == "sqlite":
        yield Path(connection.settings_dict["NAME"])
        yield Path(f"{connection.settings_dict['NAME']}-wal")  # keeps the mode that it began with


def what_daily_costs() -> list[str]:
    groups = Group.objects.filter(rate_limit_policy=RateLimitPolicy.DAILY)
    names = list(groups.values_list("name", flat=True)[: MOST + 1])
    if not names:
        return []
    reset = f"{settings.RATE_LIMIT_RESET_TIME} {settings.RATE_LIMIT_RESET_TZ}"
    return [
        f"rate_limit_policy daily ({few_names(names)}): any 429 takes a key out"
        f" until {reset}; quota_aware waits as long as the limit lasts."
    ]
