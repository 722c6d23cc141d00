"""`proxy_pool` in a config file: what it may be, and what is said of what it may not."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from proxyapp.config.exporting import export_groups
from proxyapp.config.file import ConfigError, parse
from proxyapp.config.importing import import_config
from proxyapp.models import ApiKey, Group
from proxyapp.pool.store import PoolReader
from tests.support.new_secret import ChangeSecret, change_secret
from tests.support.pool_data import NOW

__all__ = ["change_secret"]

SOURCE = Path("/config.yaml")
WORD = "password-MARKER"
POOL = [f"socks5://user:{WORD}@one.example:1080", "direct", "http://two.example:8080"]


def text_of(**fields: Any) -> str:
    return yaml.safe_dump({"groups": [{"name": "main", "api_keys": ["k1"], **fields}]})


def problems(**fields: Any) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        parse(text_of(**fields))
    assert WORD not in str(caught.value)
    return caught.value.problems


def test_a_pool_is_a_list_of_exits():
    (group,) = parse(text_of(proxy_pool=POOL)).groups

    assert group.proxy_pool == "\n".join(POOL)
    assert WORD not in repr(group)


def test_null_is_no_pool():
    assert parse(text_of(proxy_pool=None)).groups[0].proxy_pool is None


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        (
            {"proxy_pool": []},
            "groups[0].proxy_pool: must not be empty; name exits such as"
            " socks5://user:password@host:1080, or leave it out",
        ),
        (
            {"proxy_pool": ["http://a:1", "ftp://b"]},
            "groups[0].proxy_pool[1]: scheme 'ftp' is not supported; use http, https, socks5 or"
            " socks5h",
        ),
        (
            {"proxy_pool": [f"http://u:{WORD}@a:1", "direct", "http://u:other@a:1"]},
            "groups[0].proxy_pool[2]: is the exit of proxy_pool[0] again",
        ),
        (
            {"proxy_pool": ["http://a:1"], "proxy_url": f"http://u:{WORD}@b:1"},
            "groups[0].proxy_pool: stands beside proxy_url; keep proxy_pool for an exit of each"
            " key's own, or proxy_url for one proxy for all",
        ),
        (
            {"proxy_pool": "http://a:1"},
            "groups[0].proxy_pool: must be a list of exits, not text",
        ),
        ({"proxy_pool": [7]}, "groups[0].proxy_pool[0]: must be text, not a number"),
    ],
    ids=["empty", "scheme", "again", "beside a proxy", "no list", "a number"],
)
def test_what_is_wrong_is_said_at_its_place(fields: dict[str, Any], said: str):
    (problem,) = problems(**fields)

    assert problem.startswith(said)


@pytest.mark.django_db
def test_an_export_has_the_pool_and_a_masked_one_no_password():
    import_config(parse(text_of(proxy_pool=POOL)), source=SOURCE)

    exported, masked = export_groups(mask=False).text, export_groups(mask=True).text

    assert parse(exported).groups[0].proxy_pool == "\n".join(POOL)
    assert WORD not in masked
    assert yaml.safe_load(masked)["groups"][0]["proxy_pool"] == [
        "socks5://***@one.example:1080",
        "direct",
        "http://two.example:8080",
    ]
    assert "is a masked address" in problems(proxy_pool=["socks5://***@one.example:1080"])[0]


@pytest.mark.django_db
def test_a_pool_that_the_file_no_longer_has_is_gone():
    import_config(parse(text_of(proxy_pool=POOL)), source=SOURCE)

    report = import_config(parse(text_of()), source=SOURCE)

    assert Group.objects.get().proxy_pool is None
    assert WORD not in "\n".join(report.lines())
    assert "proxy_pool socks5://***@one.example:1080, direct, http://two.example:8080 → none" in (
        "\n".join(report.lines())
    )


@pytest.mark.parametrize(
    ("proxy", "said"),
    [
        ("ftp://h", "groups[0].api_keys[0].proxy_url: scheme 'ftp' is not supported"),
        (f"socks5://***:{WORD}@h:1", "groups[0].api_keys[0].proxy_url: is a masked address"),
        ("http://169.254.169.254", "groups[0].api_keys[0].proxy_url: is a link-local"),
    ],
)
def test_a_keys_own_exit_is_looked_at_too(proxy: str, said: str):
    (problem,) = problems(api_keys=[{"key": "k1", "proxy_url": proxy}])

    assert problem.startswith(said)


def test_a_group_may_allow_its_keys_exits_to_be_link_local():
    fields = {"api_keys": [{"key": "k1", "proxy_url": "http://169.254.169.254"}]}

    assert parse(text_of(allow_link_local=True, **fields)).groups[0].api_keys[0].proxy_url


@pytest.mark.django_db
def test_a_masked_export_has_no_password_of_a_keys_exit():
    keys = [{"key": "k1", "proxy_url": POOL[0]}, {"key": "k2", "proxy_url": "direct"}]
    import_config(parse(text_of(api_keys=keys)), source=SOURCE)

    masked = export_groups(mask=True).text

    assert WORD not in masked
    assert [key["proxy_url"] for key in yaml.safe_load(masked)["groups"][0]["api_keys"]] == [
        "socks5://***@one.example:1080",
        "direct",
    ]
    assert yaml.safe_load(export_groups(mask=False).text)["groups"][0]["api_keys"] == keys


@pytest.mark.django_db
def test_a_key_whose_exit_cannot_be_read_is_not_used(change_secret: ChangeSecret):
    import_config(parse(text_of(api_keys=[{"key": "k1", "proxy_url": POOL[0]}])), source=SOURCE)
    key = ApiKey.objects.get()
    change_secret("another-secret" * 5)
    key.set_secret("k1")
    key.save(update_fields=["secret", "key_hash"])
    change_secret("another-secret" * 5, forget_older=True)

    (pooled,) = PoolReader().load(NOW).keys.values()

    assert (pooled.secret, pooled.is_readable, pooled.is_active) == ("k1", False, False)
    assert export_groups(mask=False).unreadable == [f"the proxy of key {key} of group 'main'"]
