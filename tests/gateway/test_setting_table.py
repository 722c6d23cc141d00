"""The table of settings, and the start that it stops."""

import ast
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway import setting_table
from gateway.database_url import parsed_database_url
from gateway.environment import Environment
from gateway.setting import Setting, Table
from tests.support.gateway import ROOT
from tests.support.ports import free_port

ROWS = {row.name: row for row in setting_table.table.rows}
NUMBERS = [row for row in ROWS.values() if type(row.default) in (int, float)]
MAY_BE_ZERO = {"ROTATION_LEASE", "QUEUE_SECONDS"}
# Who starts Django says which settings are meant, and a successor gets what its parent was given.
# The variables of a config file are the operator's own, no settings.
MAY_READ_THE_ENVIRONMENT = {
    "manage.py",
    "gateway/asgi.py",
    "gateway/environment.py",
    "gateway/start_environment.py",
    "proxyapp/config/file.py",
    # What a program that is started gets of it, what OpenTelemetry's library reads, a passphrase.
    "proxyapp/alerts/sending.py",
    "proxyapp/requests/spans.py",
    "proxyapp/management/passphrase.py",
}


def problems_of(row: Setting[object], text: str) -> list[str]:
    env = Environment({row.name: text})
    row.value(env)
    return env.problems


def test_a_row_has_the_name_of_its_value():
    assert len(ROWS) == len(setting_table.table.rows)
    assert {name for name in ROWS if not hasattr(setting_table, name)} == {"DATABASE_URL"}


@pytest.mark.parametrize("row", NUMBERS, ids=lambda row: row.name)
@pytest.mark.parametrize("text", ["-1", "-1e-9", "nan", "inf", "-inf", "1e300", "9" * 400])
def test_no_number_is_endless_or_negative(row: Setting[object], text: str):
    (problem,) = problems_of(row, text)

    assert problem.startswith(f"{row.name}={text!r} ")


@pytest.mark.parametrize("row", NUMBERS, ids=lambda row: row.name)
def test_zero_is_refused_where_it_means_nothing(row: Setting[object]):
    expected = [] if row.name in MAY_BE_ZERO else [f"{row.name}='0' must be more than 0"]

    assert problems_of(row, "0") == expected


@pytest.mark.parametrize("row", ROWS.values(), ids=lambda row: row.name)
def test_a_default_is_what_its_text_says(row: Setting[object]):
    assert problems_of(row, row.documented) == []


