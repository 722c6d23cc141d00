"""What is set of projects, as the database has it."""

from proxyapp.models import Project
from proxyapp.vocabulary.project_fields import PROJECT_FIELDS, ProjectSettings


def read_projects() -> dict[str, ProjectSettings]:
    """By name; those of which something is set."""
    rows = Project.objects.order_by("name").values_list(*(field.name for field in PROJECT_FIELDS))
    return {row[0]: ProjectSettings(*row) for row in rows if any(row[1:])}
