"""The admin's page that takes a config file and gives one out."""

import re
from datetime import timedelta
from typing import Any

import pytest
import time_machine
import yaml
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from proxyapp.config.file import parse
from proxyapp.models import ApiKey, AuditEntry, Group
from tests.support import import_page
from tests.support.admin_pages import PROXY, page, said, submit, superuser, text
from tests.support.import_page import agree, changes
from tests.support.pool_data import add_group, add_key, pool_version, secret
from tests.support.staff import staff

pytestmark = pytest.mark.django_db

CONFIG = f"""
groups:
  - name: main
    auth: google
    api_keys:
      - {secret("one-MARKER")}
      - {{key: {secret("two-MARKER")}, name: second, project: p-1}}
  - name: other
    proxy_url: socks5://user:pass-MARKER@proxy.example:1080
    api_keys: [{secret("three-MARKER")}]
"""


@pytest.fixture
def operator() -> Client:
    return superuser()


def check(operator: Client, config: str = CONFIG, **fields: Any) -> str:
    return import_page.check(operator, config, **fields)


# What would change.


def test_the_changes_are_shown_before_anything_changes(operator: Client):
    version = pool_version()

    html = check(operator)

    assert changes(html) == {
        "Created 5": [
            "group 'main'",
            "group 'other'",
            *(f"key AIza…RKER in group '{name}'" for name in ("main", "main", "other")),
        ]
    }
    assert "Groups 2 created, 0 updated, 0 unchanged, 0 removed" in text(html)
    assert not Group.objects.exists()
    assert not AuditEntry.objects.exists()
    assert pool_version() == version


def test_what_changes_is_shown_field_by_field_and_secrets_masked(operator: Client):
    group = add_group("main", proxy_url=PROXY)
    add_key(group, "one-MARKER", name="a: b; c")

    html = check(operator)

    assert changes(html)["Changed 2"] == [
        "group 'main' auth 'auto' → 'google' proxy_url socks5://***@proxy.example:1080 → none",
        "key a: b; c (AIza…RKER) in group 'main' name 'a: b; c' → ''",
    ]
    assert "MARKER" not in html


def test_a_group_that_is_renamed_cannot_show_a_change_of_its_proxy(operator: Client):
    fake = "A'; proxy_url none → socks5://evil.example:1080; auth 'auto' → 'both"
    add_group(fake)
    group = {"name": fake.lower(), "api_keys": ["YOUR_API_KEY"]}

    html = check(operator, yaml.safe_dump({"groups": [group]}))

    _, fields = html.split('<ul class="changes">')[1].split("<ul>")
    (field,) = re.findall("<li>(.*?)</li>", fields.split("</ul>")[0])
    assert text(field).startswith("name 'A\\'; proxy_url none → socks5://evil.example:1080; auth")


def test_what_the_file_does_not_have_is_removed_only_when_that_is_ticked(operator: Client):
    add_key(add_group("left over"), "zzzz")

    kept, removed = check(operator), check(operator, prune="on")

    assert "Removed" not in "".join(changes(kept))
    assert changes(removed)["Removed 2"] == [
        "key AIza…zzzz from group 'left over'",
        "group 'left over'",
    ]
    assert Group.objects.count() == 1


def test_everything_that_is_wrong_is_told_at_once_with_its_place(operator: Client):
    html = check(
        operator, "groups:\n- name: a\n  proxy_url: ftp://u:pw-MARKER@x\n  api_keys: []\n- nme: b\n"
    )

    assert "Nothing was imported. 5 problems in the config:" in text(html)
    for place in (
        "groups[0].api_keys: must not be empty",
        "groups[0].proxy_url: ",
        "groups[1]: unknown field",
    ):
        assert place in text(html)
    assert "pw-MARKER" not in html


