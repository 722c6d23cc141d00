"""Makes what is set of projects in the database what a config file says of them."""

from collections.abc import Sequence

from proxyapp.config.changed_fields import changed_fields
from proxyapp.config.report import Report
from proxyapp.models import Project
from proxyapp.pool.change_log import Touched
from proxyapp.vocabulary.project_fields import PROJECT_FIELDS, ProjectSettings


def apply_projects(projects: Sequence[ProjectSettings], report: Report, *, prune: bool) -> Touched:
    """`prune`: what the file does not have goes."""
    if not projects and not prune:
        return Touched()
    known = {project.name: project for project in Project.objects.all()}
    for settings in projects:
        _apply(settings, known.pop(settings.name, None), report)
    if prune:
        for project in known.values():
            report.project_removed(project)
        Project.objects.filter(pk__in=[project.pk for project in known.values()]).delete()
    return Touched(has_settings=report.projects.changed)


def _apply(settings: ProjectSettings, project: Project | None, report: Report) -> None:
    wanted = {field.name: getattr(settings, field.name) for field in PROJECT_FIELDS}
    if project is None:
        project = Project.objects.create(**wanted)
        report.project_created(project)
        return
    changes = changed_fields(project, wanted, PROJECT_FIELDS)
    report.project_kept(project, changes)
    if changes:
        for name, value in wanted.items():
            setattr(project, name, value)
        project.save()
