"""What is wrong with a value is said in the language of the page that asks, and in no other."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from django.apps import apps
from django.utils import translation

from proxyapp.config.file import ConfigError, parse
from proxyapp.config.importing import import_config
from proxyapp.models import AuditEntry
from proxyapp.vocabulary import in_words
from proxyapp.vocabulary.checks import check_key, check_target_url

pytestmark = pytest.mark.once
FILE = """
groups:
  - name: main
    api_keys: [AIzaSyA1111111111111111111111111111111, AIzaSyA1111111111111111111111111111111]
"""


@pytest.fixture(autouse=True)
def marked(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Each text has the language in front that it is translated into."""
    monkeypatch.setattr(
        translation, "gettext", lambda text: f"[{translation.get_language()}]{text}"
    )
    with translation.override("zh-hans"):
        yield


def test_problems_are_translated_whole():
    assert check_key("") == "[zh-hans]must not be blank"
    assert str(check_key("AIza…6789")).startswith("[zh-hans]is a masked key")
    assert str(check_target_url("ftp://host")).startswith("[zh-hans]scheme 'ftp' is not supported")


def test_what_is_remembered_of_an_address_has_no_language():
    said = check_target_url("http://169.254.169.254/")
    with translation.override("en"):
        assert str(said)[len("[zh-hans]") :] == str(check_target_url("http://169.254.169.254/"))[4:]


def test_while_settings_are_read_there_is_no_language(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(apps, "ready", False)

    assert in_words.gettext("must not be empty") == "must not be empty"


def test_places_in_a_file_stay_as_they_are():
    with pytest.raises(ConfigError) as error:
        parse("groups: [{name: main, api_keys: [{key: 1}], colour: red}]")

    lines = str(error.value).splitlines()
    assert "groups[0].api_keys[0].key: [zh-hans]must be [zh-hans]text" in lines[0] + lines[1]
    assert all(line.startswith("groups[0]") for line in lines)


@pytest.mark.django_db
def test_the_audit_log_is_in_english_and_the_report_in_the_language_of_the_page(tmp_path: Path):
    report = import_config(parse(FILE), source=tmp_path / "config.yaml")

    assert report.warnings[0].startswith("[zh-hans]key AIza")
    entries = AuditEntry.objects.values_list("detail", "object_type")
    kept = " ".join(f"{detail} {kind}" for detail, kind in entries)
    assert "zh-hans" not in kept
    assert "1 created, 0 updated" in kept
