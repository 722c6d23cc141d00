"""Texts of the sources that read as prose, and that no call hands to the catalogue."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

PROSE = re.compile(r"(?<![\w`{<./-])[A-Za-z][a-z']+,? [a-z]{2,}")
MARKS = re.compile(r"_|n?p?gettext(_lazy|_noop)?|LazyText")
# What is never shown, or never in another language: logs, the audit log, SQL, types.
UNSHOWN = re.compile(
    r"debug|info|warning|error|exception|warn|log|record(_whole)?|log_(in_history|changes)|compile|cast"
    r"|RawSQL|execute|getLogger|ImproperlyConfigured|AssertionError|RuntimeError|BodyRefused"
)
BLOCKS = re.compile(
    r"{#.*?#}|{% comment.*?endcomment %}|{% blocktranslate.*?endblocktranslate %}"
    r"|<(script|style|code|pre|kbd)\b.*?</\1>|<span class=\"material-symbols-outlined.*?</span>",
    re.DOTALL,
)
# What it writes is another text: its own are names of files and of fields.
TAG = re.compile(r"{%.*?%}|{{.*?}}", re.DOTALL)
MARKUP = re.compile(r"<(?:[^<>\"]|\"[^\"]*\")*>")
SHOWN = re.compile(r'\b(?:aria-label|title|placeholder|alt|data-confirm)="([^"]*)"')
AS_IT_IS = re.compile(r'<(\w+)[^>]*translate="no"[^>]*>.*?</\1>', re.DOTALL)
WORD = re.compile(r"[A-Za-z]{2,}")
# What is typed at a shell.
CODE = re.compile(r"-[Hd] '|/admin/api|/v1beta/")


def prose_of(file: Path) -> Iterator[tuple[int, str]]:
    """Line and text."""
    tree = ast.parse(file.read_text())
    left_out = {id(node) for node in _left_out(tree)}
    for node in ast.walk(tree):
        if not isinstance(node, ast.Constant) or id(node) in left_out:
            continue
        if isinstance(node.value, str) and PROSE.search(node.value):
            yield node.lineno, node.value


def prose_of_template(file: Path) -> Iterator[str]:
    """Texts and attributes that are shown or read out."""
    text = TAG.sub("", AS_IT_IS.sub("", BLOCKS.sub("", file.read_text())))
    shown = [match[1] for match in SHOWN.finditer(text)]
    for part in (*MARKUP.split(text), *shown):
        if WORD.search(re.sub(r"&\w+;", "", part)) and not CODE.search(part):
            yield " ".join(part.split())


def _left_out(tree: ast.AST) -> Iterator[ast.AST]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and _is_named(node.func):
            for argument in [*node.args, *(keyword.value for keyword in node.keywords)]:
                yield from ast.walk(argument)
        elif isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            yield node.value  # a docstring
        elif isinstance(node, ast.AnnAssign | ast.arg) and node.annotation:
            yield from ast.walk(node.annotation)
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.returns:
            yield from ast.walk(node.returns)


def _is_named(called: ast.expr) -> bool:
    name = getattr(called, "attr", getattr(called, "id", ""))
    return bool(MARKS.fullmatch(name) or UNSHOWN.fullmatch(name))
