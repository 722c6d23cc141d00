"""Certificate authorities of groups, and the leave for link-local addresses.

In the config file, the admin and the database.
"""

from pathlib import Path

import pytest
import yaml
from django.test import Client

from proxyapp.config.exporting import export_groups
from proxyapp.config.file import ConfigError, load, parse
from proxyapp.config.importing import apply_changes, import_config
from proxyapp.models import AuditEntry, Group
from tests.support.admin_pages import GROUP_FORM, page, submit, superuser, text
from tests.support.certificates import authority, pem
from tests.support.pool_data import add_group, pool_version

pytestmark = pytest.mark.django_db

SOURCE = Path("/etc/gateway/config.yaml")
OTHER = authority(pem("other"))
METADATA = "http://169.254.169.254"


def config(**fields: object) -> str:
    return yaml.safe_dump({"groups": [{"name": "main", "api_keys": ["KEY-A"], **fields}]})


def problems(content: str) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        parse(content)
    return caught.value.problems


# The config file.


def test_without_a_word_no_authority_is_added_and_link_local_addresses_are_refused() -> None:
    (group,) = parse(config()).groups
    assert (group.ca_certificates, group.allow_link_local) == ("", False)


def test_the_authorities_come_from_the_text_or_from_a_file_beside_the_config(
    tmp_path: Path,
) -> None:
    (tmp_path / "ca.pem").write_text(f"# ours\n{authority()}")
    (tmp_path / "config.yaml").write_text(config(ca_file="ca.pem"))
    for read in (load(tmp_path / "config.yaml"), parse(config(ca_certificates=authority()))):
        assert read.groups[0].ca_certificates == authority()


@pytest.mark.parametrize(
    ("fields", "problem"),
    [
        (
            {"ca_certificates": "nothing"},
            "groups[0].ca_certificates: holds no certificates in PEM form",
        ),
        ({"ca_certificates": pem().decode()}, "groups[0].ca_certificates: holds a private key"),
        ({"ca_certificates": 7}, "groups[0].ca_certificates: must be text, not a number"),
        ({"ca_file": "/etc/ssl/ca.pem"}, "groups[0].ca_file: names a file of this machine"),
        (
            {"ca_file": "a", "ca_certificates": "b"},
            "groups[0].ca_file: stands beside ca_certificates",
        ),
        (
            {"allow_link_local": "yes"},
            "groups[0].allow_link_local: must be true or false, not text",
        ),
        ({"verify": False}, "groups[0]: unknown field 'verify'"),
        (
            {"target_url": METADATA},
            "groups[0].target_url: is a link-local or cloud metadata address; set allow",
        ),
        (
            {"target_url": "http://2852039166/"},
            "groups[0].target_url: is a link-local or cloud metadata address",
        ),
        (
            {"target_url": "http://[fe80::1]"},
            "groups[0].target_url: is a link-local or cloud metadata address",
        ),
        (
            {"target_url": "https://metadata.google.internal"},
            "groups[0].target_url: is a link-local or cloud",
        ),
        (
            {"proxy_url": "socks5h://u:pw@169.254.1.1"},
            "groups[0].proxy_url: is a link-local or cloud metadata",
        ),
        (
            {"target_url": "http://0.0.0.0:80", "allow_link_local": True},
            "groups[0].target_url: is no address of a",
        ),
    ],
)
def test_what_is_wrong_is_told_with_its_place(fields: dict[str, object], problem: str) -> None:
    (found,) = problems(config(**fields))
    assert found.startswith(problem)
    assert "pw" not in found


