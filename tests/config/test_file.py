"""The config file: what is taken, and what is said of everything else."""

import time
from pathlib import Path

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from proxyapp.config.file import (
    GROUP_NAMES,
    MAX_FILE_BYTES,
    Config,
    ConfigError,
    KeyConfig,
    ServerConfig,
    load,
    parse,
)
from proxyapp.vocabulary.checks import (
    check_group_name,
    check_key,
    check_proxy_url,
    check_target_url,
)
from proxyapp.vocabulary.choices import DEFAULT_TARGET_URL
from proxyapp.vocabulary.no_keys import is_placeholder

EXAMPLE = Path(__file__).parents[2] / "config.example.yaml"
SECRET = "AIzaSyA-secret-0123456789"


def problems(text: str) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        parse(text)
    assert str(caught.value) == "\n".join(caught.value.problems)
    return caught.value.problems


def group(**fields: object) -> str:
    """A config of one group that is fine but for `fields`."""
    return yaml.safe_dump(
        {"groups": [{"name": "a", "api_keys": ["k1"]} | fields]}, allow_unicode=True
    )


def test_the_config_of_the_original_works_unchanged():
    config = parse("""
server:
  host: "0.0.0.0"
  port: 9000
groups:
  - name: "gemini"
    target_url: "https://generativelanguage.googleapis.com"
    proxy_url: "socks5://user:pass@10.0.0.1:1080"
    api_keys:
      - "AIza-one"
      - "AIza-two"
  - name: direct
    target_url: https://api.example.com/prefix
    proxy_url: null
    api_keys: [AIza-three]
""")
    assert config.server == ServerConfig("0.0.0.0", 9000)
    assert [one.name for one in config.groups] == ["gemini", "direct"]
    assert config.groups[0].proxy_url == "socks5://user:pass@10.0.0.1:1080"
    assert config.groups[0].api_keys == (KeyConfig("AIza-one"), KeyConfig("AIza-two"))
    assert config.groups[1].proxy_url is None


def test_everything_but_name_and_keys_has_a_default():
    config = parse("groups: [{name: a, api_keys: [k1]}]")
    (only,) = config.groups
    assert config.server == ServerConfig("127.0.0.1", 8080)
    assert (only.target_url, only.proxy_url) == (DEFAULT_TARGET_URL, None)
    assert (only.rate_limit_policy, only.auth) == ("daily", "auto")


def test_whether_clients_need_a_token():
    assert parse("groups: []").server.allow_anonymous is False
    assert parse("server: {allow_anonymous: true}\ngroups: []").server.allow_anonymous is True
    wrong = "server.allow_anonymous: must be true or false, not text"
    assert problems("server: {allow_anonymous: 'yes'}\ngroups: []") == [wrong]


def test_the_server_may_have_a_certificate():
    server = parse(
        "server: {certificate: c.pem, private_key: k.pem, tls_port: 8443}\ngroups: []"
    ).server

    assert server == ServerConfig(tls_port=8443, certificate="c.pem", private_key="k.pem")


@pytest.mark.parametrize(
    ("fields", "problem"),
    [
        ("certificate: c", "server.private_key: is required beside server.certificate"),
        ("private_key: k", "server.certificate: is required beside server.private_key"),
        ("tls_port: 8443", "server.tls_port: needs server.certificate and server.private_key"),
        ("certificate: c, private_key: k, tls_port: 8080", "server.tls_port: is server.port too"),
        ("certificate: c, private_key: k, tls_port: 0", "server.tls_port: 0 is not a port"),
        ("certificate: c, private_key: k, tls_port: x", "server.tls_port: must be a whole number"),
        ("certificate: [c], private_key: k", "server.certificate: must be text, not a list"),
        ("path_prefix: gemini/", "server.path_prefix: must begin with a slash"),
        ("path_prefix: 7", "server.path_prefix: must be text, not a number; put it in quotes"),
        (
            "certificate: '-----BEGIN CERTIFICATE-----', private_key: k",
            "server.certificate: must be the path of a PEM file, not its text",
        ),
    ],
)
def test_what_is_wrong_with_the_server_is_named(fields, problem):
    assert problems(f"server: {{{fields}}}\ngroups: []")[0].startswith(problem)


@pytest.mark.parametrize("text", ["server:\ngroups: []", "server: {}\ngroups: []"])
def test_an_empty_server_section_means_the_defaults(text):
    assert parse(text) == Config(ServerConfig(), ())


def test_an_empty_proxy_url_means_none():
    assert parse(group(proxy_url="")).groups[0].proxy_url is None


