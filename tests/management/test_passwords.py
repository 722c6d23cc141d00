"""A password is changed, or a forgotten one replaced, by Django's command: docs/ADMIN.md."""

import os
import subprocess
import sys

import httpx

from tests.support.gateway import ROOT, Gateway


def sign_in(browser: httpx.Client, password: str) -> int:
    browser.get("/admin/login/")
    form = {
        "username": "admin",
        "password": password,
        "csrfmiddlewaretoken": browser.cookies["gateway_csrf"],
    }
    return browser.post("/admin/login/?next=/admin/", data=form).status_code


def test_a_changed_password_opens_the_admin_and_ends_the_sessions_of_the_old() -> None:
    env = {"DJANGO_SUPERUSER_PASSWORD": "the-one-of-the-start", "PATH": os.environ["PATH"]}
    with Gateway({"groups": []}, env=env) as gateway:
        before = httpx.Client(base_url=gateway.url, trust_env=False)
        after = httpx.Client(base_url=gateway.url, trust_env=False)
        assert sign_in(before, "the-one-of-the-start") == 302
        done = subprocess.run(
            [sys.executable, "manage.py", "changepassword", "admin"],
            cwd=ROOT,
            env=gateway.environment,
            input="another-of-today\nanother-of-today\n",
            capture_output=True,
            text=True,
            start_new_session=True,  # without a terminal it reads what it is given
            check=False,
        )
        is_still_in = before.get("/admin/").status_code == 200
        old, new = sign_in(after, "the-one-of-the-start"), sign_in(after, "another-of-today")

    assert (done.returncode, done.stdout.splitlines()[-1]) == (
        0,
        "Password changed successfully for user 'admin'",
    ), done.stderr
    assert not is_still_in
    assert (old, new) == (200, 302)
