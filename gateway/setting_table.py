"""Every setting that an operator may change: one row each, read where it stands.

A row says the name, the default, what the setting is for and what it takes; `.env.example` is
checked against it, and docs/SETTINGS.md made of it. Django's settings take over every name in
capitals.
"""

from pathlib import Path
from urllib.parse import quote

from gateway import setting
from gateway import setting_checks as checks
from gateway import start_environment as start_environment  # before `.env` is read
from gateway.database_url import check_database_url
from gateway.environment import Environment
from gateway.places import BASE_DIR as BASE_DIR
from gateway.places import IS_CHECKOUT

env = Environment()
table = setting.Table(env)

GATEWAY_HOME = table.path(
    "GATEWAY_HOME",
    BASE_DIR if IS_CHECKOUT else Path.cwd(),
    "The directory of .env, var and config.yaml, as `init` makes one. Only from the environment. "
    "Empty: the directory of manage.py, or of a package that of the process.",
    documented="",
    check=checks.home,
)
# Of a checkout's the config file is that of the directory that a command is given in.
DEFAULT_CONFIG = (
    Path("config.yaml") if env.text("GATEWAY_HOME") is None else GATEWAY_HOME / "config.yaml"
)
ENV_FILE = table.path(
    "ENV_FILE",
    GATEWAY_HOME / ".env",
    "Another file than this one. Only from the environment.",
    documented=".env",
)
env.read_file(ENV_FILE, is_named=env.text("ENV_FILE") is not None)

# Where data are.
VAR_DIR = table.path(
    "VAR_DIR",
    GATEWAY_HOME / "var",
    "Where secret_key, the SQLite database, the spool and other data live. Relative to the "
    "directory of the process.",
    documented="var",
    check=checks.directory,
)
# In small letters, and so none of Django's: its debug pages would show the password.
database_url = table.text(
    "DATABASE_URL",
    f"sqlite:///{quote(str(VAR_DIR / 'db.sqlite3'))}",
    "The database. SQLite when it is not set; for PostgreSQL: "
    "postgresql://user:password@host:5432/gateway",
    check=check_database_url,
    documented="sqlite:///var/db.sqlite3",
    is_secret=True,
)
SQLITE_TIMEOUT_SECONDS = table.number(
    "SQLITE_TIMEOUT_SECONDS", 10.0, "How long SQLite waits for another process's write."
)
ADMIN_CONNECTIONS = table.whole(
    "ADMIN_CONNECTIONS",
    8,
    "How many pages of the admin and calls of the management API a process answers at a time, each "
    "with a connection to the database; others wait, for one that takes longer than 30 s no more.",
)

# Secrets: the current one signs sessions and encrypts API keys, the fallbacks only decrypt.
SECRET_KEY = table.text(
    "SECRET_KEY",
    "",
    "Encrypts API keys and signs sessions. Empty: the file secret_key in VAR_DIR, made at "
    "the first start.",
    check=checks.secret,
    is_secret=True,
)
SECRET_KEY_FALLBACKS = table.words(
    "SECRET_KEY_FALLBACKS",
    "Older secrets, separated by commas, that still decrypt what they once encrypted.",
    is_secret=True,
)

# The first administrator. Django's `createsuperuser --noinput` knows these names, too.
DJANGO_SUPERUSER_USERNAME = table.text(
    "DJANGO_SUPERUSER_USERNAME", "admin", "Name of the admin user that the first start makes."
)
DJANGO_SUPERUSER_PASSWORD = table.text(
    "DJANGO_SUPERUSER_PASSWORD",
    "",
    "Password of that admin user. Empty: a random one, printed once.",
    check=checks.password,
    is_secret=True,
)
DJANGO_SUPERUSER_EMAIL = table.text(
    "DJANGO_SUPERUSER_EMAIL", "", "E-mail address of that admin user. It may stay empty."
)

# The first client token, for a container.
GATEWAY_CLIENT_TOKEN = table.text(
    "GATEWAY_CLIENT_TOKEN",
    "",
    "A client token that a start makes where there is none like it; only its hash is kept. "
    "Clients show it as their API key. It lets in until it is revoked.",
    check=checks.client_token,
    is_secret=True,
)

