"""Keys that would go to another host or proxy: only who may read them may send them there."""

REMEDY = (
    "This wants the right “Can see API keys in clear”, which you do not have: whoever chooses where"
    " keys are sent can read them there. Ask an Admin, or make a new group with new keys."
)


def refusal(count: int, whose: str) -> str:
    """`whose`: such as `of this group`."""
    keys = "1 key" if count == 1 else f"{count} keys"
    return f"Nothing was saved: {keys} {whose} would go to another host or proxy. {REMEDY}"
