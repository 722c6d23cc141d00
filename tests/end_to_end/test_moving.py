"""One machine becomes another: a file, a passphrase, and a start."""

import os
from pathlib import Path

import httpx

from tests.support.fake_upstream import FakeUpstream
from tests.support.gateway import Gateway, group
from tests.support.gateway_tokens import make_tokens

PASSPHRASE = "four plain words here"
ENV = {
    "DJANGO_SUPERUSER_USERNAME": "admin",
    "DJANGO_SUPERUSER_PASSWORD": "a-password-for-tests",
    "MOVING_PASSPHRASE": PASSPHRASE,
}
BODY = {"contents": [{"parts": [{"text": "hi"}]}]}


def ask(gateway: Gateway, token: str) -> int:
    url = f"{gateway.url}/v1beta/models/gemini-2.5-flash:generateContent"
    headers = {"x-goog-api-key": token}
    return httpx.post(url, json=BODY, headers=headers, trust_env=False).status_code


def sign_in(gateway: Gateway) -> int:
    with httpx.Client(base_url=gateway.url, trust_env=False) as browser:
        page = browser.get("/admin/login/")
        form = {
            "username": "admin",
            "password": ENV["DJANGO_SUPERUSER_PASSWORD"],
            "csrfmiddlewaretoken": page.text.split('csrfmiddlewaretoken" value="')[1][:64],
        }
        return browser.post("/admin/login/", data=form).status_code


def test_a_token_a_state_and_a_user_are_on_the_new_machine(upstream: FakeUpstream, tmp_path: Path):
    file = tmp_path / "everything"
    config = {"groups": [group(["KEY-A", "KEY-B"], upstream.url, auth="google")]}
    with Gateway(config, env=ENV) as old:
        token = make_tokens(old, {"app": {}})["app"]
        assert old.manage("keys", "disable", "1").returncode == 0
        done = old.manage("export_config", str(file), "--everything")
        assert done.returncode == 0, done.stderr

    assert os.stat(file).st_mode & 0o777 == 0o600
    assert not any(part in file.read_bytes() for part in (b"KEY-A", token.encode()))
    new = Gateway(config, env={"MOVING_PASSPHRASE": PASSPHRASE})
    try:
        wrong = {**new.environment, "MOVING_PASSPHRASE": "another one entirely"}
        right, new.environment = new.environment, wrong
        refused = new.manage("import_config", str(file))
        new.environment = right
        done = new.manage("import_config", str(file))
        assert refused.returncode == 1
        assert "the passphrase is wrong" in refused.stderr
        assert "Traceback" not in refused.stderr
        assert done.returncode == 0, done.stderr
        assert "2 API keys" in done.stdout
        new.start()

        assert ask(new, token) == 200
        assert ask(new, "gk-of-nobody") == 401
        assert [key["state"] for key in new.keys()] == ["disabled", "available"]
        assert sign_in(new) == 302
    finally:
        new.close()
