"""`models`, `aliases` and `fallbacks` of a group in the config file."""

from pathlib import Path

import pytest

from proxyapp.config.exporting import export_groups
from proxyapp.config.file import ConfigError, parse
from proxyapp.config.importing import import_config
from proxyapp.models import Group
from tests.support.pool_data import secret


def config_of(fields: str) -> str:
    return f"groups: [{{name: a, api_keys: [{secret('k')}], {fields}}}]"


def test_they_are_read_without_what_google_puts_in_front() -> None:
    group = parse(
        config_of(
            "models: [models/gemini-*, ' gpt-4o '], aliases: {models/fast: models/gemini-x},"
            " fallbacks: {gemini-x: [models/gpt-4o]}"
        )
    ).groups[0]

    assert group.models == ["gemini-*", "gpt-4o"]
    assert group.aliases == {"fast": "gemini-x"}
    assert group.fallbacks == {"gemini-x": ["gpt-4o"]}


@pytest.mark.parametrize(
    ("fields", "problem"),
    [
        ("models: gemini-*", "groups[0].models: must be a list of models, not text"),
        ("models: [1]", "groups[0].models[0]: must be text, not a number"),
        ("models: ['']", "groups[0].models[0]: must not be empty"),
        ("models: [a, a]", "groups[0].models[1]: is [0] again"),
        ("aliases: [fast]", "groups[0].aliases: must be a mapping of aliases"),
        ("aliases: {fast: [a]}", "groups[0].aliases.fast: must be text, not a list"),
        ("aliases: {1: a}", "groups[0].aliases.1: must be text, not a number"),
        ("aliases: {fast: fast}", "groups[0].aliases.fast: stands for itself"),
        ("models: [fast], aliases: {fast: a}", "groups[0].aliases.fast: hides the model fast"),
        ("fallbacks: {a: b}", "groups[0].fallbacks.a: must be a list of models, not text"),
        ("fallbacks: {a: []}", "groups[0].fallbacks.a: must not be empty"),
        ("fallbacks: {a: [b], b: [a]}", "groups[0].fallbacks.a: leads back to itself"),
        ("model: [a]", "groups[0]: unknown field 'model'; did you mean 'models'?"),
    ],
)
def test_what_is_wrong_is_said_once_with_its_place(fields, problem) -> None:
    with pytest.raises(ConfigError) as refused:
        parse(config_of(fields))

    (said,) = refused.value.problems
    assert said.startswith(problem)


@pytest.mark.django_db
def test_an_exported_file_is_taken_back_without_a_change() -> None:
    text = config_of(
        "models: [gemini-*], aliases: {zippy: gemini-b, fast: gemini-a},"
        " fallbacks: {gemini-b: [gemini-a]}"
    )
    import_config(parse(text), source=Path("/config.yaml"))

    exported = export_groups(mask=False).text
    report = import_config(parse(exported), source=Path("/config.yaml"))

    assert not report.changed
    assert exported.index("fast") < exported.index("zippy")
    assert Group.objects.get().aliases == {"zippy": "gemini-b", "fast": "gemini-a"}


@pytest.mark.django_db
def test_the_report_says_what_a_change_was() -> None:
    import_config(parse(config_of("weight: 1")), source=Path("/config.yaml"))

    report = import_config(
        parse(config_of("aliases: {fast: gemini-a}, models: [gemini-*, gpt-*]")),
        source=Path("/config.yaml"),
    )

    line = str(report.rows[0])
    assert "aliases none → 'fast: gemini-a'" in line
    assert "models none → 'gemini-*; gpt-*'" in line
