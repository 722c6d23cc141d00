"""YAML as a config file needs it: text, whole numbers, true and false, nothing, lists and mappings.

What the library's loaders would turn into something else (dates, decimals, binary, tagged values)
comes out as Odd, which no field takes. Duplicate fields are found with their line, and neither
shared nor nested anchors can make a small file large.
"""

import re
from collections.abc import Callable
from typing import NamedTuple

import yaml
from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode
from yaml.reader import Reader

from proxyapp.config.yaml_slips import slip
from proxyapp.vocabulary.in_words import gettext as _
from proxyapp.vocabulary.marks import gettext_noop
from proxyapp.vocabulary.masking import masked_key

try:
    from yaml import CSafeLoader as Loader
except ImportError:
    from yaml import SafeLoader as Loader  # type: ignore[assignment]

TAG = "tag:yaml.org,2002:"
MAX_DEPTH = 30
# 100,000 keys with labels are 800,000, 10,000 groups with all their fields 300,000.
MAX_EVENTS = 1_500_000
MAX_MERGED_FIELDS = 100_000
PLAIN_DECIMAL = re.compile(r"[-+]?[0-9]{1,9}\.[0-9]{1,9}(?:[eE][-+][0-9]{1,2})?")
PLAIN_INTEGER = re.compile(r"[-+]?(?:0|[1-9][0-9]{0,17})")
QUOTED_WORD = re.compile(r"'[^'<]{2}[^']+'")
FIELD_NAME = re.compile(r"[A-Za-z_ -]{1,30}")
QUOTES_NEEDED = gettext_noop(
    '%(problem)s; in a line with [ ], { } or a colon put the whole value in quotes: "${NAME}"'
)


class Odd(NamedTuple):
    """A value that is none of the plain types."""

    kind: str


# In place of a text that could not be filled in: that is said already.
UNKNOWN = Odd(gettext_noop("a variable without a value"))
KINDS: dict[type, str] = {
    bool: gettext_noop("true or false"),
    int: gettext_noop("a number"),
    str: gettext_noop("text"),
    list: gettext_noop("a list"),
    dict: gettext_noop("a mapping"),
    type(None): gettext_noop("nothing (null)"),
}
Fill = Callable[[str], str]


class BadValue(Exception):
    """What is wrong with a text, without the text."""


def read_yaml(text: str, fill: Fill | None = None) -> tuple[object, list[str]]:
    """The tree and what is wrong, each with its line. `fill`: makes a value of each text that is
    none's name; may raise BadValue.

    When the text is no YAML at all the tree is None.
    """
    unprintable = Reader.NON_PRINTABLE.search(text)
    if unprintable:
        return None, [
            _at_place(text, unprintable.start()) + _("a character that YAML does not allow")
        ]
    try:
        too_much = _too_much(text)
        return (None, [too_much]) if too_much else _built(text, fill)
    except yaml.MarkedYAMLError as error:
        return None, [_syntax_problem(error, text)]


def kind(value: object) -> str:
    """What a person calls the type of a value of the tree."""
    if isinstance(value, Odd):
        return _(value.kind)
    if isinstance(value, float):
        return _("a number")
    return _(KINDS.get(str if isinstance(value, str) else type(value), "nothing (null)"))


def shown(name: object) -> str:
    """A field's name for a message.

    A key may have slipped into its place, so only plain words are shown whole.
    """
    if not isinstance(name, str):
        return kind(name)
    return f"'{name}'" if FIELD_NAME.fullmatch(name) else f"'{masked_key(name)}'"


def _too_much(text: str) -> str | None:
    """Looks before the library composes: it recurses in C, and a file of brackets would crash the
    process.
    """
    depth = 0
    for count, event in enumerate(yaml.parse(text, Loader=Loader)):
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(
            event, yaml.CollectionEndEvent
        )
        if depth > MAX_DEPTH:
            text = _("nested deeper than %(most)s levels") % {"most": MAX_DEPTH}
            return f"{_at(event.start_mark)}{text}"
        if count > MAX_EVENTS:
            text = _("too many values; %(most)s are allowed") % {"most": MAX_EVENTS}
            return f"{_at(event.start_mark)}{text}"
    return None


def _built(text: str, fill: Fill | None) -> tuple[object, list[str]]:
    loader = _PlainLoader(text, fill)
    try:
        tree = loader.get_single_data()
    finally:
        loader.dispose()
    if loader.merged_fields > MAX_MERGED_FIELDS:
        return None, [_("<< merges more than %(most)s fields") % {"most": MAX_MERGED_FIELDS}]
    return tree, loader.problems


