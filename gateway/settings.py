"""Django settings.

Every value that an operator may change is read from the environment or from `.env`.
"""

import re
import ssl
import warnings
from datetime import time
from ipaddress import ip_network
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from django.core.exceptions import ImproperlyConfigured

from gateway import start_environment as start_environment  # before `.env` is read
from gateway.environment import Environment
from gateway.secret_key import load_or_create
from gateway.unfold_settings import UNFOLD as UNFOLD

BASE_DIR = Path(__file__).resolve().parent.parent

env = Environment()
ENV_FILE = Path(env.str("ENV_FILE", default=str(BASE_DIR / ".env")))
env.read_file(ENV_FILE, is_named=bool(env.ENVIRON.get("ENV_FILE")))

DEBUG = env.bool("DEBUG", default=False)
VAR_DIR = Path(env.str("VAR_DIR", default=str(BASE_DIR / "var"))).absolute()
LOG_LEVEL = env.str("LOG_LEVEL", default="INFO").upper()

# Secrets: the current one signs sessions and encrypts API keys, the fallbacks only decrypt.
SECRET_KEY = env.str("SECRET_KEY", default="")
SECRET_KEY_FALLBACKS = env.list("SECRET_KEY_FALLBACKS", default=[])
if not SECRET_KEY and not env.problems:  # a wrong ENV_FILE may be why there is none
    try:
        SECRET_KEY, *older = load_or_create(VAR_DIR / "secret_key") or [""]
    except OSError as error:
        raise ImproperlyConfigured(
            f"VAR_DIR={str(VAR_DIR)!r} cannot be used: {error.strerror}: {error.filename}. "
            "The user who runs the gateway has to own it; or choose another directory"
        ) from None
    SECRET_KEY_FALLBACKS = [*SECRET_KEY_FALLBACKS, *older]
SALT_KEY = "gemini-key-gateway.api-key"

# Who the admin believes, and under which names it answers. `serve` adds the address that it listens
# on.
HOSTS_ARE_CONFIGURED = bool(env.list("ALLOWED_HOSTS", default=[]))
ALLOWED_HOSTS = env.list("ALLOWED_HOSTS", default=[]) or ["localhost", "127.0.0.1", "[::1]"]
CSRF_TRUSTED_ORIGINS = env.list("CSRF_TRUSTED_ORIGINS", default=[])
TRUSTED_PROXIES = env.list("TRUSTED_PROXIES", default=[])
BEHIND_TLS = env.bool("BEHIND_TLS", default=False)

# Signing in.
LOGIN_FAILURES = env.int("LOGIN_FAILURES", default=5)
LOGIN_COOLOFF_MINUTES = env.float("LOGIN_COOLOFF_MINUTES", default=15.0)
SESSION_IDLE_HOURS = env.float("SESSION_IDLE_HOURS", default=12.0)
SESSION_LIFETIME_DAYS = env.float("SESSION_LIFETIME_DAYS", default=7.0)
REQUIRE_TOTP = env.bool("REQUIRE_TOTP", default=False)

# Whether clients may do without a token, wherever they come from.
ALLOW_ANONYMOUS = env.bool("ALLOW_ANONYMOUS", default=False)

# Rotation and cooldowns.
ROTATION_LEASE = env.int("ROTATION_LEASE", default=0)
RATE_LIMIT_RESET_TIME = env.str("RATE_LIMIT_RESET_TIME", default="10:00")
RATE_LIMIT_RESET_TZ = env.str("RATE_LIMIT_RESET_TZ", default="Europe/Moscow")
MAX_ATTEMPTS = env.int("MAX_ATTEMPTS", default=10)
QUEUE_SECONDS = env.float("QUEUE_SECONDS", default=0.0)

# Forwarding.
MAX_BODY_BYTES = env.int("MAX_BODY_BYTES", default=100 * 1024 * 1024)
MAX_MEMORY_BODY_BYTES = env.int("MAX_MEMORY_BODY_BYTES", default=1024 * 1024)
HEADER_TIMEOUT_SECONDS = env.float("HEADER_TIMEOUT_SECONDS", default=30.0)
BODY_TIMEOUT_SECONDS = env.float("BODY_TIMEOUT_SECONDS", default=60.0)
STALL_TIMEOUT_SECONDS = env.float("STALL_TIMEOUT_SECONDS", default=300.0)
CONNECT_TIMEOUT_SECONDS = env.float("CONNECT_TIMEOUT_SECONDS", default=10.0)
READ_TIMEOUT_SECONDS = env.float("READ_TIMEOUT_SECONDS", default=300.0)
KEEPALIVE_SECONDS = env.float("KEEPALIVE_SECONDS", default=15.0)
SHUTDOWN_TIMEOUT_SECONDS = env.float("SHUTDOWN_TIMEOUT_SECONDS", default=30.0)
RESTART_TIMEOUT_SECONDS = env.float("RESTART_TIMEOUT_SECONDS", default=300.0)
TRUST_ENVIRONMENT_PROXIES = env.bool("TRUST_ENVIRONMENT_PROXIES", default=False)
UPSTREAM_CA_FILE = env.str("UPSTREAM_CA_FILE", default="")
SQLITE_TIMEOUT_SECONDS = env.float("SQLITE_TIMEOUT_SECONDS", default=10.0)

