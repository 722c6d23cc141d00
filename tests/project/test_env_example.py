"""`.env.example` is the list of settings that operators copy from: whole and true."""

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def documented() -> dict[str, str]:
    lines = re.findall(
        r"^# ([A-Z][A-Z0-9_]*)=(.*)$", (ROOT / ".env.example").read_text(), re.MULTILINE
    )
    return dict(lines)


def read_by_settings() -> set[str]:
    return set(
        re.findall(r'env\.\w+\(\s*"([A-Z0-9_]+)"', (ROOT / "gateway" / "settings.py").read_text())
    )


def test_every_setting_is_in_the_example() -> None:
    assert read_by_settings() - set(documented()) == set()


def test_the_example_names_no_setting_that_is_gone() -> None:
    of_serve = {"DJANGO_SUPERUSER_USERNAME", "DJANGO_SUPERUSER_PASSWORD"}
    assert set(documented()) - read_by_settings() - of_serve == set()


def test_nothing_is_set_in_the_example() -> None:
    assert re.findall(r"^[^#\n]", (ROOT / ".env.example").read_text(), re.MULTILINE) == []


def test_the_example_shows_the_defaults() -> None:
    source = (ROOT / "gateway" / "settings.py").read_text()
    numbers = re.findall(r'env\.(?:int|float)\("(\w+)", default=([0-9. *]+)\)', source)
    words = re.findall(r'env\.str\("(\w+)", default="([^"]*)"\)', source)
    expected = {name: float(_product(default)) for name, default in numbers}
    assert {name: float(documented()[name]) for name in expected} == expected
    assert {name: documented()[name] for name, _ in words} == dict(words)


def _product(expression: str) -> float:
    result = 1.0
    for factor in expression.split("*"):
        result *= float(factor)
    return result
