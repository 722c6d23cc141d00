"""What long tests measured, for docs/RELIABILITY.md."""

import os


def note(text: str) -> None:
    """One line to standard output, and to the file that FIGURES names.

    `make soak` shows it at the end.
    """
    print(text)
    path = os.environ.get("FIGURES")
    if path:
        with open(path, "a") as file:
            file.write(text + "\n")
