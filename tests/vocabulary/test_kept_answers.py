"""Answers that are kept for a while."""

import asyncio
from dataclasses import dataclass

import pytest

from proxyapp.vocabulary.kept_answers import KeptAnswers


@dataclass
class Said:
    text: str
    good_seconds: float = 60.0


class Source:
    def __init__(self) -> None:
        self.asked = 0
        self.may_answer = asyncio.Event()

    async def ask(self) -> Said:
        self.asked += 1
        await self.may_answer.wait()
        return Said(f"answer {self.asked}", 60.0 if self.asked < 3 else 0.0)


async def test_many_ask_once_and_the_answer_is_kept_as_long_as_it_is_good() -> None:
    kept, source = KeptAnswers[Said](2), Source()
    waiting = [asyncio.create_task(kept.get("a", source.ask)) for _ in range(5)]
    await asyncio.sleep(0)
    waiting[0].cancel()  # who asked first leaves
    source.may_answer.set()

    assert [(await task).text for task in waiting[1:]] == ["answer 1"] * 4
    assert (await kept.get("a", source.ask)).text == "answer 1"
    kept.forget("a")
    assert (await kept.get("a", source.ask)).text == "answer 2"
    kept.forget("a")
    assert (await kept.get("a", source.ask)).text == "answer 3"
    assert (await kept.get("a", source.ask)).text == "answer 4"


async def test_so_many_are_kept_and_a_failure_is_not() -> None:
    kept, source = KeptAnswers[Said](2), Source()
    source.may_answer.set()
    for name in ("a", "b", "c"):
        await kept.get(name, source.ask)

    async def fail() -> Said:
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        await kept.get("d", fail)
    assert (await kept.get("a", source.ask)).text == "answer 4"


async def test_what_is_asked_ends_with_the_process() -> None:
    kept, source = KeptAnswers[Said](2), Source()
    task = asyncio.create_task(kept.get("a", source.ask))
    await asyncio.sleep(0)

    kept.close()

    with pytest.raises(asyncio.CancelledError):
        await task
