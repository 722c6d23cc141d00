"""Which language a page of the admin speaks, and that nothing else of the gateway does."""

import json
import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Group as Role
from django.contrib.auth.models import Permission
from django.template.defaultfilters import floatformat
from django.test import AsyncClient, Client
from django.utils import timezone, translation
from django.utils.formats import localize_input

from gateway.dispatch import Dispatcher
from proxyapp.admin.database_away import away_response
from proxyapp.admin.live.changes import PageWish
from proxyapp.admin.live.consumer import wish_of
from proxyapp.admin.parts.cells import compact
from proxyapp.models import AuditEntry
from proxyapp.vocabulary.languages import chosen_language
from proxyapp.vocabulary.shown_times import countdown_text, second_text
from proxyapp.vocabulary.told import told
from tests.support.admin_pages import superuser
from tests.support.live_pages import Page
from tests.support.pool_data import add_group, add_key, cool

CHINESE = "zh-CN,zh;q=0.9,en;q=0.8"
CHINESE_LETTERS = re.compile("[\u4e00-\u9fff]")


@pytest.mark.parametrize(
    ("cookie", "accepted", "language"),
    [
        ("", "", "en"),
        ("", CHINESE, "zh-hans"),
        ("", "zh-TW", "zh-hans"),
        ("", "fr-FR, zh;q=0.3", "zh-hans"),
        ("", "en-GB,zh;q=0.9", "en"),
        ("", "fr", "en"),
        ("en", CHINESE, "en"),
        ("zh-hans", "en", "zh-hans"),
        ("../../etc/passwd", "*;q=x,\x00", "en"),
        ("z" * 5000, "fr," * 5000, "en"),
    ],
)
def test_the_readers_choice_goes_before_the_browsers(
    cookie: str, accepted: str, language: str
) -> None:
    assert chosen_language(cookie, accepted) == language


def test_a_browser_that_prefers_none_of_them_gets_the_settings(settings: Any) -> None:
    settings.ADMIN_LANGUAGE = "zh-hans"

    assert [chosen_language("", accepted) for accepted in ("", "fr", "en")] == [
        "zh-hans",
        "zh-hans",
        "en",
    ]


def test_the_log_in_speaks_the_browsers_language_and_says_so(db: None) -> None:
    english = Client().get("/admin/login/")
    chinese = Client().get("/admin/login/", headers={"accept-language": CHINESE})

    assert '<html lang="en"' in english.content.decode()
    assert '<html lang="zh-hans"' in chinese.content.decode()
    assert "登录" in chinese.content.decode()
    assert chinese["Content-Language"] == "zh-hans"
    assert "Accept-Language" in chinese["Vary"]
    assert translation.get_language() == "en"


def test_who_is_signed_out_can_choose_and_comes_back_to_the_page(db: None) -> None:
    browser = Client()
    here = "/admin/login/?next=/admin/proxyapp/apikey/"

    response = browser.post("/admin/language/", {"language": "zh-hans", "next": here}, secure=True)

    assert (response.status_code, response["Location"]) == (302, here)
    cookie = response.cookies["gateway_language"]
    assert cookie.value == "zh-hans"
    assert (cookie["secure"], cookie["httponly"], cookie["samesite"]) == (True, True, "Lax")
    assert '<html lang="zh-hans"' in browser.get(here).content.decode()


@pytest.mark.parametrize("url", ["https://evil.example/", "//evil.example/", "javascript:alert(1)"])
def test_it_leads_nowhere_else(db: None, url: str) -> None:
    for answer in (
        Client().post("/admin/language/", {"language": "zh-hans", "next": url}),
        Client().get("/admin/language/", {"next": url}),
    ):
        assert answer["Location"] == "/"


def test_another_site_cannot_choose(db: None) -> None:
    browser = Client(enforce_csrf_checks=True)

    response = browser.post("/admin/language/", {"language": "zh-hans", "next": "/admin/"})

    assert response.status_code == 403
    assert "gateway_language" not in response.cookies


def test_each_page_offers_the_languages_by_their_own_names(db: None) -> None:
    for browser, path in ((Client(), "/admin/login/"), (superuser(), "/admin/requests/")):
        html = browser.get(path).content.decode()

        assert 'lang="zh-hans" translate="no" aria-pressed="false">简体中文</button>' in html
        assert 'lang="en" translate="no" aria-pressed="true">English</button>' in html
        assert f'name="next" value="{path}"' in html


