"""What Ctrl-K finds, and for whom."""

import time
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from proxyapp.access import token_store
from proxyapp.access.token_store import Terms
from proxyapp.models import ApiKey, audit
from tests.support.admin_pages import superuser
from tests.support.client_tokens import add_token
from tests.support.pool_data import add_group, add_key, secret
from tests.support.staff import staff

pytestmark = pytest.mark.django_db


def found(operator: Client, text: str) -> list[dict[str, Any]]:
    response = operator.post(reverse("admin:find"), {"text": text})
    assert response.status_code == 200
    rows: list[dict[str, Any]] = response.json()["found"]
    return rows


def titles(operator: Client, text: str) -> list[str]:
    return [row["title"] for row in found(operator, text)]


def test_keys_groups_tokens_and_pages_are_found():
    operator = superuser()
    group = add_group("orchard")
    key = add_key(group, "MARKER", name="orchid")
    token = add_token(name="orc")

    rows = found(operator, "ORC")

    assert [(row["title"], row["detail"]) for row in rows] == [
        (str(key), "Key of orchard"),
        ("orchard", "Group"),
        ("orc", "Client token"),
    ]
    assert [row["url"] for row in rows] == [
        reverse(f"admin:proxyapp_{name}_change", args=[pk])
        for name, pk in (("apikey", key.pk), ("group", group.pk), ("clienttoken", token.pk))
    ]
    assert titles(operator, "audit") == ["Audit log"]
    assert titles(operator, "which") == ["Which key would answer"]


def test_what_a_database_takes_as_no_text_is_left_out():
    operator = superuser()
    add_group("orchard")

    assert titles(operator, "orch\0ard") == ["orchard"]
    assert len(found(operator, "\0")) == len(found(operator, ""))


def test_a_whole_key_and_a_whole_token_are_found_and_not_told_again():
    operator = superuser()
    key = add_key(add_group(), "MARKER")
    token, shown = token_store.create(Terms(name="app"), audit.command("test"))

    response = operator.post(reverse("admin:find"), {"text": secret("MARKER")})

    assert [row["title"] for row in response.json()["found"]] == [str(key)]
    assert secret("MARKER") not in response.content.decode()
    assert titles(operator, shown) == [token.name]


def test_nobody_finds_what_they_may_not_see():
    add_key(add_group("orchard"), "one", name="orchid")
    add_token(name="orc")
    reader = staff("view_ratelimitevent")

    assert titles(reader, "orc") == []
    assert titles(reader, "")[:2] == ["Dashboard", "Events"]
    assert "Keys" not in titles(reader, "")


def test_an_address_finds_nothing_as_it_would_be_logged():
    assert superuser().get(reverse("admin:find"), {"text": "x"}).status_code == 405
    response = Client().post(reverse("admin:find"), {"text": "x"})
    assert (response.status_code, response["Location"].split("?")[0]) == (302, "/admin/login/")


def test_a_few_of_ten_thousand_keys_are_found_soon():
    operator = superuser()
    group = add_group("many")
    ApiKey.objects.bulk_create(
        ApiKey(group=group, name=f"key {n}", key_hash=f"{n:064}", masked="AIza…xxxx")
        for n in range(10_000)
    )

    began = time.perf_counter()
    rows = found(operator, "key")
    took = time.perf_counter() - began

    keys = [row for row in rows if row["detail"] == "Key of many"]
    assert len(keys) == 8
    assert took < 0.3