@pytest.mark.parametrize(
    ("name", "text", "remedy"),
    [
        ("VAR_DIR", "/srv/a#b", "must be a path without '#'"),
        ("VAR_DIR", "/srv/a?b", "must be a path without '?'"),
        ("VAR_DIR", "/srv/a%2Fb", "must be a path without '%'"),
        ("VAR_DIR", "$HOME/var", "must be a path without '$'"),
        ("VAR_DIR", "~/var", "must be a whole path"),
        ("VAR_DIR", "file:///srv/var", "must be a path such as"),
        ("VAR_DIR", __file__, "is a file, and must be a directory"),
        ("VAR_DIR", f"{__file__}/var", "which is a file"),
        ("GATEWAY_HOME", f"{ROOT}/gatewey", "is no directory; `init` makes one"),
        ("GATEWAY_HOME", "~/gateway", "must be a whole path"),
        ("VAR_DIR", '"/srv/var"', "leave them out"),
        ("VAR_DIR", "/srv/var # data", "leave it out"),
        ("DATABASE_URL", "sqlite://data/x.db", "sqlite:///data/x.db is relative"),
        ("DATABASE_URL", "sqlite:///data/x#.db", "%23"),
        ("DATABASE_URL", "postgresql://u:MARK/ER@h/n", "%2F"),
        ("DATABASE_URL", "postgresql://u:12/3@h/n", "%2F"),
        ("DATABASE_URL", "postgresql://u:MARK#ER@h/n", "%23"),
        ("DATABASE_URL", "postgresql://u:MARK@ER@h/n", "%40"),
        ("DATABASE_URL", "postgresql://u:MARK%ER@h/n", "%25"),
        ("DATABASE_URL", "sqlite:///~/x.db", "must be a whole path"),
        ("DATABASE_URL", f"sqlite:///{ROOT}", "names a directory"),
        ("DATABASE_URL", "postgresql://[h/n", "is not a database URL such as"),
        ("DATABASE_URL", "mysql://u@h/n", "is not a database URL such as"),
        ("DATABASE_URL", "'sqlite:////x.db'", "leave them out"),
        ("SECRET_KEY", "short", "SECRET_KEY_FALLBACKS"),
        ("SECRET_KEY", "ab" * 32, "SECRET_KEY_FALLBACKS"),
        ("SECRET_KEY", "django-insecure-0123456789abcdefghijklmnopqrs", "placeholder"),
        ("SECRET_KEY", "please-change-this-secret-key-in-production", "placeholder"),
        ("SECRET_KEY", "my-super-secret-key-for-the-gateway-1234567", "placeholder"),
        ("SECRET_KEY", "<a long random string of fifty characters or more>", "nobody filled in"),
        ("SECRET_KEY", "${SECRET_KEY_OF_THE_GATEWAY_IN_PRODUCTION}", "nobody filled in"),
        ("SECRET_KEY", "# generate with python -c 'import secrets; print(1)'", "leave it out"),
        ("SECRET_KEY", '"0123456789abcdefghijklmnopqrstuvwxyz"', "leave them out"),
        ("METRICS_TOKEN", "short", "16 characters"),
        ("METRICS_TOKEN", "my-secret-token-here", "can be guessed"),
        ("METRICS_TOKEN", "two words of a token", "no bearer token may have"),
        ("GATEWAY_CLIENT_TOKEN", "short-MARKER", "can be guessed. Make one: python3 -c"),
        ("GATEWAY_CLIENT_TOKEN", "ab" * 20, "can be guessed"),
        ("GATEWAY_CLIENT_TOKEN", "your-MARKER-token-1234567890", "can be guessed"),
        ("GATEWAY_CLIENT_TOKEN", "0123456789 abcdefghijk", "no bearer token may have"),
        ("GATEWAY_CLIENT_TOKEN", "0123456789abcdefghij" * 26, "512 characters"),
        ("DJANGO_SUPERUSER_PASSWORD", "changeme", "placeholder"),
        ("DJANGO_SUPERUSER_PASSWORD", "my-secret-password", "placeholder"),
        ("DJANGO_SUPERUSER_PASSWORD", "short", "8 characters"),
        ("ALLOWED_HOSTS", '["a.example","b.example"]', "separated by commas: one,two"),
        ("ALLOWED_HOSTS", "['a.example']", "separated by commas: one,two"),
        ("ALLOWED_HOSTS", '"a.example","b.example"', "leave them out"),
        ("ALLOWED_HOSTS", 'a.example,"b.example"', "separated by commas: one,two"),
        ("ALLOWED_HOSTS", "a.example;b.example", "is not a name such as"),
        ("ALLOWED_HOSTS", "[a.example,b.example]", "is not a name such as"),
        ("DJANGO_SUPERUSER_USERNAME", "ad\nmin", "on one line"),
        ("SECRET_KEY", "uH2-_kq9ZtYbC4xW1\nN8mL0pR6sD3fG7hJ5aE", "on one line"),
        ("ALLOWED_HOSTS", "https://a.example", "no scheme"),
        ("ALLOWED_HOSTS", "a.example:8080", "no port"),
        ("TRUSTED_PROXIES", '["10.0.0.0/8"]', "separated by commas: one,two"),
        ("CSRF_TRUSTED_ORIGINS", "a.example", "https://gateway.example.com"),
        ("ALLOWED_ORIGINS", "*", "lets any site"),
        ("ALLOWED_ORIGINS", "app.example", "is not an origin such as"),
        ("ALLOWED_ORIGINS", "https://app.example/", "no path"),
        ("ALLOWED_ORIGINS", "https://user@app.example", "no user"),
        ("ALLOWED_ORIGINS", "https://", "must name one site"),
        ("ALLOWED_ORIGINS", "http://*", "must name one site"),
        ("ALLOWED_ORIGINS", "https://*.example.com", "must name one site"),
        ("ALLOWED_ORIGINS", "chrome-extension://a*", "takes a * only alone"),
        ("ALLOWED_ORIGINS", "file://", "null"),
        ("READ_TIMEOUT_SECONDS", "5m", "is not a number such as"),
        ("READ_TIMEOUT_SECONDS", "300 # five minutes", "leave it out"),
        ("MAX_BODY_BYTES", "100MB", "is not a whole number such as"),
        ("DEBUG", "'false'", "leave them out"),
        ("DEBUG", "ja", "must be true or false"),
        ("LOG_LEVEL", "%LEVEL%", "nobody filled in"),
    ],
)
def test_a_value_that_nobody_can_mean_is_refused_with_the_remedy(name: str, text: str, remedy: str):
    (problem,) = problems_of(ROWS[name], text)

    assert remedy in problem
    assert "MARK" not in problem


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("VAR_DIR", "/srv/a b/ü"),
        ("VAR_DIR", "var"),
        ("DATABASE_URL", "sqlite:///data/x.db"),
        ("DATABASE_URL", "sqlite:////srv/a%2Fb.db"),
        ("DATABASE_URL", "postgresql://u:p%40%2F%23@h:5432/n?sslmode=require"),
        ("DATABASE_URL", "postgres://u:p@[::1]:5432/n"),
        ("DATABASE_URL", "postgresql://u@%2Frun%2Fpostgresql/n"),
        ("SECRET_KEY", "uH2-_kq9ZtYbC4xW1vN8mL0pR6sD3fG7hJ5aE"),
        ("SECRET_KEY_FALLBACKS", "short,django-insecure-x"),
        ("DJANGO_SUPERUSER_PASSWORD", "it's $x {a} 100%"),
        ("ALLOWED_HOSTS", "[::1],a.example,.b.example"),
        ("ALLOWED_ORIGINS", "null, app://,vscode-webview://*,tauri://localhost"),
        (
            "ALLOWED_ORIGINS",
            "https://app.example.com:8443,http://[::1]:3000,chrome-extension://abc",
        ),
        ("LOG_LEVEL", "debug"),
    ],
)
def test_a_value_that_is_odd_and_meant_is_taken(name: str, text: str):
    assert problems_of(ROWS[name], text) == []