def test_it_repeats_nothing_that_was_asked_and_leads_back_to_it(db: None) -> None:
    """A query may have a token in it that was pasted."""
    here = "/admin/login/?next=%2Fadmin%2F&token=gk-MARKER"
    browser = Client()

    html = browser.get(here).content.decode()
    asked = {"referer": f"http://testserver{here}"}
    answer = browser.post("/admin/language/", {"language": "en"}, headers=asked)

    assert "MARKER" not in html[html.index('class="language-switch"') :].split("</form>")[0]
    assert answer["Location"] == asked["referer"]


def test_what_is_kept_of_a_change_is_in_english(db: None) -> None:
    role = Role.objects.create(name="Night")
    wanted = {"name": "Night", "permissions": [Permission.objects.get(codename="view_user").pk]}
    address = f"/admin/auth/group/{role.pk}/change/"

    superuser().post(address, wanted, headers={"accept-language": CHINESE})

    told = [AuditEntry.objects.get().detail, LogEntry.objects.get().change_message]
    assert (
        told == ["permissions added: Authentication and Authorization | user | Can view user"] * 2
    )


@pytest.mark.parametrize("path", ["/admin/api/keys", "/healthz", "/metrics"])
async def test_programs_are_answered_in_english(db: None, path: str) -> None:
    answer = await AsyncClient().get(path, headers={"accept-language": CHINESE})

    assert not CHINESE_LETTERS.search(answer.content.decode())
    assert "Content-Language" not in answer.headers


def test_the_database_stays_away_in_the_readers_language() -> None:
    with translation.override("zh-hans"):
        problem = told("the spool cannot be written (%(why)s)", why="EIO")
        page = away_response("it took too long", 1, [problem]).content.decode()

    assert '<html lang="zh-hans"' in page
    assert "EIO" in page
    assert "took too long" not in page
    assert "cannot be written" not in page


def test_times_are_written_as_the_language_writes_them() -> None:
    moment = datetime(2026, 11, 30, 14, 3, 9, tzinfo=UTC)
    later = moment + timedelta(hours=3, minutes=12)

    assert second_text(moment) == "2026-11-30 14:03:09 UTC"
    assert countdown_text(later, moment) == "3 h 12 min"
    with translation.override("zh-hans"):
        assert second_text(moment) == "2026年11月30日 14:03:09 UTC"
        assert countdown_text(later, moment) == "3 小时 12 分钟"


@pytest.mark.parametrize(
    ("number", "english", "chinese"),
    [
        (999, "999", "999"),
        (12_345, "12.3 k", "1.23 万"),
        (12_345_678, "12.3 M", "1230 万"),
        (99_999_999, "100 M", "1 亿"),
        (123_456_789_012, "123 G", "1230 亿"),
    ],
)
def test_large_numbers_have_the_units_of_the_language(
    number: int, english: str, chinese: str
) -> None:
    assert compact(number) == english
    with translation.override("zh-hans"):
        assert compact(number) == chinese


@pytest.mark.parametrize("language", ["en", "zh-hans"])
def test_digits_are_grouped_as_scripts_group_them(language: str) -> None:
    with translation.override(language):
        assert floatformat(1_234_567, "g") == "1,234,567"
        assert localize_input(1_234_567) == "1234567"


@pytest.mark.parametrize("language", ["fr", "", None, 7, ["en"], {}])
def test_an_open_page_is_told_only_in_a_language_that_there_is(language: object) -> None:
    wish = wish_of(json.dumps({"watch": "keys", "ids": [1], "language": language}))

    assert wish == PageWish(keys=frozenset({1}))


@pytest.mark.django_db(transaction=True)
async def test_open_pages_of_two_languages_are_each_told_in_their_own() -> None:
    operator = await sync_to_async(superuser)()
    key = await sync_to_async(lambda: add_key(add_group("main"), "a"))()
    await sync_to_async(cool)(key, timezone.now() + timedelta(hours=3))
    application = Dispatcher()
    pages = {}
    for language in ("en", "zh-hans"):
        wish = {"watch": "keys", "ids": [key.pk], "language": language}
        pages[language] = await Page(application, operator).watch(wish)

    heard = {
        name: json.dumps(await page.hear(), ensure_ascii=False) for name, page in pages.items()
    }

    assert not CHINESE_LETTERS.search(heard["en"])
    assert CHINESE_LETTERS.search(heard["zh-hans"])
    for page in pages.values():
        await page.leave()
