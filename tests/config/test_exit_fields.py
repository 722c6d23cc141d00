"""`proxy_pool` in a config file: what it may be, and what is said of what it may not."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from proxyapp.config.exporting import export_groups
from proxyapp.config.file import ConfigError, parse
from proxyapp.config.importing import import_config
from proxyapp.models import Group

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
