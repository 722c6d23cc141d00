"""`api_keys_file` of a group: a file with one key a line."""

from pathlib import Path

from proxyapp.config.named_files import NamedFileError, beginning
from proxyapp.vocabulary.in_words import gettext as _
from proxyapp.vocabulary.sizes import too_large

MOST_LINES = 500_000  # what is no list of keys is not gone through while clients wait
MAX_BYTES = 32 * 1024 * 1024  # as many keys as are allowed, and a comment for each


def keys_by_line(path: Path) -> dict[int, str]:
    """The keys, unchecked, by the numbers of their lines. Raises NamedFileError.

    A comment begins with `#`, at a line's start or behind white space.
    """
    content = beginning(path, MAX_BYTES + 1)
    if len(content) > MAX_BYTES:
        raise NamedFileError(f"{path} {too_large(len(content), MAX_BYTES)}")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise NamedFileError(
            f"{path}: " + _("line %(line)s: is not UTF-8; save the file as UTF-8") % {"line": line}
        ) from None
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    if (count := text.count("\n")) > MOST_LINES:
        raise NamedFileError(
            _("%(path)s has %(count)s lines; %(most)s are allowed")
            % {"path": path, "count": count, "most": MOST_LINES}
        )
    lines = enumerate(text.split("\n"), start=1)
    return {number: key for number, line in lines if (key := _without_comment(line))}


def _without_comment(line: str) -> str:
    words = line.split()
    marks = [at for at, word in enumerate(words) if word.startswith("#")]
    return " ".join(words[: marks[0]] if marks else words)