# What is kept, in days.
EVENT_RETENTION_DAYS = env.int("EVENT_RETENTION_DAYS", default=30)
HOURLY_USAGE_DAYS = env.int("HOURLY_USAGE_DAYS", default=90)
DAILY_USAGE_DAYS = env.int("DAILY_USAGE_DAYS", default=730)
AUDIT_RETENTION_DAYS = env.int("AUDIT_RETENTION_DAYS", default=365)

POSITIVE = (
    "MAX_ATTEMPTS",
    "MAX_BODY_BYTES",
    "MAX_MEMORY_BODY_BYTES",
    "HEADER_TIMEOUT_SECONDS",
    "BODY_TIMEOUT_SECONDS",
    "STALL_TIMEOUT_SECONDS",
    "CONNECT_TIMEOUT_SECONDS",
    "READ_TIMEOUT_SECONDS",
    "KEEPALIVE_SECONDS",
    "SHUTDOWN_TIMEOUT_SECONDS",
    "RESTART_TIMEOUT_SECONDS",
    "SQLITE_TIMEOUT_SECONDS",
    "EVENT_RETENTION_DAYS",
    "HOURLY_USAGE_DAYS",
    "LOGIN_FAILURES",
    "LOGIN_COOLOFF_MINUTES",
    "SESSION_IDLE_HOURS",
    "SESSION_LIFETIME_DAYS",
    "DAILY_USAGE_DAYS",
    "AUDIT_RETENTION_DAYS",
)
HOST = re.compile(r"\*|\.?[^\s/:*]+|\[[0-9A-Fa-f:.]+\]")
ORIGIN = re.compile(r"https?://[^\s/]+")
LOG_LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")


def is_time_of_day(text: str) -> bool:
    try:
        return time.fromisoformat(text).tzinfo is None
    except ValueError:
        return False


def _checked() -> None:
    """Raises ImproperlyConfigured, which names the setting and what it takes, before anything
    starts on a bad value.
    """
    problems = env.problems
    if LOG_LEVEL not in LOG_LEVELS:
        problems.append(f"LOG_LEVEL={LOG_LEVEL!r} is not DEBUG, INFO, WARNING or ERROR")
    if not SECRET_KEY and not problems:
        problems.append(
            f"{VAR_DIR / 'secret_key'} is empty: delete it (a new one is made) or set SECRET_KEY"
        )
    if not is_time_of_day(RATE_LIMIT_RESET_TIME):
        problems.append(
            f"RATE_LIMIT_RESET_TIME={RATE_LIMIT_RESET_TIME!r} is not a time such as 10:00"
        )
    try:
        ZoneInfo(RATE_LIMIT_RESET_TZ)
    except (ValueError, OSError, KeyError):
        problems.append(
            f"RATE_LIMIT_RESET_TZ={RATE_LIMIT_RESET_TZ!r} is not a time zone such as Europe/Moscow"
        )
    try:
        if UPSTREAM_CA_FILE:
            ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(UPSTREAM_CA_FILE)
    except OSError:  # ssl.SSLError is one
        problems.append(
            f"UPSTREAM_CA_FILE={UPSTREAM_CA_FILE!r} is not a readable PEM file of certificates"
        )
    for network in TRUSTED_PROXIES:
        try:
            ip_network(network)
        except ValueError:
            problems.append(
                f"TRUSTED_PROXIES: {network!r} is not an address or a network such as 10.0.0.0/8"
            )
    if BEHIND_TLS and not TRUSTED_PROXIES:
        problems.append(
            "BEHIND_TLS=true needs TRUSTED_PROXIES: the address of what ends TLS, such as 127.0.0.1"
        )
    if ROTATION_LEASE < 0:
        problems.append("ROTATION_LEASE must be 0 (whole laps) or more")
    if QUEUE_SECONDS < 0:
        problems.append("QUEUE_SECONDS must be 0 (never wait) or more")
    problems += [f"{name} must be more than 0" for name in POSITIVE if globals()[name] <= 0]
    problems += [
        f"ALLOWED_HOSTS: {host!r} is not a name such as gateway.example.com (no scheme, no port;"
        " IPv6 as [::1])"
        for host in ALLOWED_HOSTS
        if not HOST.fullmatch(host)
    ]
    problems += [
        f"CSRF_TRUSTED_ORIGINS: {origin!r} is not an origin such as https://gateway.example.com"
        for origin in CSRF_TRUSTED_ORIGINS
        if not ORIGIN.fullmatch(origin)
    ]
    if problems:
        raise ImproperlyConfigured("; ".join(problems))


_checked()

