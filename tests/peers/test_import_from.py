"""`import_from`: three programs' files, told apart by their content, and what is said of them."""

import io
import json
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.test.utils import CaptureQueriesContext

from proxyapp.models import ClientToken, Group
from tests.support.import_from import everything, import_from, keys_of, left_out
from tests.support.peer_files import database, gemini_balance_settings, gpt_load_tables
from tests.support.pool_data import add_group, add_key, secret

pytestmark = pytest.mark.django_db
KEYS = [secret(label) for label in ("one", "two", "three")]
OLD = "sk-clients-of-old-8c1f04"
TARGET = "https://gemini.example.com"
SEED = f"""
server: {{port: 8080, admin_token: an-operators-token}}
redis_url: redis://localhost
groups:
  - name: default
    target_url: https://generativelanguage.googleapis.com/v1beta/openai/
    proxy_url: socks5://user:password@proxy.example:1080
    api_keys: [{KEYS[0]}, {KEYS[1]}, YOUR_GEMINI_API_KEY]
    top_p: 0.9
"""


def written(path: Path, text: str, encoding: str = "utf-8") -> Path:
    path.write_text(text, encoding=encoding)
    return path


def env_of(settings: dict[str, str]) -> str:
    return "# settings\n" + "".join(f"{name}={value}\n" for name, value in settings.items())


def test_the_first_gateways_file_gives_groups_and_says_what_has_no_place(tmp_path: Path):
    report = import_from("auto", written(tmp_path / "anything", SEED))

    group = Group.objects.get()
    assert report["format"] == "seed"
    assert keys_of("default") == dict.fromkeys(KEYS[:2], "active")
    assert (group.target_url, group.rate_limit_policy) == (
        "https://generativelanguage.googleapis.com",
        "quota_aware",
    )
    assert group.proxy_url == "socks5://user:password@proxy.example:1080"
    left = left_out(report)
    assert left.keys() == {
        "groups[0].api_keys[2]",
        "groups[0].top_p",
        "redis_url",
        "server.port",
        "server.admin_token",
    }
    assert not ClientToken.objects.exists()


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
def test_numbered_keys_of_an_environment_end_at_the_first_gap(tmp_path: Path, encoding: str):
    lines = f"GEMINI_API_KEY_1={KEYS[0]}\r\nGEMINI_API_KEY_3={KEYS[2]}\r\nRUST_LOG=info\r\n"

    report = import_from("auto", written(tmp_path / ".env", lines, encoding))

    assert list(keys_of("default")) == KEYS[:1]
    assert "end at a gap" in left_out(report)["GEMINI_API_KEY_3"]


@pytest.mark.parametrize("is_database", [False, True])
def test_gemini_balance_gives_keys_exits_and_tokens(tmp_path: Path, *, is_database: bool):
    exits = ["http://one.example:8080", "socks5://two.example:1080"]
    settings = gemini_balance_settings(TARGET, KEYS, OLD) | {"PROXIES": json.dumps(exits)}
    rows = [{"key": name, "value": value} for name, value in settings.items()]
    file = (
        database(tmp_path / "db", {"t_settings": rows})
        if is_database
        else written(tmp_path / "file", env_of(settings))
    )

    report = import_from("auto", file)

    group = Group.objects.get()
    assert (report["format"], list(keys_of("gemini"))) == ("gemini-balance", KEYS)
    assert (group.target_url, group.proxy_pool) == (TARGET, "\n".join(exits))
    assert [row["masked"] for row in report["client_tokens"]["created"]] == ["sk-c…1f04"]
    assert left_out(report).keys() == {"MAX_FAILURES"}


