"""Conversations of several turns, and a provider whose projects keep what prompts began with.

How long a provider keeps that is not public, and differs: here it is five minutes after it was
last used.
"""

import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from heapq import heappop, heappush
from typing import Any, NamedTuple

KEPT_SECONDS = 300.0
APPS = 5
SYSTEM_LLM_TOKENS = 1500
MOST_TURNS = 9
PAUSE_SECONDS = 40.0


class TalkTurn(NamedTuple):
    """One request. `number`: of the turn in its conversation, from 0. `llm_tokens`: of its prompt,
    which begins with that of the turn before.
    """

    at: float
    conversation: int
    app: int
    number: int
    llm_tokens: int

    @property
    def body(self) -> dict[str, Any]:
        """In short: the numbers stand for the texts."""
        texts = [f"{self.conversation} {number}" for number in range(2 * self.number + 1)]
        roles = ["user", "model"] * len(texts)
        contents = [
            {"role": role, "parts": [{"text": text}]}
            for role, text in zip(roles, texts, strict=False)
        ]
        return {
            "contents": contents,
            "systemInstruction": {"parts": [{"text": f"You are app {self.app}."}]},
        }


@dataclass
class Talk:
    """Where a conversation is. `left`: turns that are to come."""

    number: int
    app: int
    left: int
    turns: int = 0
    llm_tokens: int = SYSTEM_LLM_TOKENS


def turns(
    conversations: int, begins_at: float, seconds: float, seed: int = 1
) -> Iterator[TalkTurn]:
    """In the order of time. A conversation begins anywhere in it and has up to MOST_TURNS."""
    chance = random.Random(seed)
    due: list[tuple[float, int]] = []
    talks: dict[int, Talk] = {}
    for number in range(conversations):
        talks[number] = Talk(number, chance.randrange(APPS), chance.randint(1, MOST_TURNS))
        heappush(due, (begins_at + chance.random() * seconds, number))
    while due:
        at, number = heappop(due)
        talk = talks[number]
        talk.llm_tokens += chance.randint(150, 900)
        yield TalkTurn(at, number, talk.app, talk.turns, talk.llm_tokens)
        talk.turns += 1
        talk.left -= 1
        if talk.left:
            heappush(due, (at + 5.0 + chance.expovariate(1 / PAUSE_SECONDS), number))


class PrefixCaches:
    """Of the projects: each remembers what it was asked lately, and what that began with."""

    def __init__(self) -> None:
        self._seen: dict[tuple[str, str], tuple[int, float]] = {}

    def cached(self, project: str, turn: TalkTurn) -> int:
        """How many of the prompt's LLM tokens it has; it has all of them from now on."""
        names: Mapping[str, int] = {
            f"app {turn.app}": SYSTEM_LLM_TOKENS,
            f"talk {turn.conversation}": turn.llm_tokens,
        }
        found = [self._there(project, name, turn.at) for name in names]
        for name, llm_tokens in names.items():
            self._seen[project, name] = llm_tokens, turn.at
        return max(found)

    def _there(self, project: str, name: str, now: float) -> int:
        llm_tokens, at = self._seen.get((project, name), (0, 0.0))
        return llm_tokens if now - at <= KEPT_SECONDS else 0