INSTALLED_APPS = [
    "gateway.daphne_app.Daphne",
    "channels",
    "unfold",
    "unfold.contrib.filters",
    "unfold.contrib.forms",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "whitenoise.runserver_nostatic",
    "django.contrib.staticfiles",
    "proxyapp",
]
MIDDLEWARE = [
    "proxyapp.admin.page_headers.PageHeaders",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "proxyapp.access.session_rules.SignedIn",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "proxyapp.admin.database_away.DatabaseAwayMiddleware",
]
ROOT_URLCONF = "gateway.urls"
ASGI_APPLICATION = "gateway.asgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ]
        },
    }
]


def _database_url() -> dict[str, Any]:
    """django-environ's own complaints repeat the URL, and with it the password."""
    try:
        with warnings.catch_warnings(action="ignore"):
            database: dict[str, Any] = env.db_url(
                "DATABASE_URL", default=f"sqlite:///{VAR_DIR / 'db.sqlite3'}"
            )
    except (ValueError, ImproperlyConfigured):
        database = {}
    is_served = database.get("ENGINE") in (
        "django.db.backends.sqlite3",
        "django.db.backends.postgresql",
    )
    if not is_served or database["NAME"] in ("", ":memory:"):
        raise ImproperlyConfigured(
            "DATABASE_URL is not a database URL such as sqlite:////path/to/file or"
            " postgresql://user:password@host:5432/name (special characters in the password are"
            " percent-encoded)"
        ) from None
    return database


# A server that is gone without a word is noticed within seconds. (psycopg's own default for a
# connection is minutes.)
POSTGRESQL_OPTIONS = {
    "connect_timeout": 3,
    "keepalives": 1,
    "keepalives_idle": 5,
    "keepalives_interval": 2,
    "keepalives_count": 3,
    "tcp_user_timeout": 10_000,
}


def _database() -> dict[str, Any]:
    """SQLite needs IMMEDIATE transactions: it ignores select_for_update, so the lock has to be
    taken at BEGIN.
    """
    database = _database_url()
    if database["ENGINE"] == "django.db.backends.sqlite3":
        directory = Path(database["NAME"]).parent
        try:
            directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise ImproperlyConfigured(
                f"DATABASE_URL: {directory} cannot be made: {error.strerror}"
            ) from None
        if options := database.pop("OPTIONS", None):
            raise ImproperlyConfigured(
                "DATABASE_URL: SQLite takes no options here, and it has"
                f" {', '.join(sorted(options))}. SQLITE_TIMEOUT_SECONDS says how long it waits"
            )
        database["ENGINE"] = "proxyapp.database.sqlite"
        database["OPTIONS"] = {
            "transaction_mode": "IMMEDIATE",
            "timeout": SQLITE_TIMEOUT_SECONDS,
            "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;",
        }
    else:
        database["OPTIONS"] = {**POSTGRESQL_OPTIONS, **database.get("OPTIONS", {})}
    database["CONN_HEALTH_CHECKS"] = True
    return database


DATABASES = {"default": _database()}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator"},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]

LANGUAGE_CODE = "en-us"
TIME_ZONE = "UTC"
USE_TZ = True
STATIC_URL = "/static/"
WHITENOISE_USE_FINDERS = True
# The admin's page that confirms an action on all of 10,000 keys sends a field for each.
DATA_UPLOAD_MAX_NUMBER_FIELDS = 20_000
LOGIN_REDIRECT_URL = "admin:index"
SESSION_ENGINE = "proxyapp.access.session_store"
SESSION_COOKIE_NAME = "gateway_session"
SESSION_COOKIE_AGE = max(1, round(SESSION_IDLE_HOURS * 3600))
CSRF_COOKIE_NAME = "gateway_csrf"
CSRF_COOKIE_HTTPONLY = True  # no script of the admin reads it
X_FRAME_OPTIONS = "DENY"
SECURE_REFERRER_POLICY = "same-origin"

# Behind TLS. What is proxied does not pass here: API clients are not redirected.
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = SECURE_SSL_REDIRECT = BEHIND_TLS
SECURE_REDIRECT_EXEMPT = [r"^metrics$"]
SECURE_HSTS_SECONDS = 365 * 24 * 3600 if BEHIND_TLS else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = BEHIND_TLS
# Whether a domain goes into the browsers' preload list is for its owner to say: that cannot be
# taken back for months.
SILENCED_SYSTEM_CHECKS = ["security.W021"]

# httpx and httpcore log whole URLs at INFO, and clients may send a key in one.
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {
        "plain": {
            "()": "proxyapp.vocabulary.log_masking.MaskingFormatter",
            "format": "%(asctime)s %(levelname)s %(name)s: %(message)s",
        }
    },
    "filters": {"refusals": {"()": "proxyapp.vocabulary.log_masking.RefusalFilter"}},
    "handlers": {
        "console": {"class": "logging.StreamHandler", "formatter": "plain", "filters": ["refusals"]}
    },
    "root": {"handlers": ["console"], "level": LOG_LEVEL},
    "loggers": {
        **{
            name: {"level": "WARNING"}
            for name in ("httpx", "httpcore", "daphne", "uvicorn.access", "asyncio")
        },
        # A traceback for each request of a scanner. Whoever asked is told what is wrong.
        "django.security.DisallowedHost": {"level": "CRITICAL"},
    },
}
