"""The admin's index: the state that its scripts draw, and what is around it."""

import json
import re
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import time_machine
from django.contrib.staticfiles import finders
from django.test import Client

from proxyapp.admin.dashboard_words import dashboard_words
from proxyapp.admin.parts.script_words import words as script_words
from proxyapp.operators.dashboard import snapshot
from tests.support.admin_pages import page, superuser
from tests.support.pool_data import NOW, add_group, add_key, cool, secret, use
from tests.support.staff import staff

pytestmark = pytest.mark.django_db


@pytest.fixture
def operator() -> Client:
    return superuser()


def state_of(html: str) -> dict[str, Any]:
    found = re.search(
        r'<script id="dashboard-state" type="application/json">(.*?)</script>', html, re.DOTALL
    )
    assert found
    state: dict[str, Any] = json.loads(found[1])
    return state


def own_part(html: str) -> str:
    """Without what the theme puts around it."""
    return html[html.index('<div id="dashboard"') : html.index('<div id="modal-overlay"')]


def test_the_page_brings_the_state_that_its_scripts_draw(operator: Client):
    group = add_group("main")
    key = add_key(group, "MARKER", name="laptop")
    cool(key, NOW + timedelta(hours=1))
    use(key, requests=3)

    with time_machine.travel(NOW, tick=False):
        html = page(operator, "index")
        expected = json.loads(json.dumps(snapshot(NOW)))

    assert state_of(html) == expected
    assert state_of(html)["cards"]["cooling"] == 1
    assert secret("MARKER") not in html


def test_a_name_cannot_end_the_script_that_has_the_state(operator: Client):
    add_key(add_group("</script><b>"), "one", name="</script><i>")

    html = page(operator, "index")

    assert "</script><b>" not in html
    assert "</script><i>" not in html
    assert state_of(html)["groups"][0]["name"] == "</script><b>"


def test_who_may_not_see_keys_gets_a_list_of_what_there_is_to_see():
    add_key(add_group("secret-group"), "one")

    html = page(staff("view_ratelimitevent"), "index")

    assert "dashboard-state" not in html
    assert "secret-group" not in html
    assert "/admin/proxyapp/ratelimitevent/" in html


def test_the_way_to_the_first_key_is_offered_to_those_who_may_add_one(operator: Client):
    add_page = 'href="/admin/proxyapp/apikey/bulk-add/"'

    assert add_page in page(operator, "index")
    assert add_page not in page(staff("view_apikey"), "index")


def test_every_link_of_the_cards_leads_somewhere(operator: Client):
    add_key(add_group(), "one")
    html = page(operator, "index")
    links = set(re.findall(r'<a class="(?:card|more)[^"]*"[^>]* href="([^"]+)"', html))
    days = {f"{start}2026-11-24" for start in re.findall(r'data-today="([^"]+)"', html)}

    states = {
        f"/admin/proxyapp/apikey/?state={state}"
        for state in ("available", "cooling", "disabled", "invalid")
    }
    assert links > states
    assert len(days) == 2
    assert {
        url: operator.get(url.replace("&amp;", "&")).status_code for url in links | days
    } == dict.fromkeys(links | days, 200)


def test_all_files_of_the_page_are_there(operator: Client):
    add_key(add_group(), "one")

    files = re.findall(r'(?:src|href)="/static/(proxyapp/[^"]+)"', page(operator, "index"))

    assert {"proxyapp/dashboard.js", "proxyapp/live.js", "proxyapp/dashboard.css"} <= set(files)
    assert [name for name in files if finders.find(name) is None] == []


def test_the_page_has_no_code_and_no_style_of_its_own_in_line(operator: Client):
    """So that a policy that forbids them does not break it."""
    add_key(add_group(), "one")

    html = own_part(page(operator, "index"))

    assert re.findall(r"<script(?![^>]*application/json)|<style|\sstyle=|\son[a-z]+=", html) == []


def said_by(*scripts: str) -> set[str]:
    texts = [Path(str(finders.find(f"proxyapp/{name}.js"))).read_text() for name in scripts]
    calls = re.findall(r"\bsay(?:Parts)?\(([^`,){]+|`[^`]*`)", "\n".join(texts))
    return {name for call in calls for name in re.findall(r'"(\w+)"', call)}


def test_the_scripts_have_words_for_all_that_they_say():
    own, of_every_page = dashboard_words().keys(), script_words().keys()
    named = said_by("dashboard", "keystrip", "outcomes")

    assert len(named) > 20
    assert named - own == set()
    assert said_by("times", "live", "numbers") == {"day_and_clock", "until"} & of_every_page
    assert own & of_every_page == set()
