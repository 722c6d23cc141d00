"""Many keys at once: what is found in a text, and the two steps in the admin that add it."""

import json
import math
import re
from typing import Any

import pytest
import time_machine
from django.contrib.admin.models import LogEntry
from django.contrib.sessions.models import Session
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import IntegrityError, connection
from django.test import Client
from django.urls import reverse

from proxyapp.admin.parts.carried_form import seal, unseal
from proxyapp.config.pasted_keys import find_keys
from proxyapp.models import ApiKey, AuditEntry, Group
from proxyapp.vocabulary.choices import DEFAULT_TARGET_URL
from tests.support.admin_pages import page, said, superuser, text
from tests.support.pool_data import NOW, add_group, add_key, pool_version, secret
from tests.support.staff import staff

A, B, C = secret("key-a"), secret("key-b"), secret("key-c")
OTHER = "a1b2c3d4e5f6a7b8c9d0e1f2"  # of no provider that is known by its prefix
SK = "sk-proj-Ab12Cd34Ef56"


def found(content: str) -> list[str]:
    return [key.secret for key in find_keys(content).keys if not key.doubt]


# What is found.


@pytest.mark.parametrize(
    "content",
    [
        f"{A}\n{B}\n{C}",
        f"{A}, {B};{C}",
        f"  - {A}\n  - {B}\n  - {C}\n",
        f"1. {A}\n2) {B}\n* {C}",
        json.dumps([A, B, C]),
        json.dumps({"keys": [A, {"key": B, "name": "b"}], "other": {"API_KEY_3": C}}),
        json.dumps({"default": {"anything": [A, B, C]}}),
        f"groups:\n  - name: one\n    api_keys:\n      - {A}\n      - {{key: {B}, name: b}}\n"
        f"  - name: two\n    api_keys: [{C}]\n",
        f"GEMINI_API_KEY={A}\nexport GOOGLE_API_KEYS='{B},{C}'\nPORT=8080\n",
        f"key,name,project\n{A},a,p\n{B},b,p\n{C},,\n",
        f"name;api key\na;{A}\nb;{B}\nc;{C}",
        f"Use {A} or https://host.example/v1?key={B}&x=1 (or else {C}).",
        f"\ufeff{A}\r\n{B}\r\n# {OTHER}\r\n\r\n{C}\r\n",
    ],
    ids=[
        "lines",
        "commas",
        "list",
        "numbered",
        "json",
        "nested",
        "unknown",
        "config",
        "env",
        "csv",
        "semicolons",
        "prose",
        "bom",
    ],
)
def test_keys_are_found_in_any_text(content: str):
    assert found(content) == [A, B, C]


@pytest.mark.parametrize(
    "key", [A, OTHER, SK, "AQ.Ab8RN6Jx-2345", "3f2504e0-4f89-11d3-9a0c-0305e82c3301"]
)
def test_in_prose_a_key_is_known_by_its_prefix_or_by_letters_and_digits(key: str):
    assert found(f"the first is {key}, it is good") == [key]


@pytest.mark.parametrize(
    "word",
    [
        "gemini-2.5-flash-preview-09-2025",
        "generativelanguage.googleapis.com",
        "https://host.example/a1b2c3d4e5f6a7b8c9d0",
        "someone@a1b2c3d4e5f6a7b8c9d0.example",
        "internationalization-of-words",
        "YOUR_GEMINI_API_KEY_12345678",
        "12345678901234567890",
        "sk-learn-and-other-words",
    ],
)
def test_in_prose_models_hosts_addresses_and_words_are_no_keys(word: str):
    assert found(f"see {word} for more") == []


def test_names_and_projects_come_from_the_fields_beside_a_key():
    for content in (
        f"name,key,project\nlaptop,{A},p-1\n",
        json.dumps([{"key": A, "name": "laptop", "project": "p-1"}]),
        f"groups:\n- name: g\n  api_keys:\n  - key: {A}\n    name: laptop\n    project: p-1\n",
    ):
        (key,) = find_keys(content).keys
        assert (key.secret, key.name, key.project) == (A, "laptop", "p-1")


