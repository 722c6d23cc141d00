"""From the database to a config file and back."""

import io
import os
import stat
from pathlib import Path

import pytest
import yaml
from django.core.management import CommandError, call_command
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from proxyapp.config.exporting import export_groups, export_of, write_private
from proxyapp.config.file import (
    MAX_KEYS,
    Config,
    ConfigError,
    GroupConfig,
    KeyConfig,
    ServerConfig,
    load,
    parse,
)
from proxyapp.config.importing import apply_changes, import_config
from proxyapp.models import ApiKey, Group, ImportedGroup, RotationCursor
from proxyapp.vocabulary.checks import check_key
from proxyapp.vocabulary.choices import Auth, RateLimitPolicy, choice_values
from tests.support.new_secret import change_secret

__all__ = ["change_secret"]

pytestmark = pytest.mark.django_db

SOURCE = Path("/etc/gateway/config.yaml")
LONG = "AIzaSyTest-A-0123456789"

ODD = Config(
    ServerConfig(),
    (
        GroupConfig(
            "yes", api_keys=(KeyConfig("123456"), KeyConfig("null", "~", "1.5"), KeyConfig("1:30"))
        ),
        GroupConfig(
            "007",
            proxy_url="socks5://u%40x:p'\"w@[::1]:1080",
            api_keys=(KeyConfig("0x1F"), KeyConfig("=")),
        ),
        GroupConfig(
            "a: b # c",
            rate_limit_policy="quota_aware",
            auth="x-goog-api-key",
            api_keys=(KeyConfig("<<"),),
        ),
        GroupConfig(
            "🙂 \"quoted\" 'twice' é",
            target_url="http://h:1/%2F",
            api_keys=(KeyConfig("*k", "- x", "{y}"),),
        ),
        GroupConfig(
            "&anchor", api_keys=(KeyConfig("!tag"), KeyConfig("2026-01-01"), KeyConfig("A1" * 2048))
        ),
        GroupConfig("empty"),
    ),
)


def forget_all() -> None:
    for model in (Group, ImportedGroup, RotationCursor):
        model.objects.all().delete()


def command(*args: str) -> str:
    out = io.StringIO()
    call_command("export_config", *args, stdout=out)
    return out.getvalue()


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_an_export_reads_like_a_config_file():
    key = KeyConfig(LONG, "laptop", "p1")
    import_config(
        Config(
            ServerConfig(),
            (GroupConfig("a", proxy_url="http://h:1", api_keys=(key, KeyConfig("k2"))),),
        ),
        source=SOURCE,
    )
    assert (
        export_groups(mask=False).text
        == f"""\
# Groups and keys of the Gemini Key Gateway, for `manage.py import_config`.
# It holds API keys: keep it out of version control.
groups:
  - name: a
    target_url: https://generativelanguage.googleapis.com
    proxy_url: http://h:1
    api_keys:
      - key: {LONG}
        name: laptop
        project: p1
      - k2
"""
    )


def test_odd_names_and_keys_come_back_and_give_the_same_bytes():
    import_config(ODD, source=SOURCE)
    first = export_groups(mask=False).text
    forget_all()
    report = import_config(parse(first), source=SOURCE)
    assert report.keys.created == 10
    assert export_groups(mask=False).text == first
    back = parse(first).groups
    assert back[:-1] == ODD.groups[:-1]
    assert back[-1].placeholders == ("groups[5].api_keys[0]",)


def test_an_export_imported_where_it_comes_from_changes_nothing():
    import_config(ODD, source=SOURCE)
    assert not import_config(
        parse(export_groups(mask=False).text), source=Path("/other"), prune=True
    ).changed


def test_an_empty_database_exports_a_file_that_can_be_imported():
    assert parse(export_groups(mask=False).text).groups == ()


def test_a_group_without_keys_gets_a_placeholder():
    Group.objects.create(name="a")
    assert yaml.safe_load(export_groups(mask=False).text)["groups"][0]["api_keys"] == [
        "YOUR_GEMINI_API_KEY_1"
    ]


labels = st.text(st.characters(blacklist_categories=("Cs", "Cc", "Zl", "Zp")), max_size=20).map(
    str.strip
)
secrets = (
    st.text("abcXYZ019-_.~!#%&*+^:/@=", max_size=40)
    .map(lambda text: f"k{text}")
    .filter(lambda key: check_key(key) is None)
)
keys = st.builds(KeyConfig, secrets, labels, labels)
proxies = st.none() | st.builds(
    lambda scheme, password: f"{scheme}://user:{password}@proxy.example:1080",
    st.sampled_from(["http", "https", "socks5", "socks5h"]),
    st.text("abc123-._~!$&'()*+,;=%", max_size=20),
)
groups = st.builds(
    GroupConfig,
    name=labels.filter(bool),
    target_url=st.sampled_from(
        ["https://h", "http://[::1]:8080/a%2Fb", "https://generativelanguage.googleapis.com"]
    ),
    proxy_url=proxies,
    rate_limit_policy=st.sampled_from(choice_values(RateLimitPolicy)),
    auth=st.sampled_from([*choice_values(Auth), "header:X-My-Key", "query:api_key"]),
    api_keys=st.lists(keys, min_size=1, max_size=4, unique_by=lambda key: key.secret).map(tuple),
)
configs = st.lists(groups, max_size=4, unique_by=lambda group: group.name.lower())


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(configs)
def test_any_config_survives_the_way_through_the_database(groups):
    forget_all()
    import_config(Config(ServerConfig(), tuple(groups)), source=SOURCE)
    first = export_groups(mask=False).text
    forget_all()
    import_config(parse(first), source=SOURCE)
    assert export_groups(mask=False).text == first
    assert len(parse(first).groups) == len(groups)


