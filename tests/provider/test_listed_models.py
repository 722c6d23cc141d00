"""Lists of models in Google's and OpenAI's words."""

import json

import pytest

from proxyapp.provider.listed_models import (
    ListedModel,
    NoPage,
    alias_of,
    anthropics_list,
    googles_list,
    in_googles_words,
    in_openais_words,
    openais_list,
    read_page,
)

GOOGLE = {"name": "models/gemini-x", "displayName": "Gemini X", "inputTokenLimit": 7}
OPENAI = {"id": "gpt-x", "object": "model", "owned_by": "somebody"}


def models(count: int) -> list[ListedModel]:
    return [ListedModel(f"m{number}", {"name": f"models/m{number}"}) for number in range(count)]


@pytest.mark.parametrize(
    ("body", "names", "token"),
    [
        ({"models": [GOOGLE], "nextPageToken": "7"}, ["gemini-x"], "7"),
        (
            {"object": "list", "data": [OPENAI, {"id": "models/gemini-x"}]},
            ["gpt-x", "gemini-x"],
            "",
        ),
        ([OPENAI], ["gpt-x"], ""),
        ({}, [], ""),
        ({"models": []}, [], ""),
        ({"data": [7, {"id": 7}, None, OPENAI], "nextPageToken": 7}, ["gpt-x"], ""),
        ({"object": "list", "data": [{"id": "a/b", "name": "A: B"}]}, ["a/b"], ""),
    ],
)
def test_a_list_is_read(body, names, token) -> None:
    page = read_page(json.dumps(body).encode())

    assert page is not None
    assert ([model.name for model in page.models], page.next_token) == (names, token)


@pytest.mark.parametrize("body", [b"", b"<html>", b"7", b'{"error": {}}', b"[" * 100_000])
def test_what_is_no_list_is_none(body) -> None:
    assert read_page(body) is None


def test_each_is_told_in_the_others_words_or_as_it_was() -> None:
    google, openai = ListedModel("gemini-x", GOOGLE), ListedModel("gpt-x", OPENAI)

    assert in_googles_words(google) is GOOGLE
    assert in_openais_words(openai) is OPENAI
    assert in_googles_words(openai) == {"name": "models/gpt-x", "displayName": "gpt-x"}
    assert in_openais_words(google)["id"] == "gemini-x"


def test_an_alias_says_what_it_is() -> None:
    known = ListedModel("gemini-x", GOOGLE)

    assert in_googles_words(alias_of("fast", ["gemini-x"], known)) == {
        **GOOGLE,
        "name": "models/fast",
        "displayName": "fast (gemini-x)",
    }
    assert in_openais_words(alias_of("fast", ["gpt-x"], ListedModel("gpt-x", OPENAI))) == {
        **OPENAI,
        "id": "fast",
        "display_name": "fast (gpt-x)",
    }
    assert in_openais_words(alias_of("fast", ["a", "b"], None))["id"] == "fast"


def test_anthropics_clients_get_their_own_form() -> None:
    both = [ListedModel("gemini-x", GOOGLE), ListedModel("gpt-x", OPENAI)]

    listed = json.loads(anthropics_list(both))

    assert [each["id"] for each in listed["data"]] == ["gemini-x", "gpt-x"]
    assert listed["data"][0]["display_name"] == "Gemini X"
    assert {each["type"] for each in listed["data"]} == {"model"}
    assert (listed["first_id"], listed["last_id"], listed["has_more"]) == (
        "gemini-x",
        "gpt-x",
        False,
    )
    assert json.loads(anthropics_list([]))["first_id"] is None


def test_pages_have_every_model_once() -> None:
    token, names = "", []
    for _ in range(5):
        page = json.loads(googles_list(models(120), "25", token))
        names += [each["name"] for each in page["models"]]
        token = page.get("nextPageToken", "")

    assert names == [f"models/m{number}" for number in range(120)]
    assert not token
    assert len(json.loads(googles_list(models(120), None, None))["models"]) == 50
    assert len(json.loads(googles_list(models(120), "9999", None))["models"]) == 120
    assert len(json.loads(openais_list(models(120)))["data"]) == 120


@pytest.mark.parametrize(
    ("size", "token"),
    [("-1", ""), ("x", ""), ("9" * 30, ""), ("5", "x"), ("5", "at-0"), ("5", "at-120"), ("", "50")],
)
def test_what_is_no_page_is_refused(size, token) -> None:
    with pytest.raises(NoPage):
        googles_list(models(120), size, token)
