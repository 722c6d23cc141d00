"""Trees of other versions than this one, whose programs run on the same database."""

import shutil
from pathlib import Path

from tests.support.gateway import ROOT

# A table, and a column of one that every request's rows lead to.
NEXT = """
from django.db import migrations, models

class Migration(migrations.Migration):
    dependencies = [("proxyapp", "{last}")]
    operations = [
        migrations.CreateModel("Colour", [("id", models.BigAutoField(primary_key=True))]),
        migrations.AddField("ApiKey", "colour", models.CharField(max_length=9, db_default="")),
    ]
"""


def next_version(directory: Path) -> tuple[Path, str]:
    """This one with one migration more, and the name of its last one before."""
    shutil.copytree(
        ROOT,
        directory,
        ignore=shutil.ignore_patterns(".git", ".venv", "tests", "var", "bench", "docs"),
        dirs_exist_ok=True,
    )
    migrations = directory / "proxyapp" / "migrations"
    last = max(path.stem for path in migrations.glob("0*.py"))
    (migrations / "9999_colour.py").write_text(NEXT.format(last=last))
    return directory, last