def export_of_keys(count: int, label: str) -> str:
    keys = []
    for number in range(count):
        key = ApiKey(pk=number, group_id=1, position=number, name=label, project=label)
        key.secret = f"AIzaSyTest-{number:028}"
        keys.append(key)
    return export_of([Group(pk=1, name="a")], keys, mask=False).text


@pytest.mark.parametrize(
    ("count", "label"),
    [
        (10_000, "🙂" * 100),
        pytest.param(MAX_KEYS, "a laptop", marks=pytest.mark.soak),
        pytest.param(MAX_KEYS, "🙂" * 100, marks=pytest.mark.soak),
    ],
    ids=["longest labels", "most keys", "most keys with the longest labels"],
)
def test_a_large_export_is_read_back(tmp_path: Path, count: int, label: str):
    file = tmp_path / "export.yaml"
    write_private(file, export_of_keys(count, label))
    assert file.stat().st_size > 4 * 1024**2
    keys = load(file).groups[0].api_keys
    assert len(keys) == count
    assert keys[-1] == KeyConfig(f"AIzaSyTest-{count - 1:028}", label, label)


def test_a_masked_export_shows_no_secret_and_cannot_be_imported():
    group = GroupConfig(
        "a", proxy_url="http://user:topsecret@h:1", api_keys=(KeyConfig(LONG), KeyConfig("short"))
    )
    import_config(Config(ServerConfig(), (group,)), source=SOURCE)
    text = command("--mask")
    assert text.startswith(
        "# Groups and keys of the Gemini Key Gateway, masked: this file cannot be imported.\n"
    )
    for secret in (LONG, "short", "topsecret", "user"):
        assert secret not in text
    assert "AIza…6789" in text
    with pytest.raises(ConfigError) as caught:
        parse(text)
    assert caught.value.problems == [
        "groups[0].api_keys[0]: is a masked key; give the whole key",
        "groups[0].api_keys[1]: is a masked key; give the whole key",
        "groups[0].proxy_url: is a masked address; give the user and password",
    ]


def test_the_command_prints_or_writes_the_same(tmp_path):
    import_config(ODD, source=SOURCE)
    file = tmp_path / "out.yaml"
    assert command(str(file)) == ""
    assert file.read_text(encoding="utf-8") == command() == export_groups(mask=False).text
    assert load(file).groups[0].name == "yes"


@pytest.mark.parametrize("mask", [[], ["--mask"]])
def test_files_are_private_whatever_they_were_and_whatever_the_umask(tmp_path, mask):
    existing = tmp_path / "existing.yaml"
    existing.write_text("old")
    existing.chmod(0o666)
    previous = os.umask(0)
    try:
        for file in (existing, tmp_path / "new.yaml"):
            command(str(file), *mask)
            assert mode(file) == 0o600
    finally:
        os.umask(previous)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["existing.yaml", "new.yaml"]


def test_the_file_is_private_from_its_first_byte(tmp_path, monkeypatch):
    modes: list[int] = []
    monkeypatch.setattr(
        "os.fsync", lambda number: modes.append(stat.S_IMODE(os.fstat(number).st_mode))
    )
    command(str(tmp_path / "out.yaml"))
    assert modes == [0o600]


def test_a_failed_write_leaves_the_old_file_and_no_other(tmp_path, monkeypatch):
    def fail(_: int) -> None:
        raise OSError(28, "No space left on device")

    file = tmp_path / "out.yaml"
    file.write_text("old")
    monkeypatch.setattr("os.fsync", fail)
    with pytest.raises(CommandError, match="cannot be written: No space left on device"):
        command(str(file))
    assert [path.name for path in tmp_path.iterdir()] == ["out.yaml"]
    assert file.read_text() == "old"


def test_a_link_is_followed_and_kept(tmp_path):
    (tmp_path / "link.yaml").symlink_to(tmp_path / "real.yaml")
    command(str(tmp_path / "link.yaml"))
    assert (tmp_path / "link.yaml").is_symlink()
    assert mode(tmp_path / "real.yaml") == 0o600


@pytest.mark.parametrize("name", [".", "none/out.yaml"])
def test_a_place_that_cannot_be_written_is_named(tmp_path, name):
    with pytest.raises(CommandError, match="cannot be written"):
        command(str(tmp_path / name))


def test_a_device_is_never_replaced():
    with pytest.raises(CommandError, match="not a regular file"):
        command("/dev/null")
    assert not Path("/dev/null").is_file()


def test_what_cannot_be_read_is_left_out_and_said(change_secret, tmp_path):
    group = GroupConfig("a", proxy_url="http://user:topsecret@h:1", api_keys=(KeyConfig(LONG),))
    import_config(Config(ServerConfig(), (group,)), source=SOURCE)
    change_secret(forget_older=True)
    own = ApiKey(group=Group.objects.get(), position=1)
    own.set_secret("readable")
    own.save()
    file = tmp_path / "out.yaml"
    with pytest.raises(CommandError) as caught:
        command(str(file))
    assert str(caught.value).splitlines()[1:] == [
        "the proxy of group 'a'",
        "key AIza…6789 of group 'a'",
    ]
    assert caught.value.returncode == 1
    assert yaml.safe_load(file.read_text())["groups"][0]["api_keys"] == ["readable"]
    with pytest.raises(ConfigError, match="proxy_url: has no scheme"):
        apply_changes(file)
    assert "AIza…6789" in command("--mask")
