"""What is taken as a key: judged alike in the config file, in a bulk add and in a key's form."""

import io
import json
import time
from pathlib import Path

import pytest
import yaml
from django.core.management import CommandError, call_command
from django.test import Client
from django.urls import reverse
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from proxyapp.config.file import ConfigError, parse
from proxyapp.config.key_shape import doubt
from proxyapp.config.pasted_keys import find_keys
from proxyapp.config.variables import escaped
from proxyapp.models import ApiKey
from proxyapp.vocabulary.checks import check_key
from proxyapp.vocabulary.choices import DEFAULT_TARGET_URL
from proxyapp.vocabulary.no_keys import is_placeholder
from tests.support.admin_pages import key_form, said, submit, superuser
from tests.support.pool_data import add_group, secret
from tests.support.service_accounts import account

KEY = secret("key-a")
OTHERS_TARGET = "https://api.example.com"

NO_KEYS = {
    "a masked key": ["AIza…abcd", "AIza***abcd", "AIza...abcd", "AIzaxxxxxxxxabcd", "••••"],
    "a placeholder": [
        *["YOUR_API_KEY", "your-key-here", "xxx", "changeme", "AIzaSy...", "...", "<KEY>", "TODO"],
        *["AIzaSyXXXXXXXXXXXXXXXX", "sk-xxxxxxxx", "API_KEY_HERE", "api-key", "GEMINI_API_KEY"],
    ],
    "the name of a variable": [
        *["$X", "${X}", "${X:-y}", "%X%", "{{ x }}", "$(cat /k)", "#{KEY}#", "__KEY__", "$env:X"],
        *["${{ secrets.X }}", "%(key)s", "((key))", "[[key]]", "@@KEY@@", "GEMINI_API_KEY_2"],
    ],
    "a reference to a secret": [
        *["os.environ/X", "os.environ['X']", "env:X", "env.X", "process.env.X", "secrets.X"],
        *["op://vault/item/key", "vault:secret/data/x#key", "sm://x", "secretref:x", "kv/x:y"][:4],
        "arn:aws:secretsmanager:eu-west-1:123456789012:secret:gemini-AbCdEf",
        *["projects/1/secrets/x/versions/2", "@Microsoft.KeyVault(SecretUri=x)", "@key.txt"],
        *["!vault x", "ENC[AES256_GCM,data:x]", "file:x", "file:///run/secrets/x"],
        *["/run/secrets/x", "./key", "~/key", "C:\\key", "keys.txt", "ref+vault://x#/y"],
    ],
    "an assignment": [
        *[f"GEMINI_API_KEY={KEY}", f"key: {KEY}", f"export X={KEY}", f"api_key:{KEY}"],
        *[f"set KEY={KEY}", f'"key": "{KEY}"', f"x => {KEY}", f"GEMINI_KEY = {KEY}"],
    ],
    "has a comment": [f"{KEY} # mine", f"{KEY} // mine", f"# {KEY}", f"{KEY} ; mine"],
    "an HTTP header": [f"Bearer {KEY}", f"x-goog-api-key: {KEY}", f"Authorization: Bearer {KEY}"],
    "is a URL": [f"https://h/v1beta/models?key={KEY}", f"?key={KEY}", "https://h", f"x?key={KEY}"],
    "Markdown": [f"- {KEY}", f"* {KEY}", f"`{KEY}`", f"**{KEY}**", f"1. {KEY}", f"> {KEY}"],
    "a quotation mark": [
        *[f'"{KEY}"', f"'{KEY}", f"{KEY}\u201d", f"\u00ab{KEY}\u00bb", f"{KEY}\u2019"],
    ],
    "a comma inside": [f"{KEY},{KEY}", f"{KEY},laptop,project", f"{KEY},"],
    "a semicolon inside": [f"{KEY};{KEY}"],
    "a vertical bar inside": [f"{KEY}|{KEY}"],
    "a bracket": [f"[{KEY}]", f"{KEY}}}"],
    "a backslash": [f"{KEY}\\n"],
    "white space": [f"{KEY} {KEY}", f"{KEY}\t{KEY}"],
    "an invisible character (U+": [f"\ufeff{KEY}", f"{KEY}\u200b", f"AIza\u00a0{KEY}"],
    "outside ASCII": ["кл\u044eч"],
    "a private key or a service account": [
        "-----BEGIN PRIVATE KEY-----\nMIIEvQ\n-----END PRIVATE KEY-----",
        '{"type": "service_account", "private_key": "x"}',
    ],
}  # fmt: skip
NO_KEY_TEXTS = [(text, why) for why, texts in NO_KEYS.items() for text in texts]

