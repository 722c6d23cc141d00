"""What a config file sets of projects."""

from pathlib import Path

import pytest

from proxyapp.config.exporting import export_groups
from proxyapp.config.file import ConfigError, parse
from proxyapp.config.importing import apply_changes, import_config
from proxyapp.models import AuditEntry, PoolChange, Project
from proxyapp.vocabulary.project_fields import ProjectSettings

SOURCE = Path("/config.yaml")
GROUPS = "groups: [{name: main, api_keys: [{key: k1, project: alpha}]}]\n"
ALPHA = """
projects:
  alpha: {tier: free, limits: {gemini-*: {requests_per_minute: 10}}, max_concurrent: 4}
"""
BETA = "  beta: {max_concurrent: 2}\n"


def stored() -> list[ProjectSettings]:
    columns = ("name", "tier", "limits", "max_concurrent")
    return [ProjectSettings(*row) for row in Project.objects.values_list(*columns)]


def test_they_are_read_by_their_names() -> None:
    limits = {"gemini-*": {"requests_per_minute": 10}}

    assert parse(GROUPS + ALPHA + BETA).projects == (
        ProjectSettings("alpha", "free", limits, 4),
        ProjectSettings("beta", max_concurrent=2),
    )
    assert parse(GROUPS).projects == ()


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("projects: [alpha]", "projects: must be a mapping of projects with settings"),
        ("projects: {alpha: 3}", "projects.alpha: must be a mapping with tier, limits"),
        ("projects: {alpha: {tire: free}}", "projects.alpha: unknown field 'tire'; did you mean"),
        ("projects: {alpha: {tier: gold}}", "projects.alpha.tier: is no tier whose limits are"),
        (
            "projects: {alpha: {max_concurrent: -1}}",
            "projects.alpha.max_concurrent: must be a number from 1",
        ),
        (
            'projects: {alpha: {limits: {"*": {rpd: 1}}}}',
            "projects.alpha.limits.*: unknown limit 'rpd'; did you mean 'requests_per_day'?",
        ),
        ('projects: {"": {tier: free}}', "projects.: the name must not be empty"),
    ],
)
def test_what_is_wrong_is_said_at_its_place(text: str, problem: str) -> None:
    with pytest.raises(ConfigError) as raised:
        parse(GROUPS + text)

    (said,) = raised.value.problems
    assert said.startswith(problem)


@pytest.mark.django_db
def test_an_import_sets_them_says_so_and_tells_every_process() -> None:
    import_config(parse(GROUPS), source=SOURCE)

    report = import_config(parse(GROUPS + ALPHA), source=SOURCE)

    assert stored() == list(parse(GROUPS + ALPHA).projects)
    assert "projects: 1 created, 0 updated, 0 unchanged, 0 removed" in report.lines()
    assert "created project 'alpha'" in report.lines()
    assert AuditEntry.objects.get(object_type="project").action == "add"
    assert PoolChange.objects.latest("version").touched == {"settings": True}
    report = import_config(parse(GROUPS + ALPHA.replace("free", "tier-1")), source=SOURCE)
    assert "updated project 'alpha': tier 'free' → 'tier-1'" in report.lines()
    assert not import_config(parse(GROUPS + ALPHA.replace("free", "tier-1")), source=SOURCE).changed


@pytest.mark.django_db
def test_a_dry_run_changes_nothing() -> None:
    report = import_config(parse(GROUPS + ALPHA), source=SOURCE, dry_run=True)

    assert report.projects.created == 1
    assert not Project.objects.exists()


@pytest.mark.django_db
def test_those_that_the_file_does_not_have_stay_unless_it_prunes() -> None:
    import_config(parse(GROUPS + ALPHA + BETA), source=SOURCE)

    import_config(parse(GROUPS + ALPHA), source=SOURCE)
    assert len(stored()) == 2
    report = import_config(parse(GROUPS + ALPHA), source=SOURCE, prune=True)

    assert [project.name for project in stored()] == ["alpha"]
    assert "removed project 'beta'" in report.lines()


@pytest.mark.django_db
def test_what_is_exported_is_imported_without_a_change() -> None:
    import_config(parse(GROUPS + ALPHA + BETA), source=SOURCE)

    exported = parse(export_groups(mask=False).text)

    assert exported.projects == parse(GROUPS + ALPHA + BETA).projects
    assert not import_config(exported, source=SOURCE, prune=True).changed


@pytest.mark.django_db
def test_a_start_takes_an_edit_of_the_file_and_leaves_one_of_an_operator(tmp_path: Path) -> None:
    file = tmp_path / "config.yaml"
    file.write_text(GROUPS + ALPHA)
    apply_changes(file)
    Project.objects.update(max_concurrent=9)

    assert not apply_changes(file).changed
    assert [project.max_concurrent for project in stored()] == [9]
    file.write_text(GROUPS + ALPHA.replace("free", "tier-1"))
    apply_changes(file)

    (project,) = stored()
    assert (project.tier, project.max_concurrent) == ("tier-1", 4)