def test_keys_may_have_names_and_projects_and_lose_white_space_around_them():
    keys = [
        {"key": " k1\n", "name": " laptop ", "project": "p"},
        {"key": "k2", "name": None, "project": None},
        "\tk3 ",
    ]
    expected = (KeyConfig("k1", "laptop", "p"), KeyConfig("k2"), KeyConfig("k3"))
    assert parse(group(api_keys=keys)).groups[0].api_keys == expected


def test_merge_keys_and_anchors_work():
    config = parse("""
groups:
  - &base {name: a, auth: both, proxy_url: "http://p:1", api_keys: [k1]}
  - {<<: *base, name: b, api_keys: [k2]}
  - {<<: [{auth: google}, *base], name: c, api_keys: [k3]}
""")
    assert [one.auth for one in config.groups] == ["both", "both", "google"]
    assert [one.proxy_url for one in config.groups] == ["http://p:1"] * 3


def test_all_problems_come_at_once_each_with_its_place():
    text = """
server: {host: "", port: 70000, prt: 1}
groups:
  - {name: a, api_keys: [], proxy_url: "ftp://x", auth: header}
  - {name: A, target_url: example.com, rate_limit_policy: weekly, api_keys: [ok, ""]}
  - {api_keys: [1], extra: 1}
  - nonsense
"""
    assert problems(text) == [
        "server: unknown field 'prt'; did you mean 'port'?",
        "server.host: is not a host name or address such as 127.0.0.1",
        "server.port: 70000 is not a port; use 1 to 65535",
        "groups[0].api_keys: must not be empty; give at least one key",
        "groups[0].proxy_url: scheme 'ftp' is not supported; use http, https, socks5 or socks5h",
        "groups[0].auth: must be one of auto, google, both, x-goog-api-key, bearer, x-api-key,"
        " api-key, header:NAME, query:NAME",
        "groups[1].api_keys[1]: must not be blank",
        "groups[1].target_url: has no scheme; write it as https://example.com",
        "groups[1].rate_limit_policy: must be one of daily, quota_aware",
        f"groups[2]: unknown field 'extra'; known are {', '.join(GROUP_NAMES)}",
        "groups[2].api_keys[0]: must be text, not a number; put it in quotes",
        "groups[2].name: is required",
        f"groups[3]: must be a mapping with {', '.join(GROUP_NAMES)}, not text",
        "groups[1].name: is the name of groups[0] again (case does not count)",
    ]


@pytest.mark.parametrize(
    ("written", "kind"),
    [
        ("123456", "a number"),
        ("0777", "a number"),
        ("1.5", "a number"),
        ("1:30", "a number"),
        ("", "nothing (null)"),
        ("~", "nothing (null)"),
        ("yes", "true or false"),
        ("2026-01-02", "a date"),
        ("2026-13-45", "a date"),
        ("!!binary aGk=", "a tagged value"),
        ("!secret x", "a tagged value"),
    ],
)
def test_a_key_that_yaml_does_not_read_as_text_has_to_be_quoted(written, kind):
    expected = f"groups[0].api_keys[0]: must be text, not {kind}; put it in quotes"
    assert problems(f"groups:\n- name: a\n  api_keys:\n  - {written}\n") == [expected]


def test_quoted_they_are_keys():
    assert (
        parse("groups: [{name: '007', api_keys: ['123456', 'yes']}]").groups[0].api_keys[0].secret
        == "123456"
    )


@pytest.mark.parametrize("port", [0, -1, 65536, 70000])
def test_ports_outside_the_range_are_refused(port):
    assert problems(f"server: {{port: {port}}}\ngroups: []") == [
        f"server.port: {port} is not a port; use 1 to 65535"
    ]


