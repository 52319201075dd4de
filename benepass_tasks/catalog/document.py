"""YAML text into plain data that still knows on which line each value stands.

The text is parsed once, into a tree of nodes. The plain data is built from that tree, and the tree
is kept: the line of a value is only looked up when there is something to say about it. PyYAML's own
construction is not used because it accepts duplicate keys and forgets where values came from.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TypeAlias

import yaml
from yaml.constructor import SafeConstructor

from benepass_tasks.config.errors import CatalogError

KeyPath: TypeAlias = tuple[object, ...]
_Entry: TypeAlias = tuple[yaml.Node, yaml.Node]

# libyaml parses about ten times faster; PyYAML may have been built without it.
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_STANDARD = "tag:yaml.org,2002:"
_MERGE = f"{_STANDARD}merge"
_NULL = f"{_STANDARD}null"
# Kedro's loader leaves dates as text, so this one does too. A lone `=` has a tag of its own.
_TEXT_TAGS = {
    f"{_STANDARD}str",
    f"{_STANDARD}timestamp",
    f"{_STANDARD}value",
    _MERGE,
}

# What libyaml and PyYAML say about the usual mistakes, and what that means.
_IN_PLAIN_WORDS = (
    ("cannot start any token", "indent with spaces, and quote text that begins with @, ` or %"),
    ("mapping values are not allowed", "quote text with ': ' in it, or correct the indentation"),
    ("could not find expected ':'", "a key needs ': ' after it; or a quote above is still open"),
    ("did not find expected key", "correct the indentation, or quote the text"),
    ("did not find expected '-'", "each line of a list begins with '- ' at the same indentation"),
    ("expected <block end>", "correct the indentation, or quote the text"),
    ("did not find expected ','", "a bracket is still open, or a comma is missing"),
    ("expected ',' or", "a bracket is still open, or a comma is missing"),
    ("unexpected end of stream", "a quote is still open"),
    ("undefined alias", "an anchor (&name) must stand above the alias (*name) that uses it"),
    ("maximum nesting depth", "lists or mappings are nested too deeply"),
    ("another document", "the file is one document: remove the '---' in its middle"),
)


@dataclass(frozen=True, slots=True)
class Problem:
    """Something wrong with the value at a path; the path need not exist."""

    path: KeyPath
    message: str


@dataclass(frozen=True, slots=True)
class Place:
    """Where a path leads in the text.

    Attributes:
        line: The line of the path's last key, or of the last one that exists, from 1 on.
        column: Where on that line, to tell apart keys on the same line.
        dotted: The path with its keys as they are written.
        surprise: What YAML made of an unquoted key or value, where that is not what is written.
    """

    line: int
    column: int
    dotted: str
    surprise: str


class Document:
    """The plain data of a YAML text.

    Attributes:
        name: What messages call the text.
        data: The text's mapping; keys are of any hashable type.
        problems: Duplicate keys and unreadable values, found on the way.
    """

    def __init__(self, name: str, root: yaml.MappingNode) -> None:
        """Build the plain data of a tree of nodes."""
        builder = _Builder()
        self.name = name
        self.data = builder.mapping(root, ())
        self.problems = tuple(builder.problems)
        self._root = root
        self._entries = builder.entries

    def place(self, path: KeyPath) -> Place:
        """Find where a path leads, or as far along it as the text goes.

        Args:
            path: Keys of mappings and indices of lists, from the top on.

        Returns:
            The place. What came through an anchor or a merge key is where the anchor is defined.
        """
        found = list(self._follow(path))
        mark = found[-1][0].start_mark if found else self._root.start_mark
        steps = [_written(step, entry) for step, entry in zip(path, found, strict=False)]
        steps += [str(step) for step in path[len(found) :]]
        surprise = _surprise(*found[-1]) if found and len(found) == len(path) else ""
        return Place(mark.line + 1, mark.column, ".".join(steps), surprise)

    def _follow(self, path: KeyPath) -> Iterator[_Entry]:
        node: yaml.Node = self._root
        for step in path:
            entry = self._entry(node, step)
            if entry is None:
                return
            yield entry
            node = entry[1]

    def _entry(self, node: yaml.Node, step: object) -> _Entry | None:
        if isinstance(node, yaml.MappingNode):
            return self._entries[id(node)].get(step)
        if not isinstance(node, yaml.SequenceNode) or not isinstance(step, int):
            return None
        item = node.value[step] if step < len(node.value) else None
        return (item, item) if item else None


@dataclass(frozen=True, slots=True)
class Entries:
    """Where the datasets of a catalog stand in its text.

    Attributes:
        document: The text.
        metadata: The path of what is said of each dataset.
    """

    document: Document
    metadata: Mapping[str, KeyPath]

    def refuse(self, problems: Iterable[Problem]) -> None:
        """Refuse a catalog with whose datasets something is wrong.

        Args:
            problems: Their paths begin with the dataset, and go on below its metadata.

        Raises:
            CatalogError: one line for each problem, sorted by the line it is on.
        """
        refuse(self.document, map(self.placed, problems))

    def line(self, *path: object) -> int:
        """The line of the file where a path leads that begins with a dataset."""
        return self.document.place(self.placed(Problem(path, "")).path).line

    def placed(self, problem: Problem) -> Problem:
        """A problem with a dataset as one with the text."""
        dataset, *below = problem.path
        return Problem((*self.metadata[str(dataset)], *below), problem.message)


def refuse(document: Document, problems: Iterable[Problem]) -> None:
    """Refuse a text with which something is wrong.

    Raises:
        CatalogError: one line for each problem, sorted by the line it is on.
    """
    told = list(problems)
    if told:
        raise CatalogError("\n".join(_described(told, document)))


def problems_in(messages: object, path: KeyPath) -> Iterator[tuple[KeyPath, str]]:
    """What marshmallow says of the value at a path, each message with the path that it is of."""
    if isinstance(messages, dict):
        for key, inner in messages.items():
            yield from problems_in(inner, path if key == "_schema" else (*path, key))
    elif isinstance(messages, list):
        for inner in messages:
            yield from problems_in(inner, path)
    else:
        yield path, str(messages)


def _described(problems: Iterable[Problem], document: Document) -> Iterator[str]:
    """One line for each problem, and only one for what many places share through an anchor."""
    alike: dict[tuple[int, int, KeyPath, str], list[Place]] = {}
    for problem in problems:
        place = document.place(problem.path)
        key = (place.line, place.column, problem.path[-1:], problem.message)
        alike.setdefault(key, []).append(place)
    for (line, *_, message), places in sorted(alike.items(), key=_by_line):
        place = places[0]
        surprise = f" ({place.surprise})" if place.surprise else ""
        others = f" (in {len(places)} places, through an anchor)" if len(places) > 1 else ""
        where = f"{document.name}:{line} {place.dotted}".rstrip()
        yield f"{where}: {message}{surprise}{others}"


def _by_line(alike: tuple[tuple[int, int, KeyPath, str], list[Place]]) -> tuple[int, int, str, str]:
    (line, column, _, message), places = alike
    return line, column, places[0].dotted, message


class _Builder:
    """Turns nodes into plain data; each node once, so that anchors share their data."""

    def __init__(self) -> None:
        self.problems: list[Problem] = []
        self.entries: dict[int, dict[object, _Entry]] = {}
        self._built: dict[int, object] = {}

    def value(self, node: yaml.Node, path: KeyPath) -> object:
        if isinstance(node, yaml.ScalarNode):
            return node.value if node.tag in _TEXT_TAGS else self._scalar(node, path)
        if id(node) in self._built:
            return self._built[id(node)]
        if isinstance(node, yaml.MappingNode):
            return self.mapping(node, path)
        return self._sequence(node, path)

    def mapping(self, node: yaml.Node, path: KeyPath) -> dict[object, object]:
        # Kept before it is filled: an anchor may stand inside the very value it names.
        built: dict[object, object] = {}
        self._built[id(node)] = built
        for key, (_, value) in self._merged(node, path).items():
            built[key] = self.value(value, (*path, key))
        return built

    def _sequence(self, node: yaml.Node, path: KeyPath) -> list[object]:
        built: list[object] = []
        self._built[id(node)] = built
        built.extend(self.value(item, (*path, i)) for i, item in enumerate(node.value))
        return built

    def _merged(self, node: yaml.Node, path: KeyPath) -> dict[object, _Entry]:
        """A mapping's own keys over those of its merge keys."""
        if id(node) in self.entries:
            return self.entries[id(node)]
        entries = self.entries[id(node)] = {}
        own = self._own(node, path)
        merge = own.pop("<<", None) if "<<" in own and own["<<"][0].tag == _MERGE else None
        if merge:
            for source in self._merge_sources(merge[1], path):
                # The first of several wins.
                entries |= self._merged(source, (*path, "<<")) | entries
        entries.update(own)
        return entries

    def _merge_sources(self, node: yaml.Node, path: KeyPath) -> list[yaml.Node]:
        sources = node.value if isinstance(node, yaml.SequenceNode) else [node]
        mappings: list[yaml.Node] = [
            source for source in sources if isinstance(source, yaml.MappingNode)
        ]
        if len(mappings) < len(sources):
            message = f"merges something other than a mapping on line {node.start_mark.line + 1}"
            self.problems.append(Problem(path, f"{message}: '<<' takes *name or [*one, *two]"))
        return mappings

    def _own(self, node: yaml.Node, path: KeyPath) -> dict[object, _Entry]:
        """A mapping's keys as they stand; of a duplicate key the last one counts."""
        own: dict[object, _Entry] = {}
        lines: dict[object, list[int]] = {}
        for key_node, value_node in node.value:
            key = self._key(key_node, path)
            if key in own:
                lines.setdefault(key, [_line(own[key][0])]).append(_line(key_node))
            own[key] = (key_node, value_node)
        for key, where in lines.items():
            stands = " and ".join(map(str, where))
            message = f"duplicate key: it stands on lines {stands}, and only one can count"
            self.problems.append(Problem((*path, key), message))
        return own

    def _key(self, node: yaml.Node, path: KeyPath) -> object:
        if isinstance(node, yaml.ScalarNode):
            return node.value if node.tag in _TEXT_TAGS else self._scalar(node, path)
        # A list or mapping as a key is valid YAML; all that matters is that it is not text.
        return (_line(node), node.start_mark.column)

    def _scalar(self, node: yaml.ScalarNode, path: KeyPath) -> object:
        try:
            value: object = SafeConstructor().construct_object(node)
        except (yaml.YAMLError, ValueError, KeyError, AttributeError):
            # PyYAML's own conversions fail in all these ways on a tag that does not fit its text.
            tag = node.tag.replace(_STANDARD, "!!")
            message = f"{_cut(node.value)} on line {_line(node)} cannot be read as {tag}"
            self.problems.append(Problem(path, f"{message}: remove the tag or quote the text"))
            return str(node.value)
        return value