# Who the admin believes, and under which names it answers. `serve` adds the address that it listens
# on.
ALLOWED_HOSTS = table.words(
    "ALLOWED_HOSTS",
    "Host names under which the admin may be called, separated by commas; * is any. Empty: "
    "localhost, 127.0.0.1, [::1] and the address that serve listens on. Proxied "
    "paths take any.",
    check=checks.host,
)
CSRF_TRUSTED_ORIGINS = table.words(
    "CSRF_TRUSTED_ORIGINS",
    "Origins that may post to the admin, such as https://gateway.example.com, when a proxy "
    "changes the Host.",
    check=checks.origin,
)
TRUSTED_PROXIES = table.words(
    "TRUSTED_PROXIES",
    "Addresses and networks of proxies whose X-Forwarded-For and X-Forwarded-Proto the admin "
    "believes, separated by commas: 127.0.0.1,10.0.0.0/8",
    check=checks.network,
)
BEHIND_TLS = table.flag(
    "BEHIND_TLS",
    "Whether one of these proxies ends TLS: secure cookies, HSTS, and the admin's plain HTTP is "
    "redirected. It needs TRUSTED_PROXIES.",
)
PATH_PREFIX = table.text(
    "PATH_PREFIX",
    "",
    "The path that the gateway is deployed below, such as /gemini. As server.path_prefix of the "
    "config file, which counts more; for other servers than serve.",
    check=checks.path_prefix,
)

# Signing in.
LOGIN_FAILURES = table.whole(
    "LOGIN_FAILURES", 5, "How many failed log-ins of a name from an address lock it out."
)
LOGIN_COOLOFF_MINUTES = table.number("LOGIN_COOLOFF_MINUTES", 15.0, "How long a lock-out lasts.")
SESSION_IDLE_HOURS = table.number(
    "SESSION_IDLE_HOURS",
    12.0,
    "A session of the admin ends after this long without a page being opened.",
)
SESSION_LIFETIME_DAYS = table.number(
    "SESSION_LIFETIME_DAYS", 7.0, "A session of the admin ends after this long in any case."
)
REQUIRE_TOTP = table.flag(
    "REQUIRE_TOTP",
    "Whether everybody has to set up a second factor before the admin shows anything.",
)

# Clients.
ALLOW_ANONYMOUS = table.flag(
    "ALLOW_ANONYMOUS",
    "Whether clients may do without a token, wherever they come from. Without it the gateway "
    "serves whoever has a token (`manage.py tokens create NAME`) or, as long as there is "
    "none, its own machine. As server.allow_anonymous of the config file; either is enough.",
)
ALLOWED_ORIGINS = table.words(
    "ALLOWED_ORIGINS",
    "Origins of pages, desktop apps and extensions that may use the gateway without a client "
    "token, besides those of this machine, separated by commas: https://app.example.com, "
    "tauri://localhost, chrome-extension://ID, null; app:// is every one of that scheme.",
    check=checks.page_origin,
)

# Rotation and cooldowns.
ROTATION_LEASE = table.whole(
    "ROTATION_LEASE",
    0,
    "For how many requests one lock of the rotation's cursor is enough, in whole laps. 0: "
    "for 32, and under load for about a second; 1: a lock for every request.",
    zero="whole laps",
)
ROTATION_STRATEGY = table.text(
    "ROTATION_STRATEGY",
    "round_robin",
    "Which of the available keys answers next, in groups without a strategy of their own: "
    "round_robin, weighted, least_used or fill_first.",
    check=checks.strategy,
)
RATE_LIMIT_RESET_TIME = table.text(
    "RATE_LIMIT_RESET_TIME",
    "10:00",
    "The time of day when the policy daily brings keys back.",
    check=checks.time_of_day,
)
RATE_LIMIT_RESET_TZ = table.text(
    "RATE_LIMIT_RESET_TZ", "Europe/Moscow", "The time zone of that time.", check=checks.time_zone
)
MAX_ATTEMPTS = table.whole(
    "MAX_ATTEMPTS",
    10,
    "How many keys one request tries at most, under quota_aware. What costs a day under "
    "daily is not counted.",
)
QUEUE_SECONDS = table.number(
    "QUEUE_SECONDS",
    0.0,
    "How many seconds a request waits for a key that comes free, in order of arrival, "
    "instead of failing at once.",
    zero="never wait",
)

