"""`${NAME}` in a config file: filled in from the environment, as text and nothing else."""

from pathlib import Path

import pytest
import yaml
from django.core.management import CommandError, call_command
from hypothesis import given
from hypothesis import strategies as st

from proxyapp.config.exporting import export_groups
from proxyapp.config.file import Config, ConfigError, load, parse
from proxyapp.config.variables import Variables, escaped
from proxyapp.models import ApiKey, Group
from tests.support.admin_pages import submit, superuser, text
from tests.support.gateway import Gateway
from tests.support.pool_data import add_group, add_key, secret

ONE, TWO, THREE = (secret(label) for label in ("one", "two", "three"))


def config(api_keys: str, **environment: str) -> Config:
    """`api_keys`: as it is written behind that name."""
    return parse(f"groups:\n- name: a\n  api_keys: {api_keys}\n", environment=environment)


def keys(api_keys: str, **environment: str) -> list[str]:
    return [key.secret for key in config(api_keys, **environment).groups[0].api_keys]


def problems(written: str, **environment: str) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        parse(written, environment=environment)
    return caught.value.problems


# What comes out.


def test_a_variable_may_stand_in_any_value():
    found = parse(
        """
server: {host: "${HOST}", port: "${PORT:-8080}", allow_anonymous: "${OPEN}"}
groups:
- name: ${TEAM}-gemini
  target_url: https://${DOMAIN:-api.example.com}/x
  proxy_url: socks5://u:${PASSWORD}@h:1080
  weight: ${WEIGHT}
  auth: ${AUTH:-bearer}
  api_keys:
  - ${KEY}
  - {key: "${KEY_2}", name: "${LABEL}", project: 'p-${TEAM}'}
""",
        environment={
            "HOST": "0.0.0.0",
            "OPEN": "true",
            "TEAM": "red",
            "PASSWORD": "p%40ss",
            "WEIGHT": "3",
            "KEY": f" {ONE}\n",
            "KEY_2": TWO,
            "LABEL": "a: [b] # c",
        },
    )
    only = found.groups[0]
    assert (found.server.host, found.server.port) == ("0.0.0.0", 8080)
    assert found.server.allow_anonymous is True
    assert (only.name, only.target_url) == ("red-gemini", "https://api.example.com/x")
    assert (only.proxy_url, only.weight, only.auth) == ("socks5://u:p%40ss@h:1080", 3, "bearer")
    assert [(key.secret, key.name, key.project) for key in only.api_keys] == [
        (ONE, "", ""),
        (TWO, "a: [b] # c", "p-red"),
    ]


@pytest.mark.parametrize(
    "value",
    [
        f"{ONE},{TWO},{THREE}",
        f" {ONE}, {TWO} ,{THREE}, ",
        f"{ONE}\n{TWO}\n\n{THREE}\n",
        f"{ONE} {TWO};{THREE}",
        f'["{ONE}", "{TWO}", "{THREE}"]',
        f'"{ONE}","{TWO}",\'{THREE}\'',
    ],
)
@pytest.mark.parametrize("written", ["${KEYS}", "\n  - ${KEYS}", '["${KEYS}"]', "${NONE:-${KEYS}}"])
def test_a_variable_may_hold_several_keys_as_people_write_them(value, written):
    if "NONE" in written:
        written = f'"${{NONE:-{ONE},{TWO},{THREE}}}"'
    assert keys(written, KEYS=value) == [ONE, TWO, THREE]


@pytest.mark.parametrize(
    "value", ["[]", "{key: x}", "a: b", "- a", "&a *a", "!!python/object:os.system", "~"]
)
def test_what_a_variable_holds_is_text_and_never_structure(value):
    found = parse('groups: [{name: "${N}", api_keys: [k]}]', environment={"N": value})
    assert found.groups[0].name == value


@pytest.mark.parametrize(
    "value", ["x\n  auth: bearer", "x]}, {name: b, api_keys: [y]}", 'x", "name": "b']
)
def test_no_value_adds_a_field_or_a_group(value):
    written = 'groups: [{name: a, api_keys: [{key: "${K}"}]}]'
    try:
        found = parse(written, environment={"K": value})
    except ConfigError:
        return
    assert len(found.groups) == 1
    assert found.groups[0].auth == "auto"


def test_two_dollars_stand_for_the_characters_themselves():
    found = parse('groups: [{name: "$${A} ${A} $A $$ {A}", api_keys: [k]}]', environment={"A": "b"})
    assert found.groups[0].name == "${A} b $A $$ {A}"


def test_a_name_of_a_field_is_no_variable():
    assert "unknown field" in problems("groups: [{'${A}': a}]", A="name")[0]


@given(st.text(alphabet="$${}AB:-\\ x"))
def test_what_is_escaped_is_read_as_it_was(value):
    assert Variables({"A": "no"}).expanded(escaped(value)) == value


# What is wrong.


@pytest.mark.parametrize(
    ("environment", "state"), [({}, "not set"), ({"KEY": ""}, "empty"), ({"KEY": " \n"}, "empty")]
)
def test_a_variable_without_a_value_is_one_line_with_its_name_and_place(environment, state):
    assert problems("groups:\n- name: a\n  api_keys:\n  - ${KEY}\n", **environment) == [
        f"line 4: ${{KEY}} is {state}: set it in the environment or in .env, or write"
        " ${KEY:-default}"
    ]


@pytest.mark.parametrize(
    "field",
    ["api_keys: ${X}", "proxy_url: ${X}", "weight: ${X}", "allow_link_local: ${X}", "auth: ${X}"],
)
def test_it_is_said_once_wherever_it_stands(field):
    rest = "" if "api_keys" in field else "\n  api_keys: [k]"
    assert len(problems(f"groups:\n- name: a\n  {field}{rest}\n")) == 1