@pytest.mark.parametrize(
    ("url", "target"),
    [
        ("", "https://aiplatform.googleapis.com"),
        ("https://vertex.example.com/v1beta1/publishers/google", "https://vertex.example.com"),
    ],
)
def test_keys_for_vertex_are_in_a_group_that_is_off(tmp_path: Path, url: str, target: str):
    settings = gemini_balance_settings(TARGET, KEYS[:1], OLD) | {
        "VERTEX_API_KEYS": json.dumps(KEYS[1:]),
        "VERTEX_EXPRESS_BASE_URL": url,
    }

    report = import_from("auto", written(tmp_path / "file", env_of(settings)))

    group = Group.objects.get(name="express")
    assert (group.enabled, group.target_url) == (False, target)
    assert list(keys_of("express")) == KEYS[1:]
    assert left_out(report).keys() == {"MAX_FAILURES"}


def test_a_paid_key_is_in_a_group_that_is_off(tmp_path: Path):
    settings = gemini_balance_settings(TARGET, KEYS[:1], OLD) | {"PAID_KEY": KEYS[1]}

    report = import_from("auto", written(tmp_path / "file", env_of(settings)))

    assert list(keys_of("gemini-paid")) == [KEYS[1]]
    assert Group.objects.get(name="gemini-paid").enabled is False
    assert "PAID_KEY is in a group of its own, which is off: gemini-paid" in report["notes"]


def test_gpt_loads_database_gives_keys_with_states_and_tokens_of_groups(tmp_path: Path):
    report = import_from("auto", database(tmp_path / "db", gpt_load_tables(TARGET, KEYS, OLD)))

    token = ClientToken.objects.get()
    assert report["format"] == "gpt-load"
    assert list(keys_of("flash").values()) == ["active", "active", "disabled"]
    assert Group.objects.get().aliases == {"fast": "gemini-2.5-flash"}
    assert [group.name for group in token.allowed_groups.all()] == ["flash"]
    assert left_out(report).keys() == {"groups.flash.config.max_retries"}


def test_names_of_a_file_cannot_write_to_the_terminal(tmp_path: Path):
    tables = gpt_load_tables(TARGET, KEYS, OLD)
    tables["groups"][0]["name"] = "fl\x1b[2Jash"
    out = io.StringIO()

    call_command("import_from", "auto", str(database(tmp_path / "db", tables)), stdout=out)

    assert "\x1b" not in out.getvalue()
    assert Group.objects.get().name == "fl--2Jash"


def test_gpt_loads_rules_that_are_no_aliases_here_are_left_out(tmp_path: Path):
    tables = gpt_load_tables(TARGET, KEYS, OLD)
    tables["groups"][0]["model_redirect_rules"] = json.dumps({"a b": "c", "d": "d"})

    report = import_from("auto", database(tmp_path / "db", tables))

    assert Group.objects.get().aliases == {}
    assert "aliases of group 'flash'" in left_out(report)


def test_gpt_loads_export_of_invalid_keys_leaves_them_disabled(tmp_path: Path):
    import_from("auto", written(tmp_path / "keys-flash-invalid.txt", "\n".join(KEYS)))

    assert keys_of("flash") == dict.fromkeys(KEYS, "disabled")


def test_a_dry_run_and_a_second_time_change_nothing(tmp_path: Path):
    file = database(tmp_path / "db", gpt_load_tables(TARGET, KEYS, OLD))

    assert import_from("auto", file, dry_run=True)["keys"]["created"] == 3
    assert everything() == []
    import_from("auto", file)
    before = everything()
    again = import_from("auto", file)

    assert everything() == before
    assert (again["changes"], again["client_tokens"], again["disabled"]) == (
        [],
        {"created": [], "unchanged": 1},
        0,
    )


def test_no_secret_is_in_the_report_and_weak_tokens_are_named(tmp_path: Path):
    settings = gemini_balance_settings(TARGET, KEYS, "sk-123456") | {"MYSQL_PASSWORD": "a-password"}
    out = io.StringIO()

    file = written(tmp_path / "file", env_of(settings))
    call_command("import_from", "auto", str(file), stdout=out)

    text = out.getvalue()
    assert "client token •••• (ALLOWED_TOKENS[0]) is weak" in text
    assert "from now on every client needs a token" in text
    assert not any(secret in text for secret in (*KEYS, "sk-123456", "a-password"))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("hello", "is of none that is known"),
        ("[" * 100, "is of none that is known"),
        ("groups: [", "is of none that is known"),
        ("a:\n  b: 1\n  b: 2\n", "line 3: 'b' is given twice; say which it is"),
        ("PORT=1\n", "settings of an environment"),
    ],
)
def test_an_unclear_file_is_asked_about(tmp_path: Path, text: str, said: str):
    with pytest.raises(CommandError, match=said):
        import_from("auto", written(tmp_path / "file", text))


