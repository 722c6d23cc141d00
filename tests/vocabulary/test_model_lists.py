"""What an operator says of models: each mistake has its place and one clear sentence."""

import pytest

from proxyapp.vocabulary.model_lists import (
    alias_lines,
    aliases_of_lines,
    aliases_problems,
    fallback_lines,
    fallbacks_of_lines,
    fallbacks_problems,
    models_of_lines,
    models_problems,
)

FLASH, PRO = "gemini-2.5-flash", "gemini-2.5-pro"


def test_usual_lists_are_taken() -> None:
    models = ["gemini-*", "gpt-4o", "*", "meta-llama/llama-3:free", "text-embedding-*-large"]

    assert not list(models_problems(models))
    assert not list(aliases_problems({"fast": FLASH, "gpt-3.5-turbo": FLASH}, ["gemini-*"]))
    assert not list(fallbacks_problems({PRO: [FLASH, "gpt-4o"], FLASH: ["gemini-2.0-flash"]}))


@pytest.mark.parametrize(
    ("models", "place", "word"),
    [
        ([""], "[0]", "must not be empty"),
        (["a", "b", "a"], "[2]", "is [0] again"),
        (["gemini 2"], "[0]", "no name of a model"),
        (["a/../b"], "[0]", "no name of a model"),
        (["a\nb"], "[0]", "no name of a model"),
        (["x" * 101], "[0]", "has 101 characters"),
        (["a"] * 101, "", "101 names; 100 are allowed"),
    ],
)
def test_models_that_are_none(models, place, word) -> None:
    ((at, problem),) = models_problems(models)

    assert at == place
    assert word in problem


@pytest.mark.parametrize(
    ("aliases", "place", "word"),
    [
        ({"fast": "fast"}, ".fast", "stands for itself"),
        ({"": FLASH}, ".", "alias must not be empty"),
        ({"fast": ""}, ".fast", "must not be empty"),
        ({"a*": FLASH}, ".a*", "no name of a model"),
        ({"fast": "gemini-*"}, ".fast", "no name of a model"),
        ({"fast": "quick", "quick": FLASH}, ".fast", "an alias itself"),
        ({"gpt-4o": FLASH}, ".gpt-4o", "hides the model gpt-4o"),
        ({"a b": FLASH}, ".a b", "no name of a model"),
    ],
)
def test_aliases_that_are_none(aliases, place, word) -> None:
    ((at, problem),) = aliases_problems(aliases, ["gpt-4o", "gemini-*"])

    assert at == place
    assert word in problem


@pytest.mark.parametrize(
    ("fallbacks", "place", "word"),
    [
        ({PRO: []}, f".{PRO}", "must not be empty"),
        ({PRO: [""]}, f".{PRO}[0]", "must not be empty"),
        ({PRO: [FLASH, FLASH]}, f".{PRO}[1]", "is [0] again"),
        ({PRO: ["a", "b", "c", "d", "e", "f"]}, f".{PRO}", "has 6 models; 5 are allowed"),
        ({PRO: [PRO]}, f".{PRO}", f"({PRO} → {PRO})"),
        ({"a": ["b"], "b": ["c"], "c": ["x", "a"]}, ".a", "(a → b → c → a)"),
        ({"x": ["a"], "a": ["b"], "b": ["a"]}, ".a", "(a → b → a)"),
        ({FLASH: ["fast"]}, f".{FLASH}", f"({FLASH} → {FLASH})"),
    ],
)
def test_fallbacks_that_are_none(fallbacks, place, word) -> None:
    ((at, problem),) = fallbacks_problems(fallbacks, {"fast": FLASH})

    assert at == place
    assert word in problem


def test_two_ways_to_one_model_are_no_loop() -> None:
    assert not list(fallbacks_problems({"a": ["b", "c"], "b": ["d"], "c": ["d"]}))


def test_lines_are_read_as_they_are_shown() -> None:
    aliases = {"fast": FLASH, "smart": PRO, "llama": "meta-llama/llama-3:free"}
    fallbacks = {PRO: [FLASH, "gpt-4o"]}

    assert aliases_of_lines("\r\n".join(alias_lines(aliases))) == aliases
    assert fallbacks_of_lines("\n".join(fallback_lines(fallbacks))) == fallbacks
    assert aliases_of_lines("fast = models/x\n\n smart=y ") == {"fast": "x", "smart": "y"}
    assert models_of_lines(" gemini-* \n\nmodels/gpt-4o\n") == ["gemini-*", "gpt-4o"]


@pytest.mark.parametrize(
    ("text", "word"), [("fast", "Line 1"), ("a: b\na: c", "Line 2 names a"), ("\nx:y", "Line 2")]
)
def test_a_line_that_says_nothing_is_named(text, word) -> None:
    with pytest.raises(ValueError, match=word):
        aliases_of_lines(text)


def test_a_long_chain_is_looked_through_without_recursion() -> None:
    chain = {f"m{number}": [f"m{number + 1}"] for number in range(100)}

    assert not list(fallbacks_problems(chain))