def test_each_key_is_taken_once_and_told_where_it_is_again():
    result = find_keys(f"{A}\n{B} {A}\n{A}")

    assert [(key.secret, key.line) for key in result.keys] == [(A, 1), (B, 2)]
    assert [(key.secret, key.line) for key in result.repeats] == [(A, 2), (A, 3)]


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("these are only words", "has no key in it"),
        ("PORT=8080", "has no key in it"),
        ("GEMINI_API_KEY=", "has no key in it"),
        ("YOUR_GEMINI_API_KEY_1", "is a placeholder"),
        ("AIza…x9Qk", "is a masked key"),
        ("GEMINI_API_KEY=<your key>", "is a placeholder"),
        ("кл\u044eч", "has characters outside ASCII"),
        ("key: https://host.example/path", "has no key in it"),
    ],
)
def test_what_is_no_key_is_told_with_its_line_and_why(line: str, reason: str):
    result = find_keys(f"{A}\n\n{line}\n")

    assert (result.keys[0].secret, result.keys[0].doubt) == (A, "")
    assert [(reject.line, reason in reject.reason) for reject in result.rejects[:1]] == [(3, True)]


@pytest.mark.parametrize(
    ("key", "doubt"),
    [
        ("short-1", "has 7 characters; keys have 16 or more"),
        ("a1" * 151, "has 302 characters; keys have 300 or less"),
        ("only-words-and-more-words", "looks like words, not like a key"),
        ("a1b2c3d4e5f6/a7b8c9d0", "has characters that keys do not have"),
    ],
)
def test_an_unlikely_key_in_the_place_of_one_is_left_to_the_operator(key: str, doubt: str):
    (only,) = find_keys(json.dumps({"api_keys": [key]})).keys

    assert (only.secret, only.doubt) == (key, doubt)


@pytest.mark.parametrize(
    ("secret", "what"),
    [
        ("sk-abcdefghij1234567890ABCD", "OpenAI"),
        ("sk-ant-api03-abcdefghij1234567890", "Anthropic"),
        ("ghp_abcdefghij1234567890ABCDabcdefghij12", "GitHub"),
        ("gsk_abcdefghij1234567890ABCD", "Groq"),
        ("xoxp-1234567890-abcdefghij12", "Slack"),
        ("npm_abcdefghij1234567890ABCD", "npm"),
        ("sk_live_51H8abcdefghij1234567890", "Stripe"),
        ("SG.abcdefghij1234567890ABC.abcdefghij1234567890ABC", "SendGrid"),
        ("AKIAIOSFODNN7EXAMPLE", "AWS"),
        ("gk-abcdefghij1234567890ABCD", "a token of a gateway's client"),
    ],
)
def test_a_secret_of_another_service_is_in_doubt_for_gemini_alone(secret: str, what: str):
    of_gemini, of_another = (
        find_keys(secret, target).keys[0].doubt
        for target in (DEFAULT_TARGET_URL, "https://api.example")
    )

    assert what in of_gemini
    assert of_another == ""


def test_no_result_but_a_key_holds_a_secret():
    masked = A[:20] + "…" + A[20:]

    assert A not in repr(find_keys(f"{A}\n{A}"))
    assert A[:20] not in repr(find_keys(f'{masked}\n"{A[:20]} {A[20:]}x…"'))


@pytest.mark.parametrize(
    "content",
    [
        "[" * 20_000,
        "[{" * 20_000,
        "- a: " * 5000,
        '{"a":' * 900 + "1" + "}" * 900,
        "key\n" + '"' * 50_000,
        "a:" * 50_000,
        "sk-" * 30_000,
        "a@" * 50_000,
        "://" * 30_000,
        "[1" + "0" * 6000 + "]",
        "\0\0",
        "key,name\n",
        "%YAML 9",
    ],
)
def test_no_text_is_too_odd(content: str):
    assert found(content) == []


# The two steps.