@pytest.mark.parametrize("port", ["true", "'8080'", "80.5", "null", "0x50", "[80]"])
def test_a_port_is_a_whole_number(port):
    (problem,) = problems(f"server: {{port: {port}}}\ngroups: []")
    assert problem.startswith("server.port: must be a whole number from 1 to 65535, not ")


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "the file is empty; it needs 'groups'"),
        ("# only a comment\n", "the file is empty; it needs 'groups'"),
        ("- a\n- b", "the file: must be a mapping with server, groups, not a list"),
        ("just words", "the file: must be a mapping with server, groups, not text"),
        ("server: {}", "groups: is required"),
        ("groups:", "groups: must be a list of groups, not nothing (null)"),
        ("groups: {name: a}", "groups: must be a list of groups, not a mapping"),
        (
            "server: 8080\ngroups: []",
            "server: must be a mapping with host, port, tls_port, certificate, private_key,"
            " path_prefix, allow_anonymous, not a number",
        ),
        ("grups: []\ngroups: []", "the file: unknown field 'grups'; did you mean 'groups'?"),
        (
            "groups: [{name: a, api_keys: k1}]",
            "groups[0].api_keys: must be a list of keys, not text",
        ),
        ("groups: [{name: a}]", "groups[0].api_keys: is required"),
        ("groups: [{name: ' ', api_keys: [k]}]", "groups[0].name: must not be empty"),
        (
            "groups: [{name: 7, api_keys: [k]}]",
            "groups[0].name: must be text, not a number; put it in quotes",
        ),
        ("groups: [{name: a, api_keys: [{name: n}]}]", "groups[0].api_keys[0].key: is required"),
        (
            "a: 1\n---\nb: 2",
            "line 2, column 1: a second document starts here; a config file is one document",
        ),
        (
            "groups: []\n---\n",
            "line 2, column 1: a second document starts here; a config file is one document",
        ),
        ("groups: []\ngroups: []", "line 2: 'groups' is given twice"),
        ("groups: &a [*a]", "line 1: a value that holds itself"),
        ("groups: []\n[a]: 1", "line 2: a list cannot be the name of a field"),
        ("groups: []\n<<: 1", "line 2: << takes a mapping, not a number"),
        ("groups: [{name: 'a\x00'}]", "line 1, column 19: a character that YAML does not allow"),
    ],
)
def test_what_is_wrong_is_named(text, problem):
    assert problems(text)[0] == problem


@pytest.mark.parametrize(
    "text", ["groups: [", "groups:\n  - name: 'a\n", "groups:\n\t- a", "a: b: c", "- *nobody", "%"]
)
def test_bad_syntax_comes_with_line_and_column(text):
    (problem,) = problems(text)
    assert problem.startswith("line ")
    assert ", column " in problem


def test_duplicate_fields_and_other_problems_come_together():
    text = "groups:\n- name: a\n  name: b\n  api_keys: []\n"
    assert problems(text) == [
        "line 3: 'name' is given twice",
        "groups[0].api_keys: must not be empty; give at least one key",
    ]


@pytest.mark.parametrize(
    "text",
    [
        group(api_keys=[f"{SECRET} x"]),
        group(api_keys=[{"key": f"{SECRET}\nx"}]),
        group(api_keys={SECRET: None}),
        group(**{SECRET: ""}),
        group(api_keys=[{SECRET: 1}]),
        group(proxy_url=f"ftp://u:{SECRET}@h"),
        group(proxy_url=f"http://u:{SECRET}@h/path"),
        group(proxy_url=f"u:{SECRET}@h:80"),
        group(target_url=f"https://{SECRET}@h"),
        f"groups: [{{name: a, api_keys: [*{SECRET}]}}]",
        f"groups: [{{name: a, api_keys: [!{SECRET} x]}}]",
        f"groups: [{{name: a, api_keys: ['{SECRET}",
        f"groups: []\n{SECRET}: 1\n{SECRET}: 1",
        f"groups: []\n{SECRET}: 1: 2",
    ],
)
def test_no_problem_repeats_a_secret(text):
    assert SECRET not in "\n".join(problems(text))


@pytest.mark.parametrize(
    "url",
    [
        "https://generativelanguage.googleapis.com",
        "https://generativelanguage.googleapis.com/",
        "http://localhost:8000/v1/%2Fx",
        "HTTPS://Example.COM:443",
        "http://[::1]:8080",
        "http://my_service:80",
        "http://10.0.0.1:65535/a/b",
    ],
)
def test_good_targets_pass(url):
    assert check_target_url(url) is None


@pytest.mark.parametrize(
    ("url", "part"),
    [
        ("", "must not be empty"),
        ("example.com", "no scheme"),
        ("localhost:80", "no scheme"),
        ("ftp://h", "scheme 'ftp' is not supported; use http or https"),
        ("socks5://h", "use http or https"),
        ("https://", "no host"),
        ("https:///path", "no host"),
        ("https://h?x=1", "query or fragment"),
        ("https://h/?", "query or fragment"),
        ("https://h#x", "query or fragment"),
        ("https://u@h", "user or password"),
        ("https://h h", "white space"),
        (" https://h", "white space"),
        ("https://h\n", "white space"),
        ("https://h/\x7f", "control characters"),
        ("https://h:0", "port"),
        ("https://h:99999", "port"),
        ("https://h:http", "port"),
        ("https://h:", "port"),
        ("https://[::1", "cannot be read"),
        ("https://[zz]", "host"),
        ("https://-h", "host"),
        ("https://a..b", "host"),
        ("https://h/%zz", "percent-encoded"),
        ("https://h/a\\b", "percent-encoded"),
        ("https://пример.рф", "ASCII"),
        ("https://h/" + "a" * 500, "500 are allowed"),
    ],
)
def test_bad_targets_are_refused(url, part):
    assert part in (check_target_url(url) or "")