# Forwarding.
MAX_BODY_BYTES = table.whole(
    "MAX_BODY_BYTES",
    100 * 2**20,
    "Longest request body; a longer one is answered with 413. Larger files come in parts.",
)
MAX_MEMORY_BODY_BYTES = table.whole(
    "MAX_MEMORY_BODY_BYTES",
    2**20,
    "Longer request bodies than this wait in a temporary file instead of in memory.",
)
TMPDIR = table.path(
    "TMPDIR",
    VAR_DIR / "tmp",
    "Where these wait (below VAR_DIR, made 0700): give it room for several of MAX_BODY_BYTES.",
    documented="var/tmp",
    check=checks.directory,
)
HEADER_TIMEOUT_SECONDS = table.number(
    "HEADER_TIMEOUT_SECONDS",
    30.0,
    "How long a client may take to send a request's line and headers; then it gets a 408.",
)
BODY_TIMEOUT_SECONDS = table.number(
    "BODY_TIMEOUT_SECONDS",
    60.0,
    "How long a client may pause in a request's body, and take for all of it besides a "
    "second for each 500 bytes; then a 408.",
)
STALL_TIMEOUT_SECONDS = table.number(
    "STALL_TIMEOUT_SECONDS",
    300.0,
    "How long a client may read less than 500 bytes a second of what waits for it; then its "
    "connection is cut.",
)
CONNECT_TIMEOUT_SECONDS = table.number(
    "CONNECT_TIMEOUT_SECONDS",
    10.0,
    "How long a connection to the upstream may take, proxy and TLS included.",
)
READ_TIMEOUT_SECONDS = table.number(
    "READ_TIMEOUT_SECONDS",
    300.0,
    "How long the upstream may take for the headers of its answer, and then be silent in its "
    "body. There is no total limit.",
)
KEEPALIVE_SECONDS = table.number(
    "KEEPALIVE_SECONDS",
    15.0,
    "How long an idle connection to the upstream is kept for the next request.",
)
TRUST_ENVIRONMENT_PROXIES = table.flag(
    "TRUST_ENVIRONMENT_PROXIES",
    "Whether HTTP_PROXY, HTTPS_PROXY, ALL_PROXY and NO_PROXY count for groups without a "
    "proxy_url of their own.",
)
UPSTREAM_CA_FILE = table.text(
    "UPSTREAM_CA_FILE",
    "",
    "A PEM file with certificate authorities to trust for upstreams and proxies besides the "
    "usual ones.",
    check=checks.certificate_file,
)

# Stopping and starting again.
LIVE_SESSIONS = table.whole(
    "LIVE_SESSIONS",
    500,
    "How many sessions of the Live API a process has at a time; a client beyond gets a 503.",
)
LIVE_SETUP_SECONDS = table.number(
    "LIVE_SETUP_SECONDS", 30.0, "How long a client of the Live API may take for its first message."
)
LIVE_MESSAGE_BYTES = table.whole(
    "LIVE_MESSAGE_BYTES",
    32 * 2**20,
    "Longest message of a Live session, either way; a longer one closes it with 1009.",
)
SHUTDOWN_TIMEOUT_SECONDS = table.number(
    "SHUTDOWN_TIMEOUT_SECONDS", 30.0, "How long a shutdown lets requests in flight finish."
)
RESTART_TIMEOUT_SECONDS = table.number(
    "RESTART_TIMEOUT_SECONDS",
    300.0,
    "How long a rolling restart (SIGHUP) lets the old workers finish, while the new ones serve.",
)

# Alerts.
ALERT_AFTER_SECONDS = table.number(
    "ALERT_AFTER_SECONDS",
    30.0,
    "How long something has to need attention before alerts tell of it; its end takes twice as "
    "long.",
)
ALERT_PAUSE_SECONDS = table.number(
    "ALERT_PAUSE_SECONDS",
    60.0,
    "The least time between two messages to one channel: what comes between goes into one.",
)

