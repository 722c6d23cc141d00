"""What a page with a form asks before it sends what was typed."""

import re

import pytest
from django.contrib.auth.models import User
from django.test import Client

from tests.support.admin_pages import page, superuser

pytestmark = pytest.mark.django_db

URL = "/admin/page-session/"


def test_it_says_whose_session_it_is_and_which_form_it_knows():
    operator = superuser()
    html = page(operator, "proxyapp_clienttoken_add")
    found = re.search(r'name="form_number" value="([^"]+)"', html)
    assert found

    known = operator.get(URL, headers={"x-form-number": found[1]})
    unknown = operator.get(URL)

    assert known.json()["user"] == str(User.objects.get().pk)
    assert f'data-user="{known.json()["user"]}"' in html
    assert (known.json()["knows_number"], unknown.json()["knows_number"]) == (True, False)
    assert "no-store" in known["cache-control"]
    assert operator.post(URL).status_code == 405


def test_its_token_protects_a_form_and_nobody_else_gets_one():
    operator = superuser()
    strict = Client(enforce_csrf_checks=True)
    strict.cookies = operator.cookies
    token = strict.get(URL).json()["csrf"]

    saved = strict.post("/admin/proxyapp/group/add/", {"csrfmiddlewaretoken": token})

    assert saved.status_code == 200
    stranger = Client().get(URL)
    assert (stranger.status_code, stranger["location"]) == (302, f"/admin/login/?next={URL}")