@pytest.mark.parametrize("scheme", ["http", "https", "socks5", "socks5h"])
def test_four_kinds_of_proxy_pass(scheme):
    assert check_proxy_url(f"{scheme}://us%40er:p%2Fw@proxy.example:1080") is None
    assert check_proxy_url(f"{scheme}://10.0.0.1") is None


@pytest.mark.parametrize(
    ("url", "part"),
    [
        ("socks4://h:1", "use http, https, socks5 or socks5h"),
        ("h:1080", "no scheme"),
        ("http://u:p#w@h", "%23"),
        ("http://u:p/w@h", "port"),
        ("http://h/path", "path"),
        ("http://u:p w@h", "white space"),
        ("http://***@h:1", "masked"),
        ("http://u:p@", "no host"),
        ("socks5://h:70000", "port"),
    ],
)
def test_other_proxies_are_refused(url, part):
    assert part in (check_proxy_url(url) or "")


@pytest.mark.parametrize(
    "key", ["k", "AIzaSyA-_0", "  around\n", "sk-proj-~!#%&*+.^:/@", "A1" * 2048]
)
def test_good_keys_pass(key):
    assert check_key(key) is None


@pytest.mark.parametrize(
    "key",
    [
        "",
        " \n",
        "a b",
        "a\nb",
        "a\tb",
        "a\x00b",
        "a\x7fb",
        "ключ",
        "café",
        "AIza…x9Qk",
        "YOUR_API_KEY",
        "x" * 4097,
    ],
)
def test_keys_that_no_header_can_hold_are_refused(key):
    assert check_key(key)


@pytest.mark.parametrize("name", ["yes", "007", "a: b", "🙂", "x" * 100])
def test_good_group_names_pass(name):
    assert check_group_name(name) is None


@pytest.mark.parametrize("name", ["", "  ", "a\nb", "a\x00", "a\u2028b", "x" * 101])
def test_bad_group_names_are_refused(name):
    assert check_group_name(name)


@pytest.mark.parametrize(
    "text",
    [
        *[
            "YOUR_GEMINI_API_KEY_1",
            "YOUR_API_KEY",
            "your-api-key-here",
            "your key",
            "<your key>",
            "REPLACE_ME",
            "changeme",
        ],
        *[
            "CHANGE_ME",
            "PASTE_YOUR_KEY_HERE",
            "${GEMINI_API_KEY}",
            "AIzaSy...",
            "xxxx",
            "replace-with-your-key",
        ],
    ],
)
def test_placeholders_are_known(text):
    assert is_placeholder(text)


@pytest.mark.parametrize(
    "text", ["AIzaSyA1b2c3", "KEY_1", "key-a", "test-key-1", "sk-your", "change", "xx", ""]
)
def test_keys_are_no_placeholders(text):
    assert not is_placeholder(text)


def test_placeholders_are_set_apart_with_their_place():
    (only,) = parse(group(api_keys=["k1", "YOUR_API_KEY", {"key": "<your key>"}])).groups
    assert only.api_keys == (KeyConfig("k1"),)
    assert only.placeholders == ("groups[0].api_keys[1]", "groups[0].api_keys[2]")


def test_the_example_is_one_group_of_placeholders_on_loopback():
    config = load(EXAMPLE)
    (only,) = config.groups
    assert config.server == ServerConfig("127.0.0.1", 8080)
    assert (only.name, only.api_keys) == ("default-gemini", ())
    assert len(only.placeholders) == 2
    assert (only.rate_limit_policy, only.auth, only.proxy_url) == ("quota_aware", "auto", None)


def test_the_example_stays_valid_with_its_comments_taken_away():
    lines = EXAMPLE.read_text().splitlines()
    fields = (
        "- key",
        "  name",
        "  project",
        "rate_limit",
        "auth:",
        "- name",
        "  target",
        "  proxy",
        "  api_keys",
        "    - Y",
    )
    opened = [
        line.replace("# ", "", 1) if line.lstrip().removeprefix("# ").startswith(fields) else line
        for line in lines
    ]
    second = parse("\n".join(opened)).groups[1]
    assert (second.name, second.proxy_url) == (
        "through-proxy",
        "socks5://user:password@proxy.example:1080",
    )


