"""How many LLM tokens a request's input is estimated to be before it is sent."""

import base64
import json
import struct
import time
from typing import Any

import pytest

from proxyapp.provider.estimate_ratios import FARTHEST, MOST_MODELS, EstimateRatios
from proxyapp.provider.input_estimate import input_llm_tokens

TEXT = "The quick brown fox jumps over the lazy dog. "


def body(*parts: dict[str, Any]) -> bytes:
    return json.dumps({"contents": [{"parts": list(parts)}]}).encode()


def inline(data: bytes, kind: str = "x/y") -> dict[str, Any]:
    return {"inlineData": {"mimeType": kind, "data": base64.b64encode(data).decode()}}


def png(width: int, height: int, size: int = 5_000) -> bytes:
    head = b"\x89PNG\r\n\x1a\n" + struct.pack(">I4sII", 13, b"IHDR", width, height)
    return head.ljust(size, b"\0")


def test_text_counts_by_its_bytes():
    assert 10_000 <= input_llm_tokens(body({"text": TEXT * 1000})) <= 13_000


@pytest.mark.parametrize(
    ("data", "least", "most"),
    [
        (png(384, 384), 258, 300),
        (png(768, 768, 400_000), 258, 300),
        (png(1536, 800, 400_000), 4 * 258, 4 * 258 + 40),
        (b"\xff\xd8\xff\xe0".ljust(90_000, b"\1"), 258, 300),
        (b"\xff\xd8\xff\xe0".ljust(900_000, b"\1"), 9 * 258, 9 * 258 + 40),
        (b"RIFF1234WAVEfmt ".ljust(32_000 * 60, b"\1"), 32 * 60, 32 * 60 + 40),
        (b"ID3".ljust(16_000 * 60, b"\1"), 32 * 60, 32 * 60 + 40),
        (b"\0\0\0\x20ftypisom".ljust(250_000 * 10, b"\1"), 2600, 2700),
        (b"%PDF-1.7".ljust(75_000 * 3, b"\1"), 3 * 258, 3 * 258 + 40),
        (b"unknown".ljust(75_000, b"\1"), 100, 140),
    ],
)
def test_pictures_sound_films_and_documents_count_by_their_rates(
    data: bytes, least: int, most: int
):
    assert least <= input_llm_tokens(body(inline(data))) <= most


def test_a_data_url_of_the_openai_format_counts_as_its_picture():
    url = "data:image/png;base64," + base64.b64encode(png(100, 100, 50_000)).decode()
    image = {"type": "image_url", "image_url": {"url": url}}

    assert 258 <= input_llm_tokens(json.dumps({"messages": [{"content": [image]}]}).encode()) <= 300


def test_text_between_pictures_counts_too():
    parts = [inline(png(10, 10)), {"text": TEXT * 100}, inline(png(10, 10))]

    assert 2 * 258 + 1100 <= input_llm_tokens(body(*parts)) <= 2 * 258 + 1400


@pytest.mark.parametrize("text", [b'{"data":"' + b"A" * 5_000_000, b'"data":"' * 100_000, b"\xff"])
def test_what_is_broken_is_estimated_all_the_same(text: bytes):
    assert input_llm_tokens(text) > 0


def test_a_short_body_takes_some_microseconds():
    short = body({"text": TEXT * 40})
    costs = []
    for _ in range(5):
        began = time.perf_counter()
        for _ in range(1000):
            input_llm_tokens(short)
        costs.append((time.perf_counter() - began) * 1000)

    assert min(costs) < 20  # microseconds each


def test_a_ratio_is_of_its_model_and_within_bounds():
    ratios = EstimateRatios()
    for _ in range(200):
        ratios.learn("high", 10, 100_000)
        ratios.learn("low", 100_000, 1)

    assert ratios.applied("other", 400) == 400
    assert 0.8 * FARTHEST * 400 < ratios.applied("high", 400) <= FARTHEST * 400
    assert 400 / FARTHEST <= ratios.applied("low", 400) < 1.2 * 400 / FARTHEST
    assert (ratios.applied("low", 1), ratios.applied("low", 0)) == (1, 0)


def test_one_odd_request_says_little_of_the_others():
    ratios = EstimateRatios()
    for _ in range(20):
        ratios.learn("pro", 5_000, 5_000)
    ratios.learn("pro", 1_000_000, 3)

    assert ratios.applied("pro", 1000) > 850


def test_names_that_clients_make_up_fill_no_memory():
    ratios = EstimateRatios()
    for number in range(2 * MOST_MODELS):
        ratios.learn(f"made-up-{number}", 10, 20)

    assert len(ratios._sums) == MOST_MODELS