def _syntax_problem(error: yaml.MarkedYAMLError, source: str) -> str:
    mark = error.problem_mark or error.context_mark
    place = _at(mark)
    if error.context == "expected a single document in the stream":
        return place + _("a second document starts here; a config file is one document")
    lines = source.splitlines()
    found = slip(error, lines)
    if found and mark and found[0] != mark.line:
        place = _at_line(found[0])
    text = found[1] if found else QUOTED_WORD.sub("'…'", error.problem or _("not YAML"))
    is_about_a_variable = mark is not None and "${" in "".join(lines[mark.line : mark.line + 1])
    return place + (_(QUOTES_NEEDED) % {"problem": text} if is_about_a_variable else text)


def _at(mark: "yaml.Mark | yaml._yaml.Mark | None") -> str:
    return _at_column(mark.line + 1, mark.column + 1) if mark else ""


def _at_place(text: str, position: int) -> str:
    before = text[:position]
    return _at_column(before.count("\n") + 1, position - before.rfind("\n"))


def _at_column(line: int, column: int) -> str:
    return _("line %(line)s, column %(column)s: ") % {"line": line, "column": column}


def _at_line(index: int) -> str:
    return _("line %(line)s: ") % {"line": index + 1}


class _PlainLoader(Loader):
    """Builds as the library does, each node once for all aliases that name it. It notes problems
    and goes on where the library would stop.
    """

    def __init__(self, text: str, fill: Fill | None) -> None:
        super().__init__(text)
        self.fill = fill
        self.problems: list[str] = []
        self.merged_fields = 0

    def construct_object(self, node: Node, deep: bool = False) -> object:
        if node in self.recursive_objects:
            self.problems.append(_at_line(node.start_mark.line) + _("a value that holds itself"))
            return Odd(gettext_noop("a value that holds itself"))
        return super().construct_object(node, deep)

    def _list(self, node: Node) -> object:
        if not isinstance(node, SequenceNode):
            return Odd(gettext_noop("a tagged value"))
        return [self.construct_object(item) for item in node.value]

    def _mapping(self, node: Node) -> object:
        """Fields of the mapping itself go before merged ones (`<<`), and of these the first before
        later ones.
        """
        if not isinstance(node, MappingNode):
            return Odd(gettext_noop("a tagged value"))
        own: dict[object, object] = {}
        merged: dict[object, object] = {}
        for key_node, value_node in node.value:
            value = self.construct_object(value_node)
            if key_node.tag == TAG + "merge":
                merged = self._merged(value_node, value) | merged
            else:
                self._put(own, key_node, value)
        return merged | own

    def _put(self, own: dict[object, object], key_node: Node, value: object) -> None:
        name = self._name(key_node)
        line = _at_line(key_node.start_mark.line)
        if isinstance(name, list | dict):
            text = _("%(kind)s cannot be the name of a field")
            self.problems.append(line + text % {"kind": kind(name)})
        elif name in own:
            self.problems.append(line + _("%(name)s is given twice") % {"name": shown(name)})
        else:
            own[name] = value

    def _name(self, node: Node) -> object:
        """As it is written: no variable names a field."""
        is_text = isinstance(node, ScalarNode) and node.tag == TAG + "str"
        return node.value if is_text else self.construct_object(node)

    def _merged(self, node: Node, value: object) -> dict[object, object]:
        merged: dict[object, object] = {}
        for part in value if isinstance(value, list) else [value]:
            if isinstance(part, dict):
                self.merged_fields += len(part)
                merged = part | merged if self.merged_fields <= MAX_MERGED_FIELDS else {}
            else:
                text = _("<< takes a mapping, not %(kind)s") % {"kind": kind(part)}
                self.problems.append(_at_line(node.start_mark.line) + text)
        return merged

    def _scalar(self, node: Node) -> object:
        if not isinstance(node, ScalarNode):
            return Odd(gettext_noop("a tagged value"))
        match node.tag.removeprefix(TAG):
            case "str":
                return self._filled(node)
            case "null":
                return None
            case "bool":
                return self.bool_values.get(node.value.lower(), Odd(gettext_noop("a tagged value")))
            case "int" if PLAIN_INTEGER.fullmatch(node.value):
                return int(node.value)
            case "float" if PLAIN_DECIMAL.fullmatch(node.value):
                return float(node.value)
            case "int" | "float":
                return Odd(gettext_noop("a number"))
            case "timestamp":
                return Odd(gettext_noop("a date"))
        return Odd(gettext_noop("a tagged value"))

    def _filled(self, node: ScalarNode) -> object:
        try:
            return self.fill(node.value) if self.fill else node.value
        except BadValue as problem:
            self.problems.append(f"{_at_line(node.start_mark.line)}{problem}")
            return UNKNOWN

    # In place of the library's own, for which a value can be a date or a set.
    yaml_constructors = {TAG + "seq": _list, TAG + "map": _mapping, None: _scalar}