def test_hostile_files_are_refused_in_a_line(tmp_path: Path):
    database_file = tmp_path / "db"
    database_file.write_bytes(b"SQLite format 3\0" + b"\xff" * 4096)
    bomb = "a: &a [x, x]\n" + "".join(
        f"{name}: &{name} [*{before}, *{before}]\n"
        for before, name in zip("abcdefg", "bcdefgh", strict=True)
    )

    for file in (database_file, tmp_path / "none", written(tmp_path / "y", "[" * 10_000)):
        with pytest.raises(CommandError, match="nothing was imported"):
            import_from("gpt-load" if file == database_file else "seed", file)
    import_from("seed", written(tmp_path / "bomb", bomb + "groups: []\n"))
    shared = f"x: &x [{', '.join(KEYS * 100)}]\ngroups:\n" + "- {name: g, api_keys: *x}\n" * 400
    with pytest.raises(CommandError, match="more than is read at a time"):
        import_from("seed", written(tmp_path / "shared", shared))
    with pytest.raises(CommandError, match="MySQL is not read"):
        call_command("import_from", "gpt-load", "mysql://user:secret@host/db")
    assert everything() == []


def test_what_the_whole_file_may_not_is_refused_by_the_groups_name(tmp_path: Path):
    text = SEED.replace("socks5://user:password@proxy.example:1080", "ftp://proxy.example")

    with pytest.raises(CommandError, match=r"group 'default'\.proxy_url"):
        import_from("seed", written(tmp_path / "file", text))
    assert everything() == []


def test_a_group_of_that_name_with_another_target_keeps_its_own(tmp_path: Path):
    add_key(add_group("flash", target_url="https://other.example.com"), "there")
    file = database(tmp_path / "db", gpt_load_tables(TARGET, KEYS, OLD))

    import_from("auto", file)
    before = everything()
    import_from("auto", file)

    assert everything() == before
    assert dict(Group.objects.values_list("name", "target_url")) == {
        "flash": "https://other.example.com",
        "flash-gpt-load": TARGET,
    }
    assert len(keys_of("flash")) == 1
    assert [group.name for group in ClientToken.objects.get().allowed_groups.all()] == [
        "flash-gpt-load"
    ]


def test_many_keys_and_tokens_cost_no_more_statements_than_few(tmp_path: Path):
    def statements(label: str, count: int) -> int:
        keys = [secret(f"{label}-{number}") for number in range(count)]
        tokens = [f"sk-client-{label}-{number:08}-x" for number in range(count)]
        settings = gemini_balance_settings(TARGET, keys, "") | {
            "ALLOWED_TOKENS": json.dumps(tokens)
        }
        with CaptureQueriesContext(connection) as queries:
            report = import_from("auto", written(tmp_path / label, env_of(settings)))
        assert (report["keys"]["created"], len(report["client_tokens"]["created"])) == (count,) * 2
        return len(queries)

    # SQLite takes a thousand values a statement.
    assert statements("many", 200) <= statements("few", 2) + 20


def test_a_key_in_the_place_of_a_name_is_no_name(tmp_path: Path):
    tables = gpt_load_tables(TARGET, KEYS[:2], OLD)
    tables["groups"][0] |= {"name": KEYS[2], "model_redirect_rules": json.dumps({KEYS[2]: "a b"})}

    report = import_from("auto", database(tmp_path / "db", tables))

    assert Group.objects.get().name == "gpt-load"
    assert KEYS[2] not in str(report)