def read_document(text: str, name: str, of: str = "datasets") -> Document:
    """Read a YAML text whose top level is a mapping.

    Args:
        text: The text.
        name: What messages call it, such as `catalog.yaml`.
        of: What messages call the things in the mapping.

    Returns:
        Its data. Duplicate keys do not raise: they are among the document's problems, so that
        they can be told together with whatever else is wrong.

    Raises:
        CatalogError: The text is not YAML, is empty, or is not a mapping.
    """
    try:
        return _build(text, name, of)
    except yaml.reader.ReaderError as error:
        line = text[: error.position].count("\n") + 1
        message = "not valid YAML: a control character, which text cannot hold"
        raise CatalogError(f"{name}:{line}: {message}") from error
    except yaml.MarkedYAMLError as error:
        raise CatalogError(_syntax_error(name, error)) from error
    except RecursionError as error:
        raise CatalogError(f"{name}: lists or mappings are nested too deeply") from error


def _build(text: str, name: str, of: str) -> Document:
    root = yaml.compose(text, Loader=_LOADER)
    if root is None:
        raise CatalogError(f"{name}: is empty: it must declare at least one {of.rstrip('s')}")
    if not isinstance(root, yaml.MappingNode):
        found = "a list" if isinstance(root, yaml.SequenceNode) else "a single value"
        raise CatalogError(f"{name}:{_line(root)}: must be a mapping of {of}, not {found}")
    return Document(name, root)