GOOD = [KEY, "AQ.Ab8RN6Jx-2345_abcdefghijkl", "A1b2c3d4e5f6a7b8c9d0"]
DOUBTED_FOR_GOOGLE = [
    ("sk-proj-Ab12Cd34Ef56Gh78", "OpenAI"),
    ("sk-ant-api03-Ab12Cd34Ef56", "Anthropic"),
    ("sk-or-v1-a1b2c3d4e5f6", "OpenRouter"),
    ("gsk_a1b2c3d4e5f6a7b8", "Groq"),
    ("xai-a1b2c3d4e5f6a7b8", "xAI"),
    ("hf_a1b2c3d4e5f6a7b8", "Hugging Face"),
    ("r8_a1b2c3d4e5f6a7b8", "Replicate"),
    ("pplx-a1b2c3d4e5f6a7b8", "Perplexity"),
    ("ghp_a1b2c3d4e5f6a7b8", "GitHub"),
    ("AKIAA1B2C3D4E5F6A7B8", "AWS"),
    ("ya29.a0Af_a1b2c3d4e5f6", "OAuth access token"),
    ("gk-a1b2c3d4e5f6a7b8c9", "a token of a gateway's client"),
]
DOUBTED = [
    ("short", "has 5 characters"),
    ("a1" * 151, "has 302 characters"),
    (KEY[:-1], "has 38 characters; Google's AIza keys have 39"),
    (f"{KEY}x", "has 40 characters; Google's AIza keys have 39"),
    (f"{KEY[:-1]}.", "that Google's AIza keys do not have"),
    ("words-and-more-words", "looks like words"),
]


def in_config(text: str, target_url: str = DEFAULT_TARGET_URL) -> tuple[str, str]:
    """What the config file says of this very text: why it is refused, why it is doubted."""
    group = {"name": "a", "target_url": target_url, "api_keys": [KEY[::-1], escaped(text)]}
    try:
        (read,) = parse(yaml.safe_dump({"groups": [group]}, allow_unicode=True)).groups
    except ConfigError as error:
        (problem,) = error.problems
        place, _, why = problem.partition(": ")
        assert place == "groups[0].api_keys[1]"
        return why, ""
    if read.placeholders:
        assert read.placeholders == ("groups[0].api_keys[1]",)
        return check_key(text) or "", ""
    told = {place: why for place, _, why in (doubt.partition(" ") for doubt in read.doubts)}
    return "", told.get("groups[0].api_keys[1]", "")


def in_bulk_add(text: str, target_url: str = DEFAULT_TARGET_URL) -> tuple[str, str]:
    found = find_keys(json.dumps({"keys": [{"key": text}]}), target_url)
    return (found.rejects[0].reason, "") if found.rejects else ("", found.keys[0].doubt)


def in_form(operator: Client, text: str) -> tuple[str, str]:
    group = add_group("form")
    html = submit(operator, "proxyapp_apikey_add", data=key_form(group, new_secret=text))
    if ApiKey.objects.exists():
        doubts = [line for level, line in said(html) if level == "warning"]
        return "", doubts[0] if doubts else ""
    return html.replace("&#x27;", "'"), ""


@pytest.mark.parametrize(("text", "why"), NO_KEY_TEXTS)
def test_what_is_no_key_is_refused_alike_with_its_reason_and_without_its_value(text: str, why: str):
    refused = check_key(text) or ""

    assert why in refused
    assert in_config(text) == in_bulk_add(text) == (refused, "")
    assert KEY not in refused


@pytest.mark.parametrize("key", GOOD)
def test_a_key_is_one_for_any_target(key: str):
    for target in (DEFAULT_TARGET_URL, OTHERS_TARGET):
        assert in_config(key, target) == in_bulk_add(key, target) == ("", "")


@pytest.mark.parametrize(("key", "why"), DOUBTED_FOR_GOOGLE)
def test_a_key_of_another_provider_is_doubted_where_the_target_is_google(key: str, why: str):
    refused, doubted = in_config(key)

    assert why in doubted
    assert (refused, doubted) == in_bulk_add(key)
    assert in_config(key, OTHERS_TARGET) == in_bulk_add(key, OTHERS_TARGET) == ("", "")


@pytest.mark.parametrize(("key", "why"), DOUBTED)
def test_a_key_of_an_unlikely_shape_is_doubted_alike(key: str, why: str):
    assert why in in_config(key)[1]
    assert in_config(key) == in_bulk_add(key) == ("", doubt(key, DEFAULT_TARGET_URL))


PIECES = (
    KEY,
    KEY[:9],
    *"$%#,;|=:}\"'`\\\n …é\u200bX",
    "sk-",
    "gsk_",
    "${",
    "{{",
    "- ",
    "***",
    "...",
)
pieces = st.sampled_from([*PIECES, "key", "env", "file", "://"])


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.lists(pieces, min_size=1, max_size=6).map("".join),
    st.sampled_from([DEFAULT_TARGET_URL, OTHERS_TARGET]),
)
def test_any_text_is_judged_alike(text: str, target_url: str):
    if text.strip() in ("", KEY[::-1]):
        return
    expected = check_key(text) or ""
    wanted = (expected, "" if expected else doubt(text.strip(), target_url))

    assert in_config(text, target_url) == in_bulk_add(text, target_url) == wanted


@pytest.mark.django_db
@pytest.mark.parametrize(
    "text", [texts[0] for why, texts in NO_KEYS.items() if "\n" not in texts[0] and "U+" not in why]
)
def test_the_form_refuses_with_the_same_words_and_gives_nothing_back(text: str):
    refused, _ = in_form(superuser(), text)

    assert f"The key {check_key(text)}." in refused
    assert KEY not in refused