@pytest.fixture
def operator(db: None) -> Client:
    return superuser()


def paste(operator: Client, content: str = "", **fields: Any) -> str:
    data = {
        "text": content,
        "project": "",
        "name_prefix": "",
        "new_group": "",
        "group": "",
        **fields,
    }
    answer = operator.post(reverse("admin:proxyapp_apikey_bulk_add"), data)
    assert answer.status_code == 200
    assert "no-store" in answer["Cache-Control"]
    return answer.content.decode()


def hidden(html: str) -> str:
    (sealed,) = re.findall(r'name="carried" value="([^"]+)"', html)
    return str(sealed)


def ticks(html: str) -> list[str]:
    return re.findall(r'name="take" value="(\d+)"[^>]*\schecked', html)


def add(operator: Client, html: str, take: list[str] | None = None) -> list[tuple[str, str]]:
    """The second step, with what the first has ticked; what it says."""
    data = {"carried": hidden(html), "take": ticks(html) if take is None else take}
    answer = operator.post(reverse("admin:proxyapp_apikey_bulk_add"), data, follow=True)
    assert answer.status_code == 200
    return said(answer.content.decode())


def test_nothing_is_saved_before_the_operator_has_seen_what_was_found(operator: Client):
    other, group = add_group("other"), add_group("main")
    add_key(other, "key-b")

    html = paste(
        operator,
        f"{A}\n{B}\nno key here\nYOUR_API_KEY\n{A}\nshort-1",
        group=group.pk,
        name_prefix="new-",
    )

    shown = text(html)
    assert "1 key found for group main . Nothing is saved yet." in shown
    assert "AIza…ey-a new-1 — 1" in shown
    assert (
        "Duplicates 2 Masked Why Line AIza…ey-b in group other 2 AIza…ey-a given twice 5" in shown
    )
    assert "has no key in it 3" in shown
    assert "is a placeholder; give a real key 4" in shown
    assert "has 7 characters; keys have 16 or more" in shown
    assert ticks(html) == ["0"]
    assert ApiKey.objects.count() == 1


def test_what_is_left_ticked_is_added_in_one_go_and_told(operator: Client):
    group = add_group("main")
    add_key(group, "key-b", position=7)
    version = pool_version()
    html = paste(
        operator, f"{A}\n{B}\n{C}\nno key here", group=group.pk, project="p-1", name_prefix="new-"
    )

    messages = add(operator, html)

    assert messages == [
        ("success", "Added 2 keys to main; 1 was there already; 1 line was no key.")
    ]
    added = ApiKey.objects.filter(project="p-1").values_list("name", "position", "status", "masked")
    assert list(added) == [("new-1", 8, "active", "AIza…ey-a"), ("new-2", 9, "active", "AIza…ey-c")]
    assert {key.secret for key in ApiKey.objects.all()} == {A, B, C}
    assert pool_version() == version + 1
    assert LogEntry.objects.filter(change_message="Added in bulk.").count() == 2
    assert AuditEntry.objects.filter(action="add", actor="admin").count() == 2


def test_only_ticked_keys_are_added_also_one_that_was_in_doubt(operator: Client):
    group = add_group("main")
    html = paste(operator, f"{A}\n{B}\nshort-1", group=group.pk)

    messages = add(operator, html, ["1", "2", "99", "x"])

    assert messages == [("success", "Added 2 keys to main; 1 was left out.")]
    assert {key.secret for key in ApiKey.objects.all()} == {B, "short-1"}


def test_without_a_tick_nothing_is_added(operator: Client):
    html = paste(operator, A, group=add_group().pk)

    assert add(operator, html, []) == [("error", "No key was ticked: nothing was added.")]
    assert not ApiKey.objects.exists()


def test_numbers_go_on_behind_those_of_the_group(operator: Client):
    group = add_group()
    add_key(group, "one", name="laptop-9")
    add_key(group, "two", name="laptop-old")

    add(operator, paste(operator, f"{A}\n{B}", group=group.pk, name_prefix="laptop-"))

    assert {"laptop-10", "laptop-11"} < set(ApiKey.objects.values_list("name", flat=True))


