"""The page that stands in while the database is away is as safe as the admin's own.

It is made before Django's middleware.
"""

import re

from django.contrib.staticfiles import finders
from django.test import Client

from proxyapp.admin.database_away import away_response


def test_it_has_the_headers_of_the_admins_pages(db: None):
    usual = Client().get("/admin/login/").headers
    bare = away_response("it does not answer", 0, []).headers

    names = (
        "X-Frame-Options",
        "X-Content-Type-Options",
        "Permissions-Policy",
        "Referrer-Policy",
        "Cross-Origin-Opener-Policy",
    )
    assert {name: bare.get(name) for name in names} == {name: usual[name] for name in names}
    assert "no-store" in bare["Cache-Control"]
    assert "default-src 'none'" in bare["Content-Security-Policy"]
    assert "unsafe" not in bare["Content-Security-Policy"]


def test_it_writes_what_it_is_told_as_text():
    assert b"<b>" not in away_response("<b>", 1, ["<b>"]).content


def test_its_own_policy_lets_its_look_through():
    response = away_response("it does not answer", 2, ["the spool is damaged"])
    text = response.content.decode()

    assert response.status_code == 503
    assert "2 records of what happens wait in the spool, and are written" in text
    assert "Also: the spool is damaged." in text
    assert "style-src 'self'" in response["Content-Security-Policy"]
    assert response["X-Frame-Options"] == "DENY"
    assert "<style" not in text
    assert "style=" not in text
    links = re.findall(r'href="/static/([^"]+)"', text)
    assert len(links) == 4
    assert all(finders.find(link) for link in links)