def test_all_variables_without_a_value_are_said_together():
    found = problems("server:\n  port: ${P}\ngroups:\n- name: ${N}\n  api_keys: ${K}\n")
    assert [problem.partition(" is ")[0] for problem in found] == [
        "line 2: ${P}",
        "line 4: ${N}",
        "line 5: ${K}",
    ]


@pytest.mark.parametrize("written", ["${}", "${1A}", "${A", "${A:?x}", "${A-x}", "${A:-${B}}"])
def test_what_begins_like_a_variable_and_is_none_is_refused(written):
    (problem,) = problems(yaml.safe_dump({"groups": [{"name": written, "api_keys": ["k"]}]}), A="x")
    assert "line 4: ${ begins no variable: write ${NAME} or ${NAME:-default}" in problem


def test_a_default_may_be_empty_where_an_empty_value_is_allowed():
    assert (
        parse("groups:\n- name: a\n  proxy_url: ${P:-}\n  api_keys: [k]\n", environment={})
        .groups[0]
        .proxy_url
        is None
    )
    for written in ("${K:-}", "\n  - ${K:-}", "\n  - key: ${K:-}"):
        with pytest.raises(ConfigError, match="must not be blank"):
            config(written)


def test_between_brackets_a_variable_wants_quotes_and_the_problem_says_so():
    (problem,) = problems("groups:\n- name: a\n  api_keys: [${A}, ${B}]\n", A="a", B="b")
    assert problem.startswith("line 3, column ")
    assert 'in quotes: "${NAME}"' in problem


@pytest.mark.parametrize(
    "written",
    [
        "groups: [{name: a, api_keys: '${S}'}]",
        "groups: [{name: a, api_keys: [k], proxy_url: '${S}'}]",
        "groups: [{name: a, api_keys: [k], target_url: '${S}'}]",
        "groups: [{name: a, api_keys: [k], auth: '${S}'}]",
        "groups: [{name: a, api_keys: [k], weight: '${S}'}]",
        "groups: [{name: a, api_keys: [k], ca_certificates: '${S}'}]",
        "groups: '${S}'",
        "server: {port: '${S}'}\ngroups: []",
        "server: {allow_anonymous: '${S}'}\ngroups: []",
    ],
)
@pytest.mark.parametrize("value", ["HUSH hush \x01", '["HUSH",', "[HUSH]", "HUSH://\x02"])
def test_no_problem_repeats_what_a_variable_holds(written, value):
    assert "HUSH" not in "\n".join(problems(written, S=value))


def test_many_mentions_of_one_long_value_are_refused_early():
    lines = "".join(f"  - key: {number}${{A}}\n" for number in range(1000))
    found = problems(f"groups:\n- name: a\n  api_keys:\n{lines}", A="x" * 100_000)
    assert "variables give more than 16 MiB" in found[0]


# From files and through the admin.


@pytest.mark.django_db
def test_an_import_with_an_empty_variable_changes_nothing(tmp_path: Path, monkeypatch):
    file = tmp_path / "config.yaml"
    file.write_text("groups:\n- name: a\n  api_keys: ${TEST_KEYS}\n")
    monkeypatch.setenv("TEST_KEYS", f"{ONE},{TWO}")
    call_command("import_config", str(file))
    monkeypatch.setenv("TEST_KEYS", "")
    with pytest.raises(CommandError, match=r"line 3: \$\{TEST_KEYS\} is empty"):
        call_command("import_config", "--prune", str(file))
    assert {key.secret for key in ApiKey.objects.filter(status="active")} == {ONE, TWO}


@pytest.mark.django_db
def test_an_export_is_read_as_it_was_written(tmp_path: Path):
    group = add_group("${HOME} $${HOME}", proxy_url="http://u:$${HOME}${x@h:1")
    add_key(group, "one", name="${PATH:-x}")
    file = tmp_path / "export.yaml"
    file.write_text(export_groups(mask=False).text)
    found = load(file).groups[0]
    assert (found.name, found.proxy_url) == (group.name, group.proxy_url)
    assert found.api_keys[0].name == "${PATH:-x}"


@pytest.mark.django_db
def test_what_is_sent_to_the_admin_reads_no_variable(monkeypatch):
    monkeypatch.setenv("TEST_SECRET", "HUSH")
    written = "groups: [{name: '${TEST_SECRET}', api_keys: [k]}]"
    html = submit(superuser(), "import_config", data={"text": written})
    assert "HUSH" not in html
    assert "line 1: ${TEST_SECRET} is filled in only in a file on the gateway" in text(html)
    assert not Group.objects.exists()


def test_a_start_takes_variables_from_the_file_of_settings_too(tmp_path: Path):
    settings = tmp_path / "gateway.env"
    settings.write_text(f"MY_KEYS={ONE},{TWO}\n")
    one = {"name": "a", "target_url": "http://127.0.0.1:9", "api_keys": "${MY_KEYS}"}
    with Gateway({"groups": [one]}, env={"ENV_FILE": str(settings)}) as gateway:
        assert "Keys:  2 in 1 group\n" in gateway.output()
        gateway.stop()
        settings.write_text("MY_KEYS=\n")
        stopped = gateway.manage("serve", "--config", str(gateway.config_path))
    assert stopped.returncode == 1
    assert stopped.stderr.count("\n") == 1
    assert "${MY_KEYS} is empty" in stopped.stderr
    assert ONE not in stopped.stderr
