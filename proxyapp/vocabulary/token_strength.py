"""Whether a client token that somebody thought of, or that was made elsewhere, can be guessed."""

# What is longer costs a stranger's request no more hashing.
LONGEST_FOREIGN = 512
STRONG_CHARACTERS, STRONG_VARIETY = 20, 10


def is_weak(text: str) -> bool:
    """Short, or of few characters: found by trying, or in another program's documentation."""
    return len(text) < STRONG_CHARACTERS or len(set(text)) < STRONG_VARIETY