def test_a_database_may_be_named_by_its_socket_s_directory():
    database = parsed_database_url("postgresql://u@%2Frun%2Fpostgresql/n")

    assert (database["HOST"], database["NAME"]) == ("/run/postgresql", "n")


def test_a_problem_names_the_line_of_the_file(tmp_path: Path):
    file = tmp_path / ".env"
    file.write_text('# mine\nQUEUE_SECONDS=5s\nQUEUE_SECOND=5\nAPI_KEYS=["x"]\n')
    env = Environment({})
    table = Table(env)
    env.read_file(file, is_named=True)

    table.number("QUEUE_SECONDS", 0.0, "")

    assert env.problems == [f"{file}: line 2: QUEUE_SECONDS='5s' is not a number such as 0.0"]
    assert table.misspelt() == [
        f"warning: {file}: line 3 sets QUEUE_SECOND, which is no setting: is QUEUE_SECONDS meant?"
    ]


def test_a_secret_is_marked_as_one():
    secrets = {name for name, row in ROWS.items() if row.is_secret}

    assert secrets == {
        "DATABASE_URL",
        "SECRET_KEY",
        "SECRET_KEY_FALLBACKS",
        "DJANGO_SUPERUSER_PASSWORD",
        "GATEWAY_CLIENT_TOKEN",
        "METRICS_TOKEN",
    }


@pytest.mark.parametrize("command", [["check"], ["serve", "--port", "{port}"]], ids=str)
def test_all_that_is_wrong_is_said_at_once_and_nothing_starts(command: list[str], tmp_path: Path):
    environment = {
        "PATH": os.environ["PATH"],
        "ENV_FILE": os.devnull,
        "VAR_DIR": str(tmp_path / "var"),
        "QUEUE_SECONDS": "-1",
        "KEEPALIVE_SECONDS": "0",
        "HEADER_TIMEOUT_SECONDS": "inf",
        "DATABASE_URL": "sqlite:////x?MARKER=1",
        "BEHIND_TLS": "true",
    }
    arguments = [part.format(port=free_port()) for part in command]

    done = subprocess.run(
        [sys.executable, "manage.py", *arguments],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.splitlines() == [
        "Bad setting: DATABASE_URL takes no options for SQLite: SQLITE_TIMEOUT_SECONDS says how"
        " long it waits; QUEUE_SECONDS='-1' must be 0 (never wait) or more;"
        " HEADER_TIMEOUT_SECONDS='inf' is not a number such as 30.0; KEEPALIVE_SECONDS='0' must be"
        " more than 0; BEHIND_TLS=true needs TRUSTED_PROXIES: the address of what ends TLS, such"
        " as 127.0.0.1"
    ]
    assert not (tmp_path / "var").exists()


def readers_of_the_environment(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Attribute) and node.attr in ("environ", "environb", "getenv"):
            yield path.relative_to(ROOT).as_posix()
        elif isinstance(node, ast.ImportFrom) and node.module == "os":
            yield from (
                path.relative_to(ROOT).as_posix()
                for alias in node.names
                if alias.name in ("environ", "environb", "getenv")
            )


def test_nothing_reads_the_environment_beside_the_table():
    files = [
        ROOT / "manage.py",
        *(ROOT / "gateway").rglob("*.py"),
        *(ROOT / "proxyapp").rglob("*.py"),
    ]
    readers = {name for path in files for name in readers_of_the_environment(path)}

    assert readers - MAY_READ_THE_ENVIRONMENT == set()
    assert "manage.py" in readers, "or this test finds none"