@pytest.mark.django_db
@pytest.mark.parametrize(("key", "why"), [*DOUBTED[:1], *DOUBTED_FOR_GOOGLE[:1]])
def test_the_form_saves_a_doubtful_key_and_says_so(key: str, why: str):
    _, doubted = in_form(superuser(), key)

    assert why in doubted
    assert doubt(key, DEFAULT_TARGET_URL) in doubted


@pytest.mark.django_db
def test_the_command_refuses_the_whole_file_and_doubts_with_a_warning(tmp_path: Path):
    file = tmp_path / "config.yaml"
    group = {"name": "a", "api_keys": [KEY, f"X_KEY={KEY}"]}
    file.write_text(yaml.safe_dump({"groups": [group]}))
    with pytest.raises(CommandError, match=r"groups\[0\]\.api_keys\[1\]: is an assignment"):
        call_command("import_config", str(file))
    assert not ApiKey.objects.exists()

    group["api_keys"] = [KEY, *(f"sk-proj-Ab12Cd34Ef56Gh7{number}" for number in range(7))]
    file.write_text(yaml.safe_dump({"groups": [group]}))
    out = io.StringIO()
    call_command("import_config", str(file), stdout=out)
    warnings = [line for line in out.getvalue().splitlines() if line.startswith("warning:")]
    assert warnings[0].startswith(
        "warning: group 'a': groups[0].api_keys[1] looks like a key of OpenAI"
    )
    assert warnings[-1] == "warning: group 'a': 2 more keys look like none"
    assert ApiKey.objects.count() == 8


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("projects/12/secrets/gemini-production-key1/versions/2", "a reference"),
        ("{{ gemini_production_key1_a }}", "a variable"),
        ("API_KEY={{ gemini_production_key1_a }}", "a variable"),
        ("GEMINI_API_KEY=${GEMINI_PRODUCTION_KEY1}", "a variable"),
        (f"{KEY[:20]}…{KEY[-4:]}", "a masked key"),
        ("arn:aws:secretsmanager:eu-west-1:123456789012:secret:gemini-a1B2c3d4e5", "a reference"),
    ],
)
def test_in_prose_what_tells_of_a_key_is_none(line: str, reason: str):
    found = find_keys(f"{KEY}\n{line}")

    assert [key.secret for key in found.keys] == [KEY]
    assert [(reject.line, reason in reject.reason) for reject in found.rejects] == [(2, True)]


def test_a_pasted_private_key_is_one_refusal_and_the_lines_behind_it_keep_their_numbers():
    block = "-----BEGIN PRIVATE KEY-----\nMIIEvQIBADANBgkqhkiG9w0\n-----END PRIVATE KEY-----"
    found = find_keys(f"{block}\n{KEY}")

    assert [(key.secret, key.line) for key in found.keys] == [(KEY, 4)]
    assert [(reject.line, reject.shown) for reject in found.rejects] == [(1, "")]


@pytest.mark.parametrize("around", ["{}", "[{}]", "{}\n{}", "this one: {}", "accounts:\n- {}"])
def test_a_pasted_service_account_is_told_where_it_goes(around: str):
    text = json.dumps(account("robot"), indent=2 if around == "{}" else None)
    found = find_keys(around.replace("{}", text))

    assert found.keys == []
    assert found.rejects
    for reject in found.rejects:
        assert "is a service account; give the whole file's text" in reject.reason
        assert "{service_account: file.json}" in reject.reason
        assert "MII" not in reject.shown


@pytest.mark.django_db
def test_a_bulk_add_does_not_tick_what_it_doubts_for_the_target_of_the_group():
    group = add_group("main")
    data = {"text": "sk-proj-Ab12Cd34Ef56Gh78", "group": group.pk, "new_group": "", "project": ""}
    answer = superuser().post(reverse("admin:proxyapp_apikey_bulk_add"), data | {"name_prefix": ""})

    html = answer.content.decode()
    assert "looks like a key of OpenAI" in html
    assert "checked" not in html.partition('name="take"')[2].partition(">")[0]


@pytest.mark.parametrize(
    "text",
    [
        *[
            "A1" * 2048 + "x ",
            "a_" * 2000 + "!",
            "key_" * 1000 + "!",
            "a" * 4000 + "=",
            "://" * 9000,
        ],
        *[
            "a.b-" * 1000 + ":",
            "x" * 4000 + "y",
            "\\" * 4000,
            "A_" * 2000 + "API",
            "-" * 5000 + "B",
        ],
    ],
)
def test_no_text_takes_long_to_judge(text: str):
    began = time.process_time()
    check_key(text)
    doubt(text, DEFAULT_TARGET_URL)

    assert time.process_time() - began < 0.5


def test_placeholders_in_the_file_are_skipped_and_elsewhere_refused():
    assert is_placeholder("YOUR_API_KEY")
    assert in_bulk_add("YOUR_API_KEY")[0] == "is a placeholder; give a real key"