def test_a_file_that_is_missing_is_told_with_its_place(tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_text(config(ca_file="missing.pem"))
    with pytest.raises(
        ConfigError, match=r"groups\[0\].ca_file: cannot be read: .*missing.pem: No such file"
    ):
        load(tmp_path / "config.yaml")


@pytest.mark.parametrize(
    "url", [METADATA, "http://[fe80::1]:8080", "https://metadata.google.internal/v1"]
)
def test_link_local_targets_and_proxies_are_taken_where_they_are_allowed(url: str) -> None:
    (group,) = parse(
        config(target_url=url, proxy_url="http://169.254.1.1:1", allow_link_local=True)
    ).groups
    assert (group.target_url, group.allow_link_local) == (url, True)


# To the database and back.


def test_an_export_brings_back_what_was_imported_and_changes_nothing() -> None:
    given = parse(
        config(ca_certificates=authority() + OTHER, allow_link_local=True, target_url=METADATA)
    )
    import_config(given, source=SOURCE)
    exported = export_groups(mask=False).text
    assert f"ca_certificates: |\n      {authority().splitlines()[0]}\n" in exported
    assert parse(exported).groups == given.groups
    assert not import_config(parse(exported), source=Path("/other"), prune=True).changed
    assert export_groups(mask=False).text == exported


def test_what_is_not_set_is_not_exported() -> None:
    import_config(parse(config()), source=SOURCE)
    exported = export_groups(mask=False).text
    assert "ca_" not in exported
    assert "link_local" not in exported


def test_an_import_says_how_many_certificates_there_are_and_shows_none() -> None:
    import_config(parse(config()), source=SOURCE)
    report = import_config(
        parse(config(ca_certificates=authority() + OTHER, allow_link_local=True)), source=SOURCE
    )
    (line,) = [line for line in report.details if line.startswith("updated group")]
    assert "ca_certificates none → 2 certificates" in line
    assert "allow_link_local 'False' → 'True'" in line
    assert "BEGIN" not in "\n".join(report.lines())


def test_a_start_takes_over_a_file_of_authorities_that_has_changed(tmp_path: Path) -> None:
    file = tmp_path / "config.yaml"
    file.write_text(config(ca_file="ca.pem"))
    (tmp_path / "ca.pem").write_text(authority())
    apply_changes(file)
    assert not apply_changes(file).changed
    (tmp_path / "ca.pem").write_text(OTHER)
    assert apply_changes(file).groups.updated == 1
    assert Group.objects.get().ca_certificates == OTHER


# The admin.


@pytest.fixture
def operator() -> Client:
    return superuser()


def change(operator: Client, group: Group, **fields: str) -> str:
    return submit(operator, "proxyapp_group_change", group.pk, data=GROUP_FORM | fields)


def test_the_form_keeps_the_certificates_alone_and_says_what_they_are(operator: Client) -> None:
    group, before = add_group(), pool_version()
    change(
        operator,
        group,
        ca_certificates=f"ours:\n{authority()}",
        allow_link_local="on",
        target_url=METADATA,
    )
    group.refresh_from_db()
    assert (group.ca_certificates, group.allow_link_local, group.target_url) == (
        authority(),
        True,
        METADATA,
    )
    assert pool_version() > before
    assert "Now: CN=tests, until 20" in text(page(operator, "proxyapp_group_change", group.pk))
    said = AuditEntry.objects.order_by("-id")[0].detail
    assert "CA certificates: 1 certificate" in said
    assert "BEGIN" not in said


def test_the_form_does_not_change_certificates_that_stay(operator: Client) -> None:
    group = add_group(ca_certificates=authority())
    change(operator, group, ca_certificates=authority().replace("\n", "\r\n"), name="renamed")
    group.refresh_from_db()
    assert (group.name, group.ca_certificates) == ("renamed", authority())
    assert "certificate" not in AuditEntry.objects.order_by("-id")[0].detail


def test_the_form_refuses_a_private_key_and_does_not_give_it_back(operator: Client) -> None:
    group = add_group()
    html = change(operator, group, ca_certificates=pem().decode())
    assert "The text holds a private key" in text(html)
    assert pem().decode().splitlines()[-2] not in html
    group.refresh_from_db()
    assert group.ca_certificates == ""


@pytest.mark.parametrize(
    "fields",
    [{"target_url": "http://0xa9fea9fe"}, {"new_proxy_url": "http://user:pw@169.254.169.254:1"}],
)
def test_the_form_refuses_metadata_unless_it_is_allowed(
    operator: Client, fields: dict[str, str]
) -> None:
    group = add_group()
    html = change(operator, group, **fields)
    assert "The host is a link-local or cloud metadata address" in text(html)
    assert "user:pw" not in html
    change(operator, group, allow_link_local="on", **fields)
    group.refresh_from_db()
    assert group.allow_link_local


def test_the_leave_cannot_be_taken_from_a_proxy_that_needs_it(operator: Client) -> None:
    group = add_group(proxy_url="http://169.254.1.1:1", allow_link_local=True)
    assert "The host is a link-local" in text(change(operator, group))
    change(operator, group, remove_proxy="on")
    group.refresh_from_db()
    assert (group.proxy_url, group.allow_link_local) == (None, False)