def _syntax_error(name: str, error: yaml.MarkedYAMLError) -> str:
    said = error.problem or error.context or "cannot be read"
    meaning = next((plain for part, plain in _IN_PLAIN_WORDS if part in said), "")
    mark = error.problem_mark or error.context_mark
    line = mark.line + 1 if mark else 1
    begins = error.context_mark.line + 1 if error.context_mark else line
    since = f", in what begins on line {begins}" if begins != line else ""
    return f"{name}:{line}: not valid YAML: {said}{since}" + (f" ({meaning})" if meaning else "")


def _line(node: yaml.Node) -> int:
    return int(node.start_mark.line) + 1


def _written(step: object, entry: _Entry) -> str:
    key, value = entry
    if key is value:
        return str(step)  # an item of a list, which is called by its index
    return str(key.value) if isinstance(key, yaml.ScalarNode) else "?"


def _surprise(key: yaml.Node, value: yaml.Node) -> str:
    """What YAML 1.1 made of `on`, `1:30` and the like; the key's before the value's."""
    return _reading(key) or _reading(value)


def _reading(node: yaml.Node) -> str:
    if not isinstance(node, yaml.ScalarNode) or node.tag in {*_TEXT_TAGS, _NULL} or node.style:
        return ""
    read = str(_Builder().value(node, ())).lower()
    written = str(node.value)
    return "" if read == written.lower() else f"YAML reads {_cut(written)} as {_cut(read)}"


def _cut(text: str, longest: int = 60) -> str:
    return text if len(text) <= longest else f"{text[:longest]}..."
