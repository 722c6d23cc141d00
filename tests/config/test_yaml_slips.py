"""What is said of slips in YAML."""

import pytest

from proxyapp.config.plain_yaml import read_yaml

TAB = "a tab; YAML takes spaces only there: put spaces in its place"
QUOTES = "put the whole value in quotes"


def problem(text: str) -> str:
    tree, problems = read_yaml(text)
    assert tree is None
    assert len(problems) == 1
    assert "MARKER" not in problems[0]
    return problems[0]


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("\tgroups: []\n", 1),
        ("groups:\n\t- name: a\n", 2),
        ("groups:\n  \t- name: a\n", 2),
        ("groups:\n  -\tname: a\n    auth: auto\n", 2),
        ("groups:\n  -\t- a\n", 2),
        ("groups:\n  - name: a\n\ttarget_url: x\n", 3),
        ("groups:\n  - name: a\n    \tauth: auto\n", 3),
        ("groups:\r\n  - name: a\r\n    api_keys:\r\n\t\t- MARKER\r\n", 4),
        ("groups:\n  - ca_certificates: |\n\tMARKER\n", 3),
    ],
)
def test_a_tab_is_named_with_its_line(text: str, line: int):
    said = problem(text)
    assert said.startswith(f"line {line}, column ")
    assert said.endswith(TAB)


@pytest.mark.parametrize(
    "text", ["a:\tb\n", "a: [\n\tb]\n", "a: b\t# why\n", "a:\t\n  b: c\n", 'a: "b\tc"\n']
)
def test_a_tab_that_yaml_takes_is_no_mistake(text: str):
    tree, problems = read_yaml(text)
    assert tree
    assert problems == []


@pytest.mark.parametrize("first", ["@", "`", "%", "*", "]", ","])
@pytest.mark.parametrize("line", ["  name: {}MARKER", "  - {}MARKER", "  - key: {}MARKER"])
def test_a_value_that_needs_quotes_is_told_so(first: str, line: str):
    said = problem("groups:\n" + line.format(first) + "\n")
    assert said.startswith("line 2, column ")
    assert said.endswith(f"a value cannot begin with {first}: {QUOTES}")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a: MARKER: b\n", f"line 1, column 10: a second colon with a space behind it: {QUOTES}"),
        ("a: & MARKER\n", f"a value cannot begin with &: {QUOTES}"),
        ("b: 1\na: 'MARKER\n", "the quote that opens in line 2 is never closed"),
        ('a: "MARKER\\q"\n', "use single quotes"),
        ("a: 'MARKER's'\n", "text after the closing quote"),
        ("b: 1\na: [MARKER\n", "the [ or { of line 2 is not closed"),
        ("a: 1\nMARKER\nb: 2\n", "line 2: no field: a colon and a space are missing"),
        ("a:b\nc: d\n", "no space after its colon"),
        ("a:\n  b: c\n d: e\n", "line 3, column 2: not aligned with the lines above"),
    ],
)
def test_other_slips_are_named_in_plain_words(text: str, said: str):
    assert said in problem(text)