# What is kept.
EVENT_RETENTION_DAYS = table.whole(
    "EVENT_RETENTION_DAYS",
    30,
    "How many days a rate limit event is kept. One whose cooldown still runs stays.",
)
HOURLY_USAGE_DAYS = table.whole(
    "HOURLY_USAGE_DAYS",
    90,
    "How many days usage is kept by the hour. What is older is added up by the day.",
)
DAILY_USAGE_DAYS = table.whole(
    "DAILY_USAGE_DAYS", 730, "How many days usage by the day is kept, of keys and of client tokens."
)
AUDIT_RETENTION_DAYS = table.whole(
    "AUDIT_RETENTION_DAYS", 365, "How many days the audit log is kept."
)
REQUEST_LOG = table.text(
    "REQUEST_LOG",
    "all",
    "Which requests of clients are logged, with their metadata and never a body: all, errors or "
    "off.",
    check=checks.request_log,
)
REQUEST_LOG_PER_SECOND = table.whole(
    "REQUEST_LOG_PER_SECOND",
    50,
    "How many requests a second a process logs: what went wrong first, then a fair sample of the "
    "others. The rest is counted.",
)
REQUEST_LOG_DAYS = table.whole("REQUEST_LOG_DAYS", 7, "How many days a request stays in the log.")
REQUEST_LOG_ROWS = table.whole(
    "REQUEST_LOG_ROWS",
    1_000_000,
    "How many requests the log has at most (a million is some 500 MB); the oldest go first.",
)

# Money.
CURRENCY = table.text(
    "CURRENCY",
    "USD",
    "The currency of all costs, budgets and prices of one's own, by its three letters.",
    check=checks.currency,
)
CURRENCY_RATE = table.text(
    "CURRENCY_RATE",
    "",
    "What a US dollar is in CURRENCY, such as 0.92, where that is another: published prices are in "
    "dollars. Empty: these do not count then, prices of one's own alone do.",
    check=checks.rate,
)

# What it says of itself.
TZ = table.text(
    "TZ",
    "",
    "The time zone of log lines, each of which carries its offset, and of commands' output, such "
    "as Europe/Berlin. Empty: UTC. The admin's pages show the browser's.",
    check=checks.own_time_zone,
)
ADMIN_LANGUAGE = table.text(
    "ADMIN_LANGUAGE",
    "en",
    "The language of alerts, and of the admin's pages for a browser that prefers none of theirs: "
    "en or zh-hans.",
    check=checks.language,
)
METRICS = table.flag(
    "METRICS",
    "Whether /metrics tells Prometheus what becomes of requests: programs of this machine, and "
    "whoever has METRICS_TOKEN.",
    default=True,
)
METRICS_TOKEN = table.text(
    "METRICS_TOKEN",
    "",
    "What a Prometheus on another machine, or behind a proxy, shows as its bearer token, of 16 "
    "characters at least. Empty: only this machine's own may read them.",
    check=checks.shown_token,
    is_secret=True,
)
LOG_LEVEL = table.text(
    "LOG_LEVEL", "INFO", "DEBUG, INFO, WARNING or ERROR.", check=checks.log_level
)
LOG_FORMAT = table.text(
    "LOG_FORMAT",
    "console",
    "console, or json: each line of the log is an object.",
    check=checks.log_format,
)
ACCESS_LOG = table.flag(
    "ACCESS_LOG", "Whether the log has a line for each request of a client, when it has ended."
)
OTEL_EXPORTER_OTLP_ENDPOINT = table.text(
    "OTEL_EXPORTER_OTLP_ENDPOINT",
    "",
    "Base URL of a collector that gets spans of requests and their attempts by OTLP over HTTP, "
    "such as http://127.0.0.1:4318. Other OTEL_ variables count from the environment. Empty: off.",
    check=checks.collector,
)
ANSWER_HEADERS = table.flag(
    "ANSWER_HEADERS",
    "Whether answers name the key, its group, the model and how many attempts there were: "
    "X-Gateway-Key, -Group, -Model, -Attempts.",
)
DEBUG = table.flag("DEBUG", "Django's debug mode. Never where others can reach the gateway.")