def test_names_and_projects_of_the_text_go_before_those_of_the_form(operator: Client):
    content = f"key,name,project\n{A},own,p-own\n{B},,\n"

    add(operator, paste(operator, content, group=add_group().pk, name_prefix="n", project="p"))

    assert list(ApiKey.objects.values_list("name", "project")) == [("own", "p-own"), ("n1", "p")]


def test_a_new_group_is_made_with_its_keys_and_goes_last(operator: Client):
    add_group("first")

    html = paste(operator, A, new_group=" second ")
    before = Group.objects.count()
    add(operator, html)

    group = Group.objects.get(name="second")
    assert before == 1
    assert (group.position, [key.secret for key in group.keys.all()]) == (1, [A])
    assert group.target_url == "https://generativelanguage.googleapis.com"
    assert group.rate_limit_policy == "quota_aware"
    assert set(AuditEntry.objects.values_list("object_type", "label")) == {
        ("group", "second"),
        ("key", "AIza…ey-a"),
    }


def test_a_file_is_read_as_pasted_text_is(operator: Client):
    file = SimpleUploadedFile("keys.csv", f"\ufeffkey,name\n{A},a\n".encode())

    add(operator, paste(operator, file=file, group=add_group().pk))

    assert list(ApiKey.objects.values_list("name", flat=True)) == ["a"]


@pytest.mark.parametrize(
    ("fields", "problem"),
    [
        ({"text": ""}, "Paste some keys, or choose a file."),
        ({"text": "\n# only this\n"}, "There is nothing in it."),
        ({"file": b"\xff\xfe"}, "The file is not text in UTF-8."),
        ({"file": b"a" * (1024 * 1024 + 1)}, "The file has 1.01 MiB; 1 MiB are allowed here"),
        ({"text": "a" * (1024 * 1024 + 1)}, "The text has 1.01 MiB; 1 MiB are allowed here"),
        ({"text": "ä" * 2 * 1024 * 1024}, "The text has 4 MiB; 1 MiB are allowed here: add the"),
        ({"text": A, "file": A.encode()}, "Paste keys or choose a file, not both."),
        ({"text": A, "group": ""}, "Choose a group, or name a new one."),
        ({"text": A, "new_group": "second"}, "Choose a group or name a new one, not both."),
        ({"text": A, "group": "", "new_group": "MAIN"}, "There is a group of this name"),
        ({"text": A, "group": "", "new_group": "x" * 101}, "The name has 101 characters"),
        ({"text": A, "project": "p" * 101}, "at most 100 characters"),
        ({"text": A, "name_prefix": "a\u2028b"}, "The prefix has control characters"),
    ],
)
def test_a_first_step_that_is_wrong_says_why_and_never_shows_the_keys_again(
    operator: Client, fields: dict[str, Any], problem: str
):
    given = {"group": add_group("main").pk, **fields}
    if "file" in given:
        given["file"] = SimpleUploadedFile("keys.txt", given["file"])

    html = paste(operator, given.pop("text", ""), **given)

    assert problem in html.replace("&#x27;", "'")
    assert A not in html


