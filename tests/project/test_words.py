"""Every word of a page goes through the catalogue, and the catalogue has each in every language."""

import re
import shutil
import subprocess
from itertools import chain
from pathlib import Path

import pytest

from tests.support.gateway import ROOT
from tests.support.messages import LANGUAGES, LOCALES, catalogue, refresh, translate_to
from tests.support.page_words import TERMS
from tests.support.prose import prose_of, prose_of_template

pytestmark = pytest.mark.once
needs_gettext = pytest.mark.skipif(
    shutil.which("msgfmt") is None, reason="wants GNU gettext: apt install gettext"
)
REMEDY = "hand it to gettext, and run `make messages`"
# Where the words of pages are made.
ROOMS = ("proxyapp/admin", "gateway/unfold_settings.py", "gateway/root_pages.py")
# What the audit log, a file or a form's field is told, in every language the same; and keys of
# tables whose values are translated.
KEPT = frozenset(
    {
        "URL set to ",
        "Nothing changed.",
        "checking failed",
        "public, max-age=86400",
        "of this group",
        "proxy removed",
        "proxy set to ",
        "with its group ",
        "While it is off,",
        "# INCOMPLETE: the present SECRET_KEY cannot read\n",
        "of group ",
        "exit removed",
        "exit set to ",
        "key replaced",
        "No fields changed.",
        "alert channel",
        "operator token",
        "old password",
        "password changed",
    }
)
CHINESE = re.compile("[\u4e00-\u9fff]")
PLACE = re.compile(r"%\(\w+\)[sd]|{\w*[^{}]*}|%\d*[sd]")
PAIR = re.compile(
    r'\nmsgid(?:_plural)? (.*(?:\n".*)*)\nmsgstr(?:\[0\])? (.*(?:\n".*)*)\n', re.MULTILINE
)


@needs_gettext
@pytest.mark.parametrize("language", LANGUAGES)
def test_the_catalogue_is_what_the_sources_say(language: str, tmp_path: Path):
    fresh = catalogue(language, tmp_path)
    fresh.parent.mkdir(parents=True)
    shutil.copyfile(catalogue(language), fresh)

    refresh(language, tmp_path)

    assert fresh.read_text() == catalogue(language).read_text(), "run `make messages`"


@needs_gettext
@pytest.mark.parametrize("language", LANGUAGES)
def test_it_is_whole_and_what_processes_read_is_made_of_it(language: str, tmp_path: Path):
    file = catalogue(language)
    for wish in ("--untranslated", "--only-fuzzy"):
        left = subprocess.check_output(["msgattrib", wish, "--no-wrap", str(file)], text=True)
        assert left == "", f"{file.relative_to(ROOT)}: {wish}"

    translate_to(file, tmp_path / "made.mo")

    made, kept = (
        subprocess.check_output(["msgunfmt", str(path)], text=True)
        for path in (tmp_path / "made.mo", file.with_suffix(".mo"))
    )
    assert made == kept, "run `make messages`"


def test_a_translation_has_the_places_of_its_text_or_of_its_plural():
    text = (LOCALES / "zh_Hans/LC_MESSAGES/django.po").read_text()
    pairs = PAIR.findall(text)

    wrong = [one for one, other in pairs if names(one) - names(other)]

    assert len(pairs) > 500
    assert wrong == []


def names(text: str) -> set[str]:
    """`{0:%Y-%m-%d}` may be written in parts."""
    return {re.sub(r":.*}", "}", place) for place in PLACE.findall(text)}


def test_every_text_of_a_page_is_handed_to_the_catalogue():
    files = chain.from_iterable(
        [place] if place.suffix else sorted(place.rglob("*.py"))
        for place in (ROOT / room for room in ROOMS)
    )

    found = [
        f"{file.relative_to(ROOT)}:{line}: {text!r}"
        for file in files
        for line, text in prose_of(file)
        if text not in KEPT
    ]

    assert found == [], REMEDY


def test_every_text_of_a_template_is_too():
    found = [
        f"{file.relative_to(ROOT)}: {text}"
        for file in sorted((ROOT / "templates").rglob("*.html"))
        for text in prose_of_template(file)
        if not set(re.findall("[A-Za-z]{2,}", text)) <= TERMS
    ]

    assert found == [], REMEDY


def test_only_the_catalogue_has_chinese_words():
    """So that pages in English have none."""
    sources = chain.from_iterable(
        (ROOT / folder).rglob(pattern)
        for folder in ("gateway", "proxyapp", "templates")
        for pattern in ("*.py", "*.html", "*.js", "*.css")
    )

    found = {str(file.relative_to(ROOT)) for file in sources if CHINESE.search(file.read_text())}

    assert found == {"proxyapp/vocabulary/choices.py"}  # the language's name for itself


@pytest.mark.parametrize(
    ("source", "texts"),
    [
        ('x = "Nothing was done"', ["Nothing was done"]),
        ('x = _("Nothing was done")', []),
        ('x = f"{n} keys were deleted"', [" keys were deleted"]),
        ('log.info("Nothing was done")', []),
        ('"""What this file is."""', []),
    ],
)
def test_what_nobody_translates_is_found(source: str, texts: list[str], tmp_path: Path):
    file = tmp_path / "page.py"
    file.write_text(source)

    assert [text for _, text in prose_of(file)] == texts


def test_what_nobody_translates_is_found_in_a_template_too(tmp_path: Path):
    file = tmp_path / "page.html"
    file.write_text(
        '<p title="Why not">{% translate "Yes" %} or <code>no</code>, {{ name }}</p>'
        '<b translate="no">ember</b>{% blocktranslate %}Never{% endblocktranslate %}'
    )

    assert list(prose_of_template(file)) == ["or ,", "Why not"]
