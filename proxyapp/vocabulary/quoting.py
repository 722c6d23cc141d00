"""Names within a line of text: what an operator named cannot pass for the words around it."""


def quoted(value: object) -> str:
    r"""In quotes that the value itself cannot end: `'it\'s'`."""
    text = str(value).replace("\\", "\\\\").replace("'", "\\'")
    return f"'{text}'"


def quoted_if_unclear(value: object) -> str:
    """As it is, unless it has marks that the words of a change are made of."""
    text = str(value)
    return quoted(text) if any(mark in text for mark in "'\\→") else text