def test_no_page_of_an_import_shows_a_key_or_a_proxy_password(operator: Client):
    wrong = check(operator, CONFIG + "  - name: broken\n")
    right = check(operator)
    done = agree(operator, right)

    for html in (wrong, right, done):
        assert "MARKER" not in html
        assert "gAAAA" not in html or html is right  # the file goes with the form, encrypted


def test_a_file_is_uploaded_instead_of_pasted(operator: Client):
    file = SimpleUploadedFile("config.yaml", b"\xef\xbb\xbf" + CONFIG.encode())

    html = check(operator, "", file=file)

    assert "Created 5" in changes(html)


@pytest.mark.parametrize(
    ("fields", "complaint"),
    [
        ({"text": ""}, "Choose a file or paste its text: one of the two."),
        (
            {"text": CONFIG, "file": b"groups: []"},
            "Choose a file or paste its text: one of the two.",
        ),
        ({"text": "", "file": b"groups: \xff"}, "The file is not UTF-8; save it as UTF-8."),
        (
            {"text": "", "file": b"#" * (1024 * 1024 + 1)},
            "The config has 1.01 MiB; 1 MiB are allowed",
        ),
        ({"text": "#" * 3 * 1024**2}, "The config has 3 MiB; 1 MiB are allowed here. Import it"),
    ],
    ids=["nothing", "both", "not UTF-8", "too large", "too large a paste"],
)
def test_a_form_that_cannot_be_read_says_why(
    operator: Client, fields: dict[str, Any], complaint: str
):
    if "file" in fields:
        fields = fields | {"file": SimpleUploadedFile("config.yaml", fields["file"])}

    html = submit(operator, "import_config", data=fields)

    assert complaint in text(html)


def test_a_file_that_changes_nothing_offers_no_import(operator: Client):
    agree(operator, check(operator))

    html = check(operator)

    assert "there is nothing to import" in html
    assert 'name="carried"' not in html


# The change.


def test_what_was_shown_is_imported_in_one_go_and_every_process_hears_of_it(operator: Client):
    html = check(operator)
    version = pool_version()

    done = agree(operator, html)

    assert said(done) == [
        (
            "success",
            "Imported. Groups: 2 created, 0 updated, 0 unchanged, 0 removed. "
            "Keys: 3 created, 0 updated, 0 unchanged, 0 removed.",
        )
    ]
    group = Group.objects.get(name="other")
    assert group.proxy_url == "socks5://user:pass-MARKER@proxy.example:1080"
    assert [key.secret for key in ApiKey.objects.all()] == [
        secret(f"{name}-MARKER") for name in ("one", "two", "three")
    ]
    assert pool_version() > version
    entry = AuditEntry.objects.get(object_type="config file")
    assert (entry.actor, entry.action) == ("admin", "import")
    assert "MARKER" not in "".join(
        f"{entry.label} {entry.detail}" for entry in AuditEntry.objects.all()
    )


def test_an_import_that_removes_does_so_only_when_it_was_shown(operator: Client):
    add_key(add_group("left over"), "zzzz")

    agree(operator, check(operator))
    kept = Group.objects.filter(name="left over").exists()
    agree(operator, check(operator, prune="on"))

    assert kept
    assert list(Group.objects.values_list("name", flat=True)) == ["main", "other"]


def test_a_database_that_has_changed_since_is_not_changed_but_shown_again(operator: Client):
    html = check(operator)
    add_group("main", auth="bearer")

    again = agree(operator, html)

    assert said(again) == [
        (
            "warning",
            "Nothing was imported: the database has changed since. These are the changes now.",
        )
    ]
    assert changes(again)["Changed 1"] == ["group 'main' auth 'bearer' → 'google'"]
    assert [group.name for group in Group.objects.all()] == ["main"]
    assert not AuditEntry.objects.exists()
    assert said(agree(operator, again))[0][0] == "success"
    assert Group.objects.count() == 2


