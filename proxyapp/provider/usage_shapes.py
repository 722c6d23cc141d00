"""What an answer's usage means, in whatever API's words, as five counts that never overlap wrongly.

`prompt` is all that went in: what a tool put in (`tool_use`) and what a cache held (`cached`) are
parts of it. `output` is all that came out, and `thoughts` are a part of it. So prompt and output
are the whole, and the other three say more of them.

Google counts thoughts and tools beside prompt and candidates, OpenAI thoughts within its
completion, Anthropic what its cache held beside the input. The total of some chats (Google's own
among them) has more than prompt and completion: those are thoughts that the completion leaves out.
"""

from dataclasses import dataclass
from typing import Final

# A name in the usage, and one inside of what that has, where it is an object.
Name = tuple[str, str]
# Of a part that has several names the largest counts: they say the same.
Part = tuple[Name, ...]
Counts = tuple[int, int, int, int, int]
MOST: Final = 1 << 40


@dataclass(frozen=True, slots=True)
class UsageShape:
    """`signs`: one of them in a usage says that it is of this shape. What a tool put in is beside
    the prompt wherever it is told; so are thoughts beside the output, and what a cache held beside
    the prompt, where that is said.
    """

    signs: tuple[str, ...]
    prompt: Part
    output: Part = ()
    cached: Part = ()
    thoughts: Part = ()
    tool_use: Part = ()
    more_prompt: Part = ()
    total: Part = ()
    is_cached_beside: bool = False
    are_thoughts_beside: bool = False


def _named(*names: str) -> Part:
    """`a.b`: the member `b` of `a`."""
    pairs = [name.partition(".") for name in names]
    return tuple([(outer, inner) for outer, _, inner in pairs])


GEMINI: Final = UsageShape(
    ("promptTokenCount", "candidatesTokenCount", "responseTokenCount", "thoughtsTokenCount"),
    _named("promptTokenCount"),
    _named("candidatesTokenCount", "responseTokenCount"),  # the second is Live's
    _named("cachedContentTokenCount"),
    _named("thoughtsTokenCount"),
    _named("toolUsePromptTokenCount"),
    are_thoughts_beside=True,
)
INTERACTIONS: Final = UsageShape(
    ("total_input_tokens", "total_output_tokens", "total_thought_tokens", "total_tool_use_tokens"),
    _named("total_input_tokens"),
    _named("total_output_tokens"),
    _named("total_cached_tokens"),
    _named("total_thought_tokens", "total_reasoning_tokens"),  # the second is an older name
    _named("total_tool_use_tokens"),
    are_thoughts_beside=True,
)
CHAT: Final = UsageShape(
    ("prompt_tokens", "completion_tokens"),
    _named("prompt_tokens"),
    _named("completion_tokens"),
    _named(
        "prompt_tokens_details.cached_tokens", "prompt_cache_hit_tokens", "cache_read_input_tokens"
    ),
    _named("completion_tokens_details.reasoning_tokens"),
    total=_named("total_tokens"),
)
RESPONSES: Final = UsageShape(
    ("input_tokens_details",),
    _named("input_tokens"),
    _named("output_tokens"),
    _named("input_tokens_details.cached_tokens"),
    _named("output_tokens_details.reasoning_tokens"),
)
ANTHROPIC: Final = UsageShape(
    ("input_tokens", "output_tokens"),
    _named("input_tokens"),
    _named("output_tokens"),
    _named("cache_read_input_tokens"),
    _named("output_tokens_details.reasoning_tokens", "output_tokens_details.thinking_tokens"),
    more_prompt=_named("cache_creation_input_tokens"),
    is_cached_beside=True,
)
# Some embeddings say nothing else.
TOTAL_ONLY: Final = UsageShape(("total_tokens",), _named("total_tokens"))
# The first of which a sign is there.
SHAPES: Final = (GEMINI, INTERACTIONS, CHAT, RESPONSES, ANTHROPIC, TOTAL_ONLY)
PROMPT_SIGNS: Final = ("promptTokenCount", "total_input_tokens", "prompt_tokens", "input_tokens")


def counts_of_usage(usage: dict[str, object]) -> Counts:
    """Prompt, output, cached, thoughts, tool use. Zeros where it tells nothing."""
    for shape in SHAPES:
        for sign in shape.signs:
            if sign in usage:
                return _counts(usage, shape)
    return 0, 0, 0, 0, 0


def tells_prompt(usage: dict[str, object]) -> bool:
    return any(isinstance(usage.get(sign), int) for sign in PROMPT_SIGNS)


def _counts(usage: dict[str, object], shape: UsageShape) -> Counts:
    prompt, output = _value(usage, shape.prompt), _value(usage, shape.output)
    cached, thoughts = _value(usage, shape.cached), _value(usage, shape.thoughts)
    tool_use = _value(usage, shape.tool_use)
    prompt += tool_use + _value(usage, shape.more_prompt)
    if shape.is_cached_beside:
        prompt += cached
    if shape.are_thoughts_beside:
        output += thoughts
    if shape.total and "completion_tokens" in usage:
        left_out = _value(usage, shape.total) - prompt - output
        if left_out > 0:
            output += left_out
            thoughts = max(thoughts, left_out)
    return prompt, output, min(cached, prompt), min(thoughts, output), tool_use


def _value(usage: dict[str, object], part: Part) -> int:
    most = 0
    for outer, inner in part:
        value = usage.get(outer)
        if value is None:
            continue
        if inner:
            value = value.get(inner) if isinstance(value, dict) else None
        if isinstance(value, int) and not isinstance(value, bool) and most < value < MOST:
            most = value
    return most
