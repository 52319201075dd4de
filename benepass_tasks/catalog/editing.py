"""Setting values in a YAML text, which keeps every other letter of it: comments, order, layout.

A text is edited at the positions that its parser gives, and the edited text is read again: unless
its data is that of the text before with the values set, the edit is refused. A YAML library that
writes what it has read would lay the whole file out anew: the flow mappings of the catalog over
several lines, and with them most lines of a diff.
"""

import copy
import enum
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, cast

import yaml

from benepass_tasks.catalog.document import Document, KeyPath, read_document
from benepass_tasks.config.errors import CatalogError

WIDTH = 100
"""Letters of a line, as long as it can be broken."""

INDENT = 2


class Gone(enum.Enum):
    """What a key has that is to go."""

    GONE = enum.auto()


GONE: Final = Gone.GONE


@dataclass(frozen=True, slots=True)
class Setting:
    """A value to set.

    Attributes:
        path: The keys of mappings that lead to it; those that are missing are made.
        value: Plain data: text, numbers, truth values, lists and mappings; or `GONE`, and the line
            of the key goes.
        after: The keys behind which a new one stands, the first of them that is there; behind all
            others where none is.
    """

    path: KeyPath
    value: object
    after: Sequence[str] = ()


def set_values(text: str, name: str, settings: Iterable[Setting]) -> str:
    """Set values in a YAML text.

    What a mapping has through a merge key or an alias is copied into it, so that nothing else
    changes that shares the anchor.

    Args:
        text: The text.
        name: What messages call it, such as `catalog.yaml`.
        settings: The values, set one after another.

    Returns:
        The text with the values.

    Raises:
        CatalogError: the text is invalid, or something else would change with a value, such as
            what refers to it by an alias.
    """
    for setting in settings:
        before = read_document(text, name)
        expected = _with(before.data, setting.path, setting.value)
        if expected == before.data:
            continue
        text = _Edit(text, before).done(setting)
        if not _holds(text, name, expected):
            place = before.place(setting.path)
            raise CatalogError(
                f"{name}:{place.line} {place.dotted}: cannot be set without changing something "
                "else, such as what refers to it by an alias; please edit it by hand"
            )
    return text


def _holds(text: str, name: str, expected: object) -> bool:
    try:
        return read_document(text, name).data == expected
    except CatalogError:
        return False


def _with(data: object, path: KeyPath, value: object) -> object:
    """A copy of plain data, with a value at a path."""
    if not path:
        return copy.deepcopy(value)
    first, *rest = path
    copied = dict(data) if isinstance(data, Mapping) else {}
    if value is GONE and not rest:
        copied.pop(first, None)
    else:
        copied[first] = _with(copied.get(first), tuple(rest), value)
    return copied


def _at(data: object, path: KeyPath) -> object:
    for step in path:
        data = data.get(step) if isinstance(data, Mapping) else None
    return data


