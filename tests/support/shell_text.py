"""Shell commands of a document, taken apart as far as a look at each needs it."""

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass, field

ASSIGNED = re.compile(r"([A-Za-z_]\w*)=(.*)", re.DOTALL)
# `<pid>` stands for a number that the reader knows.
PLACEHOLDER = re.compile(r"<(\w+)>")
OPERATORS = frozenset(("|", "||", "&&", ";", ";;", "&", "(", ")"))
REDIRECTIONS = frozenset((">", ">>", "<", ">&", "2>"))
# They run what follows them.
IN_FRONT = frozenset(("exec", "env", "export", "time"))


@dataclass(slots=True)
class ShellCommand:
    words: list[str]
    environment: dict[str, str] = field(default_factory=dict)
    comment: str = ""

    def __str__(self) -> str:
        return shlex.join(self.words)


def without_placeholders(text: str) -> str:
    return PLACEHOLDER.sub(r"\1", text)


def commands(text: str) -> Iterator[ShellCommand]:
    """Each simple command; variables that the text itself sets are filled in."""
    variables: dict[str, str] = {}
    for line, comment in _whole_lines(without_placeholders(text)):
        for words in _simple(line):
            command = _taken_apart(words, variables)
            command.comment = comment
            if not command.words:
                variables |= command.environment
            yield command


def _whole_lines(text: str) -> Iterator[tuple[str, str]]:
    """Lines that go on are put together: behind a backslash, and in quotes."""
    begun = ""
    for line in text.replace("\\\n", " ").splitlines():
        begun += line
        code, comment, is_open = _without_comment(begun)
        if is_open:
            begun += "\n"
            continue
        begun = ""
        yield code, comment


def _without_comment(line: str) -> tuple[str, str, bool]:
    quote = before = ""
    for index, letter in enumerate(line):
        if quote:
            quote = "" if letter == quote else quote
        elif letter in "'\"":
            quote = letter
        elif letter == "#" and (not before or before.isspace()):
            return line[:index], line[index + 1 :], False
        before = letter
    return line, "", bool(quote)


def _simple(line: str) -> Iterator[list[str]]:
    words: list[str] = []
    lexer = shlex.shlex(line, posix=True, punctuation_chars=True)
    lexer.whitespace_split, lexer.commenters = True, ""
    for word in lexer:
        if word in OPERATORS:
            if words:
                yield words
            words = []
        else:
            words.append(word)
    if words:
        yield words


def _taken_apart(words: list[str], variables: dict[str, str]) -> ShellCommand:
    command = ShellCommand([])
    rest = iter(words)
    for word in rest:
        if word in REDIRECTIONS:
            next(rest, None)
        elif not command.words and (found := ASSIGNED.fullmatch(word)):
            command.environment[found[1]] = _filled(found[2], variables)
        elif command.words or word not in IN_FRONT:
            command.words.append(_filled(word, variables))
    return command


def _filled(word: str, variables: dict[str, str]) -> str:
    return re.sub(r"\$(\w+)", lambda name: variables.get(name[1], name[0]), word)
