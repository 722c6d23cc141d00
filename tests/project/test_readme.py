"""The README is the reference: every setting, command and option is in it."""

import re

import pytest
from django.core.management import load_command_class

from tests.support.gateway import ROOT

README = (ROOT / "README.md").read_text()


def test_every_setting_is_in_the_readme():
    settings = set(
        re.findall(r'env\.\w+\(\s*"([A-Z0-9_]+)"', (ROOT / "gateway" / "settings.py").read_text())
    )

    assert settings
    assert {name for name in settings if f"| `{name}`" not in README} == set()


def test_the_readme_names_no_setting_that_is_gone():
    named = set(re.findall(r"^\| `([A-Z0-9_]+)` \|", README, re.MULTILINE))
    source = (ROOT / "gateway" / "settings.py").read_text()

    assert {name for name in named if f'"{name}"' not in source} == set()


@pytest.mark.parametrize(
    "path", sorted((ROOT / "proxyapp" / "management" / "commands").glob("[a-z]*.py"))
)
def test_every_command_is_in_the_readme(path):
    command = load_command_class("proxyapp", path.stem)

    assert command.help
    assert path.stem in README
