"""Makes what is set of projects in the database what a config file says of them."""

from collections.abc import Sequence

from proxyapp.config.apply_rows import apply_rows
from proxyapp.config.report import Report
from proxyapp.models import Project
from proxyapp.pool.change_log import Touched
from proxyapp.vocabulary.project_fields import PROJECT_FIELDS, ProjectSettings


def apply_projects(projects: Sequence[ProjectSettings], report: Report, *, prune: bool) -> Touched:
    """`prune`: what the file does not have goes."""
    if not projects and not prune:
        return Touched()
    apply_rows(Project, projects, PROJECT_FIELDS, report, prune=prune)
    return Touched(has_settings=report.projects.changed)
