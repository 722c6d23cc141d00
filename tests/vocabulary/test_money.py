"""Amounts of money, as people write and read them."""

import pytest

from proxyapp.vocabulary.money import amount_text, plain_amount, read_amount, rounded_text


@pytest.mark.parametrize(
    ("text", "micros"),
    [("5", 5_000_000), (" 2.50 ", 2_500_000), ("0.000001", 1), ("1000000000", 10**15)],
)
def test_an_amount_is_read_exactly(text: str, micros: int):
    assert read_amount(text) == micros


@pytest.mark.parametrize(
    "text",
    ["", "0", "-1", "1e9", "1,5", "0.0000001", "1000000001", "\N{ARABIC-INDIC DIGIT FIVE}", "$5"],
)
def test_what_is_no_amount_is_refused(text: str):
    with pytest.raises(ValueError, match="must be"):
        read_amount(text)


@pytest.mark.parametrize(
    ("micros", "whole", "rounded"),
    [
        (0, "0.00", "0.00"),
        (123, "0.000123", "0.0001"),
        (12, "0.000012", "< 0.0001"),
        (4_200, "0.0042", "0.0042"),
        (12_345_678, "12.345678", "12.35"),
        (1_234_500_000, "1,234.50", "1,234.50"),
    ],
)
def test_an_amount_is_shown_whole_or_rounded(micros: int, whole: str, rounded: str):
    assert (amount_text(micros), rounded_text(micros)) == (whole, rounded)
    assert read_amount(plain_amount(micros)) == micros if micros else plain_amount(micros) == "0.00"