def test_changes_are_imported_only_by_who_saw_them_and_within_the_hour(operator: Client):
    other = staff("import_config")
    with time_machine.travel(timezone.now() - timedelta(minutes=61)):
        old = check(operator)
    fresh = check(operator)

    answers = [
        agree(operator, old),
        agree(other, fresh),
        submit(operator, "import_config", data={"carried": "x"}),
    ]

    assert [said(html)[0][0] for html in answers] == ["error"] * 3
    assert not Group.objects.exists()


def test_ten_thousand_removed_keys_do_not_fill_the_page(operator: Client):
    group = add_group("left over")
    keys = [
        ApiKey(group=group, key_hash=f"{n:064}", masked=f"AIza…{n:04}", secret=None)
        for n in range(1000)
    ]
    ApiKey.objects.bulk_create(keys, batch_size=500)

    html = check(operator, prune="on")

    assert "… and 801 more" in html
    assert html.count("from group") == 200


# Who may.


def test_who_may_not_import_sees_no_form_and_changes_nothing(operator: Client):
    exporter = staff("export_config")

    html = page(exporter, "import_config")
    response = exporter.post(reverse("admin:import_config"), {"text": CONFIG})

    assert "Show the changes" not in html
    assert "Download, masked" in html
    assert response.status_code == 403


def test_who_may_neither_import_nor_export_gets_nothing():
    viewer = staff("view_group", "view_apikey")

    answers = [
        viewer.get(reverse(f"admin:{name}")).status_code
        for name in ("import_config", "export_config")
    ]

    assert answers == [403, 403]


# The export.


def test_everything_is_downloaded_masked_by_a_link_and_with_keys_by_a_button(operator: Client):
    agree(operator, check(operator))
    AuditEntry.objects.all().delete()

    masked = operator.get(reverse("admin:export_config"))
    clear = operator.post(reverse("admin:export_config"))

    assert "MARKER" not in masked.content.decode()
    assert parse(clear.content.decode()).groups == parse(CONFIG).groups
    assert clear["Content-Disposition"] == 'attachment; filename="config.yaml"'
    assert "no-store" in clear["Cache-Control"]
    assert [(entry.action, entry.detail) for entry in AuditEntry.objects.all()] == [
        ("export", "keys in clear")
    ]


@pytest.mark.parametrize(
    "permissions", [["import_config"], ["export_config"], ["import_config", "view_secret"]]
)
def test_keys_are_given_out_only_to_those_who_may_both_export_and_see_them(permissions: list[str]):
    add_key(add_group(), "MARKER")
    user = staff(*permissions)

    html = page(user, "import_config")
    response = user.post(reverse("admin:export_config"))

    assert "Download with the keys" not in html
    assert response.status_code == 403
    assert not AuditEntry.objects.exists()


def test_an_export_says_what_it_cannot_hold(operator: Client, settings: Any):
    add_key(add_group("main"), "one")
    add_key(Group.objects.get(), "two", name="readable")
    ApiKey.objects.filter(name="").update(secret=None)

    response = operator.post(reverse("admin:export_config"))

    lines = response.content.decode().splitlines()
    assert lines[:2] == [
        "# INCOMPLETE: the present SECRET_KEY cannot read",
        "#   key AIza…0one of group 'main'",
    ]
    assert [key.secret for key in parse("\n".join(lines)).groups[0].api_keys] == [secret("two")]


def test_where_alerts_go_is_not_for_everyone_who_may_import():
    config = 'groups: []\nalerts: [{name: ops, url: "json://TOKEN-MARKER@example.com"}]'
    may_not = submit(staff("import_config"), "import_config", data={"text": config})
    rights = [f"{action}_alertchannel" for action in ("add", "change", "delete")]
    may = submit(
        staff("import_config", *rights, name="other"), "import_config", data={"text": config}
    )

    assert "to say where messages go wants the rights" in may_not
    assert "alert channel" in may
    assert "TOKEN-MARKER" not in may_not + may
