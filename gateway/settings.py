"""Django settings.

Every value that an operator may change has its row in `gateway.setting_table`.
"""

from django.core.exceptions import ImproperlyConfigured

from gateway import setting_table as given
from gateway.database import configured_database
from gateway.path_prefix import settings_below
from gateway.places import PAGES
from gateway.secret_key import secrets_of
from gateway.setting_table import *  # noqa: F403 (a new row is a setting at once)
from gateway.unfold_settings import UNFOLD as UNFOLD
from proxyapp.vocabulary.choices import LANGUAGES as OFFERED
from proxyapp.vocabulary.languages import PLAIN

problems = given.env.problems
if given.BEHIND_TLS and not given.TRUSTED_PROXIES:
    problems.append(
        "BEHIND_TLS=true needs TRUSTED_PROXIES: the address of what ends TLS, such as 127.0.0.1"
    )
if problems:
    raise ImproperlyConfigured("; ".join(problems))

SECRET_KEY, *SECRET_KEY_FALLBACKS = secrets_of(
    given.SECRET_KEY, given.SECRET_KEY_FALLBACKS, given.VAR_DIR
)
SALT_KEY = "gemini-key-gateway.api-key"

HOSTS_ARE_CONFIGURED = bool(given.ALLOWED_HOSTS)
ALLOWED_HOSTS = given.ALLOWED_HOSTS or ["localhost", "127.0.0.1", "[::1]"]

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
    "proxyapp.admin.front_advice.BehindTlsMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "gateway.static_files.StaticFiles",
    "proxyapp.admin.compression.CompressedPages",
    "proxyapp.admin.languages.PageLanguage",
    "proxyapp.admin.page_connections.ReleasedConnection",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "proxyapp.access.session_rules.SignedIn",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "proxyapp.admin.database_away.DatabaseAwayMiddleware",
]
LISTEN_PORTS: list[int] = []  # `serve` says which
ROOT_URLCONF = "gateway.urls"
ASGI_APPLICATION = "gateway.asgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [PAGES],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
            "libraries": {"crumbs": "proxyapp.admin.parts.crumbs"},
        },
    }
]


DATABASES = {"default": configured_database(given.database_url, given.SQLITE_TIMEOUT_SECONDS)}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator"},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]

# What is no page: logs, commands, what programs get. Of pages `proxyapp.admin.languages` decides.
LANGUAGE_CODE = PLAIN
LANGUAGES = list(OFFERED.items())
LOCALE_PATHS = [given.BASE_DIR / "gateway" / "locale"]  # before Django's own words
FORMAT_MODULE_PATH = ["gateway.locale"]
LANGUAGE_COOKIE_NAME = "gateway_language"
LANGUAGE_COOKIE_AGE = 365 * 24 * 3600
LANGUAGE_COOKIE_HTTPONLY = True
LANGUAGE_COOKIE_SAMESITE = "Lax"
TIME_ZONE = "UTC"
USE_TZ = True
globals().update(settings_below(given.PATH_PREFIX))
WHITENOISE_USE_FINDERS = True
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "gateway.static_files.VersionedStorage"},
}
# The admin's page that confirms an action on all of 10,000 keys sends a field for each.
DATA_UPLOAD_MAX_NUMBER_FIELDS = 20_000
# As much as own_bodies lets through: a paste that is too large comes to the form that says so.
DATA_UPLOAD_MAX_MEMORY_SIZE = 16 << 20
# In memory, as they came: no page needs a temporary file.
FILE_UPLOAD_MAX_MEMORY_SIZE = DATA_UPLOAD_MAX_MEMORY_SIZE
LOGIN_REDIRECT_URL = "admin:index"
SESSION_ENGINE = "proxyapp.access.session_store"
SESSION_COOKIE_NAME = "gateway_session"
SESSION_COOKIE_AGE = max(1, round(given.SESSION_IDLE_HOURS * 3600))
CSRF_COOKIE_NAME = "gateway_csrf"
CSRF_FAILURE_VIEW = "proxyapp.admin.front_advice.refused_form"
CSRF_COOKIE_HTTPONLY = True  # no script of the admin reads it
X_FRAME_OPTIONS = "DENY"
SECURE_REFERRER_POLICY = "same-origin"

# Behind TLS. What is proxied does not pass here: API clients are not redirected.
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = SECURE_SSL_REDIRECT = given.BEHIND_TLS
LANGUAGE_COOKIE_SECURE = given.BEHIND_TLS
SECURE_REDIRECT_EXEMPT = [r"(?:^|/)metrics$"]
SECURE_HSTS_SECONDS = 365 * 24 * 3600 if given.BEHIND_TLS else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = given.BEHIND_TLS
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
            "fmt": "%(asctime)s %(levelname)s %(name)s: %(message)s",
            "time_zone": given.TZ,
        },
        "json": {
            "()": "proxyapp.vocabulary.log_masking.JsonFormatter",
            "fmt": "%(message)s",
            "time_zone": given.TZ,
        },
    },
    "filters": {"refusals": {"()": "proxyapp.vocabulary.log_masking.RefusalFilter"}},
    "handlers": {
        "console": {
            "class": "logging.StreamHandler",
            "formatter": "json" if given.LOG_FORMAT == "json" else "plain",
            "filters": ["refusals"],
        }
    },
    "root": {"handlers": ["console"], "level": given.LOG_LEVEL.upper()},
    "loggers": {
        **{
            name: {"level": "WARNING"}
            for name in ("httpx", "httpcore", "daphne", "uvicorn.access", "asyncio")
        },
        # Whether it has lines says ACCESS_LOG.
        "gateway.requests": {"level": "INFO"},
        # A traceback for each request of a scanner. Whoever asked is told what is wrong.
        "django.security.DisallowedHost": {"level": "CRITICAL"},
        # `proxyapp.admin.front_advice` says it, once in a while and with what to set.
        "django.security.csrf": {"level": "CRITICAL"},
    },
}