def test_files_that_cannot_be_read_are_named(tmp_path):
    (tmp_path / "utf16.yaml").write_bytes(b"groups: []\n\xff\xfe")
    for name, part in [
        ("", "Is a directory"),
        ("none.yaml", "No such file"),
        ("utf16.yaml", "line 2: is not UTF-8"),
    ]:
        with pytest.raises(ConfigError, match=part):
            load(tmp_path / name)


def test_an_unreadable_file_is_named(tmp_path, monkeypatch):
    def refuse(*_: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "open", refuse)
    with pytest.raises(ConfigError, match=r"config\.yaml: cannot be read: Permission denied"):
        load(tmp_path / "config.yaml")


def test_a_byte_order_mark_is_ignored(tmp_path):
    (tmp_path / "bom.yaml").write_bytes(b"\xef\xbb\xbfgroups: []\n")
    assert load(tmp_path / "bom.yaml").groups == ()


def test_a_large_file_is_refused_before_it_is_parsed(tmp_path, monkeypatch):
    monkeypatch.setattr(
        "proxyapp.config.plain_yaml.read_yaml", lambda *_: pytest.fail("was parsed")
    )
    with (tmp_path / "large.yaml").open("wb") as file:
        file.truncate(MAX_FILE_BYTES + 1)
    with pytest.raises(ConfigError, match=r"has 128\.01 MiB; 128 MiB are allowed in a config file"):
        load(tmp_path / "large.yaml")


@pytest.mark.parametrize("opening", ["[", "{a: ", "- "])
def test_deep_nesting_ends_with_a_problem_and_not_with_the_process(opening):
    assert problems(opening * 500_000)[0].endswith("nested deeper than 30 levels")


@pytest.mark.parametrize("merge", ["[{before}]", "{{<<: [{before}], x{level}: 1}}"])
def test_alias_bombs_are_harmless(merge):
    lines = ["a0: &a0 {x: 1}"]
    for level in range(1, 20):
        before = ", ".join([f"*a{level - 1}"] * 9)
        lines.append(f"a{level}: &a{level} " + merge.format(before=before, level=level))
    started = time.monotonic()
    assert problems("\n".join(lines))
    assert time.monotonic() - started < 5


def test_merges_cannot_multiply_fields_without_limit():
    base = "a: &a {" + ", ".join(f"k{number}: 1" for number in range(1000)) + "}\n"
    assert problems(base + "b:\n" + "- {<<: *a}\n" * 1000) == ["<< merges more than 100000 fields"]


def test_a_file_of_countless_values_is_refused_early():
    assert problems("groups: [" + "a," * 1_600_000 + "]")[0].endswith(
        "too many values; 1500000 are allowed"
    )


def test_aliases_cannot_multiply_keys_without_limit():
    text = f"k: &k [{'a, ' * 5000}]\ngroups:\n" + "".join(
        f"- {{name: g{i}, api_keys: *k}}\n" for i in range(100)
    )
    assert "groups: 500000 keys; 100000 are allowed" in problems(text)


def test_a_file_of_nothing_but_unknown_fields_gives_a_short_answer():
    assert len(problems("\n".join(f"a{number}: 1" for number in range(10_000)))) == 22


WORDS = (
    "groups|server|name|api_keys|port|: |- |\n|\n  |[|]|{|}|, |&a |*a|<<|!!int |!x |'|1|true|null|"
    "2026-01-01|k1|#|%"
)
tokens = st.sampled_from([*WORDS.split("|"), "---\n", '"', "\\ud800", "\t", "|\n"])
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.dates() | st.binary(),
    lambda inner: (
        st.lists(inner)
        | st.dictionaries(st.sampled_from(["groups", "server", "name", "api_keys", "key"]), inner)
    ),
)


@settings(max_examples=300, deadline=None)
@given(st.lists(tokens, max_size=30).map("".join) | st.text() | values.map(yaml.safe_dump))
def test_any_text_gives_a_config_or_a_list_of_problems(text):
    result: Config | list[str]
    try:
        result = parse(text)
    except ConfigError as error:
        result = error.problems
    assert result


@settings(max_examples=100, deadline=None)
@given(st.binary())
def test_any_bytes_give_a_config_or_a_list_of_problems(tmp_path_factory, content):
    path = tmp_path_factory.getbasetemp() / "bytes.yaml"
    path.write_bytes(content)
    with pytest.raises(ConfigError):
        load(path)


@pytest.mark.parametrize("mark", ["\u202e", "\u2066", "\u200f"])
def test_a_name_turns_no_text_around(mark: str):
    found = problems(yaml.safe_dump({"groups": [{"name": f"a{mark}b", "api_keys": ["KEY-A"]}]}))

    assert found == ["groups[0].name: has control characters; use printable ones"]