def test_more_keys_than_a_page_can_show_are_refused(
    operator: Client, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("proxyapp.admin.keys.bulk_add_form.MAX_KEYS", 2)

    assert "3 keys; 2 are added at once at most." in paste(
        operator, f"{A}\n{B}\n{C}", group=add_group().pk
    )


def test_between_the_steps_no_secret_is_in_the_page_the_session_or_a_log(
    operator: Client, caplog: pytest.LogCaptureFixture
):
    html = paste(operator, f"{A}\n{B} …\nshort-secret-1", group=add_group().pk)
    add(operator, html)

    sessions = "".join(str(session.get_decoded()) for session in Session.objects.all())
    logged = "".join(
        f"{entry.object_repr} {entry.change_message}" for entry in LogEntry.objects.all()
    )
    audited = "".join(f"{entry.label} {entry.detail}" for entry in AuditEntry.objects.all())
    for place in (html, sessions, logged, audited, caplog.text):
        assert [leak for leak in (A, B, "short-secret-1") if leak in place] == []


def test_what_is_sealed_opens_for_the_same_user_and_for_an_hour_only(settings: Any):
    with time_machine.travel(NOW, tick=False):
        sealed = seal({"keys": [A]}, 7)

    assert A not in sealed
    with time_machine.travel(NOW.replace(minute=55), tick=False):
        assert unseal(sealed, 7) == {"keys": [A]}
        assert unseal(sealed, 8) is None
        assert unseal(sealed[:-1] + ("a" if sealed[-1] != "a" else "b"), 7) is None
    with time_machine.travel(NOW.replace(hour=5), tick=False):
        assert unseal(sealed, 7) is None


@pytest.mark.parametrize("sealed", ["", "nonsense", "a:b:c"])
def test_a_second_step_that_was_not_sealed_here_adds_nothing(operator: Client, sealed: str):
    answer = operator.post(
        reverse("admin:proxyapp_apikey_bulk_add"), {"carried": sealed, "take": "0"}, follow=True
    )

    assert "Nothing was added: paste the keys again." in answer.content.decode()


def test_a_key_that_came_in_between_the_steps_was_there_already(operator: Client):
    group = add_group("main")
    html = paste(operator, f"{A}\n{B}", group=group.pk)
    add_key(group, "key-a")

    assert add(operator, html) == [("success", "Added 1 key to main; 1 was there already.")]


def test_a_group_that_went_in_between_the_steps_is_not_made_again(operator: Client):
    group = add_group("main")
    html = paste(operator, A, group=group.pk)
    group.delete()

    ((level, problem),) = add(operator, html)

    assert (level, "paste the keys again" in problem) == ("error", True)
    assert not Group.objects.exists()


def test_a_change_at_the_same_moment_adds_nothing_and_says_so(
    operator: Client, monkeypatch: pytest.MonkeyPatch
):
    html = paste(operator, A, group=add_group().pk)

    def clash(*_: Any, **__: Any) -> None:
        raise IntegrityError("unique")

    monkeypatch.setattr("proxyapp.admin.keys.bulk_add.add_keys", clash)

    ((level, problem),) = add(operator, html)

    assert (level, problem.startswith("Somebody else changed")) == ("error", True)


def test_thousands_of_keys_take_few_queries(operator: Client, django_assert_max_num_queries: Any):
    group = add_group()
    content = "\n".join(secret(f"{number:08}x{number:04}") for number in range(3000))
    with django_assert_max_num_queries(12):
        html = paste(operator, content, group=group.pk)

    # Inserts of 500 rows, of some less where a database takes few parameters.
    taken = connection.features.max_query_params or 1_000_000
    rows = min(500, taken // len(ApiKey._meta.concrete_fields))
    with django_assert_max_num_queries(66 + 6 * math.ceil(500 / rows)):
        operator.post(
            reverse("admin:proxyapp_apikey_bulk_add"),
            {"carried": hidden(html), "take": ticks(html)},
        )

    assert group.keys.count() == 3000


# Who may.


def test_the_list_leads_to_it(operator: Client):
    assert 'href="/admin/proxyapp/apikey/bulk-add/"' in page(operator, "proxyapp_apikey_changelist")


@pytest.mark.django_db
def test_who_may_not_add_keys_gets_neither_step():
    viewer = staff("view_apikey", "change_apikey")

    for answer in (viewer.get, viewer.post):
        assert answer(reverse("admin:proxyapp_apikey_bulk_add")).status_code == 403


@pytest.mark.django_db
def test_who_may_not_add_groups_chooses_among_those_there_are():
    group = add_group("main")
    adder = staff("view_apikey", "add_apikey")

    html = paste(adder, A, new_group="second")
    assert "This field is required." in html
    assert "new_group" not in html
    assert add(adder, paste(adder, A, group=group.pk)) == [("success", "Added 1 key to main.")]