class _Edit:
    """One value, to be set in one text."""

    def __init__(self, text: str, document: Document) -> None:
        self._text = text
        self._data = document.data
        self._end = "\r\n" if "\r\n" in text else "\n"
        self._root = cast(
            "yaml.MappingNode",
            yaml.compose(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader)),
        )

    def done(self, setting: Setting) -> str:
        mapping = self._root
        for depth, step in enumerate(setting.path, 1):
            rest = setting.path[depth:]
            # Below a merge key, an alias or what is not a mapping everything is written anew.
            value = _with(_at(self._data, setting.path[:depth]), rest, setting.value)
            own = _own(mapping, step)
            if own is None:
                return self._inserted(mapping, str(step), value, setting.after)
            key, node = own
            if setting.value is GONE and not rest:
                return self._removed(key, node)
            if (
                not rest
                or _is_alias(node, key)
                or not isinstance(node, yaml.MappingNode)
                or not node.value
            ):
                return self._replaced(mapping, key, node, value)
            mapping = node
        raise AssertionError("a path has at least one step")

    def _removed(self, key: yaml.Node, node: yaml.Node) -> str:
        """Without the lines of a key in a block."""
        begins = self._text.rfind("\n", 0, key.start_mark.index) + 1
        ends = self._end_of_line(self._end_of(node, key)) + len(self._end)
        return self._text[:begins] + self._text[ends:]

    def _replaced(
        self, mapping: yaml.MappingNode, key: yaml.Node, node: yaml.Node, value: object
    ) -> str:
        begins, column = key.start_mark.index, key.start_mark.column
        written = self._rendered(str(key.value), value, column, is_flow=bool(mapping.flow_style))
        return self._text[:begins] + written + self._text[self._end_of(node, key) :]

    def _inserted(
        self, mapping: yaml.MappingNode, name: str, value: object, after: Sequence[str]
    ) -> str:
        if mapping.flow_style:
            return self._inserted_in_flow(mapping, name, value)
        column = mapping.start_mark.column
        written = self._rendered(name, value, column, is_flow=False)
        found = (_own(mapping, key) for key in after)
        key, node = next(filter(None, found), mapping.value[-1])
        at = self._end_of_line(self._end_of(node, key))
        gap = self._end * (2 if mapping is self._root else 1)
        indented = f"{gap}{'':{column}}{written}"
        return self._text[:at] + indented + self._text[at:]

    def _inserted_in_flow(self, mapping: yaml.MappingNode, name: str, value: object) -> str:
        written = self._rendered(name, value, 0, is_flow=True)
        if not mapping.value:
            at = mapping.start_mark.index + 1
            return self._text[:at] + written + self._text[at:]
        key, node = mapping.value[-1]
        at = self._end_of(node, key)
        begins = self._text.rfind("\n", 0, at) + 1
        line = self._text[begins:at]
        rest = self._text[at : self._end_of_line(at)]
        if len(line) + len(written) + len(rest) + 2 <= WIDTH:
            return f"{self._text[:at]}, {written}{self._text[at:]}"
        margin = (
            len(line) - len(line.lstrip()) + (0 if begins > mapping.start_mark.index else INDENT)
        )
        return f"{self._text[:at]},{self._end}{'':{margin}}{written}{self._text[at:]}"

    def _end_of(self, node: yaml.Node, before: yaml.Node) -> int:
        """Where the text of a value ends, which stands behind a key or another item."""
        since = int(before.end_mark.index)
        if _is_alias(node, before):
            alias = _ALIAS.search(self._text, since)
            return alias.end() if alias else since
        # The end that the parser gives a block is where the next token begins, beyond comments.
        if isinstance(node, yaml.CollectionNode) and not node.flow_style and node.value:
            last = node.value[-1]
            if isinstance(node, yaml.MappingNode):
                return self._end_of(last[1], last[0])
            return self._end_of(last, node.value[-2] if len(node.value) > 1 else before)
        return max(int(node.end_mark.index), self._text.index(":", since) + 1)

    def _end_of_line(self, at: int) -> int:
        end = self._text.find(self._end, at)
        return len(self._text) if end < 0 else end

    def _rendered(self, name: str, value: object, column: int, *, is_flow: bool) -> str:
        if is_flow:
            return f"{_flow(name)}: {_flow(value)}"
        return self._end.join(_block(name, value, column))


_PLAIN = re.compile(r"\w[\w ./-]*")
_ALIAS = re.compile(r"\*[^\s,\]}]+")


def _is_alias(node: yaml.Node, before: yaml.Node) -> bool:
    """Whether a value stands elsewhere: an anchor is always above its aliases."""
    return bool(node.start_mark.index < before.end_mark.index)


def _own(mapping: yaml.MappingNode, key: object) -> tuple[yaml.ScalarNode, yaml.Node] | None:
    """The key and value of a mapping's own entry; the last one counts, as in the reading."""
    found = [
        (it, value)
        for it, value in mapping.value
        if isinstance(it, yaml.ScalarNode) and it.value == str(key)
    ]
    return found[-1] if found else None


def _flow(value: object) -> str:
    """A value as YAML on one line, as it may stand within brackets."""
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{_flow(key)}: {_flow(it)}" for key, it in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(_flow, value)) + "]"
    if isinstance(value, str) and value.isprintable() and not _PLAIN.fullmatch(value):
        return f'"{value}"' if not set(value) & set('"\\') else "'" + value.replace("'", "''") + "'"
    dumped = yaml.safe_dump(
        [value], default_flow_style=True, allow_unicode=True, width=float("inf")
    )
    return str(dumped).strip()[1:-1]


def _block(name: str, value: object, column: int) -> Iterator[str]:
    """A key with its value as lines, the first without its indentation.

    What fits into a line stands in brackets; the columns of a source have a line each.
    """
    line = f"{_flow(name)}: {_flow(value)}"
    is_nested = isinstance(value, Mapping) and any(
        isinstance(it, Mapping) and it for it in cast("Mapping[str, Any]", value).values()
    )
    if (
        not isinstance(value, Mapping)
        or not value
        or (len(line) + column <= WIDTH and not is_nested)
    ):
        yield line
        return
    yield f"{_flow(name)}:"
    inner = column + INDENT
    for key, it in value.items():
        first, *more = _block(str(key), it, inner)
        yield f"{'':{inner}}{first}"
        yield from more
