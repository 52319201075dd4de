"""SQL texts as DuckDB itself reads them: its parser's tree, so that what is analysed is what runs.

DuckDB tells its tree as JSON (`json_serialize_sql`), in a form that differs a little between its
versions. What is the same in all of them is kept here: a node's kind, its line and its parts.
"""

import json
import re
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from functools import cache, cached_property
from typing import Any

import duckdb

from benepass_tasks.config.digests import digest

NOWHERE = 2**64 - 1
"""The place that DuckDB gives what it adds to a text, such as the ELSE NULL of a CASE."""

LAYOUT = {"query_location", "query_location_length", "qualified_name", "named_param_map"}
"""What a tree says of places, and what it says twice."""

TYPES = ("type_expr", "cast_type", "expected_types")
"""Where a tree holds types, which no column can be part of."""


class SqlError(Exception):
    """A text that DuckDB does not read as SELECT; the message says why and what to do.

    Attributes:
        line: The line of the text, from 1 on.
        column: The place in the line, from 1 on.
    """

    def __init__(self, line: int, column: int, what: str) -> None:
        """Note the place and what is wrong there."""
        super().__init__(what)
        self.line = line
        self.column = column


@dataclass(frozen=True, slots=True)
class Node:
    """One node of DuckDB's tree: an expression, a query, or what a query reads from.

    Attributes:
        kind: The class of an expression, such as COLUMN_REF; the type of any other node.
        type: The type, such as COMPARE_EQUAL.
        parts: What the node consists of, by DuckDB's name for it, as far as there is anything.
        line: The line it begins on.
        is_placed: Whether the text says so itself; what DuckDB adds is on the line that it is in.
    """

    kind: str
    type: str
    parts: Mapping[str, Any]
    line: int = field(compare=False)
    is_placed: bool = field(compare=False)

    def node(self, name: str) -> "Node | None":
        """One part; None where there is none."""
        found = self.parts.get(name)
        return found if isinstance(found, Node) else None

    def nodes(self, name: str) -> "list[Node]":
        """A part that is a list; empty where there is none."""
        return list(self.parts.get(name, ()))

    def text(self, name: str) -> str:
        """A part that is a text; empty where there is none."""
        return str(self.parts.get(name, ""))

    @property
    def alias(self) -> str:
        """The name that AS gives it, in lower case."""
        return self.text("alias").lower()

    @property
    def function(self) -> str:
        """The name of the function that it calls, in lower case; empty where it calls none."""
        return self.text("function_name").lower()

    def children(self) -> "Iterator[Node]":
        """All nodes that it consists of."""
        return iter(_nodes_in(self.parts.values()))

    def walk(self) -> "Iterator[Node]":
        """The node and all that it holds, queries included."""
        waiting = [self]
        while waiting:
            node = waiting.pop()
            yield node
            waiting.extend(reversed(_nodes_in(node.parts.values())))


def _nodes_in(values: Iterable[object]) -> list[Node]:
    found: list[Node] = []
    for value in values:
        if isinstance(value, Node):
            found.append(value)
        elif isinstance(value, dict):
            found += _nodes_in(value.values())
        elif isinstance(value, list):
            found += _nodes_in(value)
    return found


@dataclass
class Reader:
    """Reads texts with one DuckDB; each text once."""

    _known: dict[str, tuple[Node, str]] = field(default_factory=dict)

    @cached_property
    def connection(self) -> duckdb.DuckDBPyConnection:
        """A database in memory, opened by the first text; it knows no file and no table."""
        config: dict[str, str | bool | int | float | list[str]] = {
            "threads": 1,
            "autoinstall_known_extensions": False,
            "enable_external_access": False,
        }
        return duckdb.connect(config=config)

    def close(self) -> None:
        """Close the database."""
        if "connection" in vars(self):
            self.connection.close()

    def select(self, sql: str) -> Node:
        """The query that a text is.

        Raises:
            SqlError: the text is no SQL, or not exactly one SELECT.
        """
        return self._read(sql)[0]

    def digest(self, sql: str) -> str:
        """Digest of the query that a text is, whatever its comments and layout.

        Raises:
            SqlError: as above.
        """
        return self._read(sql)[1]

    def _read(self, sql: str) -> tuple[Node, str]:
        if sql not in self._known:
            self._known[sql] = self._select(sql)
        return self._known[sql]

    def _select(self, sql: str) -> tuple[Node, str]:
        if "\0" in sql:
            # DuckDB may take it for the end of the text.
            raise SqlError(sql[: sql.index("\0")].count("\n") + 1, 1, "holds a NUL; remove it")
        query = "select json_serialize_sql(?::varchar)"
        (text,) = self.connection.execute(query, [sql]).fetchone() or ("",)
        try:
            told = json.loads(text)
            if told["error"]:
                raise _refusal(sql, told)
            statements = told["statements"]
            if not statements:
                raise SqlError(1, 1, "holds no statement")
            if len(statements) > 1:
                raise SqlError(1, 1, ONE_SELECT)
            return _Converter(sql).node(statements[0]["node"], 1), digest(PLACE.sub("", text))
        except RecursionError as error:
            raise SqlError(1, 1, NESTED) from error


PLACE = re.compile(r'"query_location(?:_length)?":\d+,?')
"""What DuckDB says of places; within a text of the query, its quotes would be escaped."""

NESTED = "is nested too deeply; write parts of it as CTEs"
ONE_SELECT = "must hold exactly one SELECT; the table is made from it"


@contextmanager
def reading(given: Reader | None = None) -> Iterator[Reader]:
    """The reader that is given, which stays open, or else one of its own."""
    if given is not None:
        yield given
        return
    with closing(Reader()) as own:
        yield own


@cache
def functions() -> Mapping[str, bool]:
    """Whether DuckDB's own functions make one value of many rows, by name in lower case.

    Operators are among them, by what DuckDB calls them, such as ~~ for LIKE.
    """
    with duckdb.connect(config={"threads": 1}) as connection:
        rows = connection.execute(
            "select lower(function_name), bool_or(function_type = 'aggregate') "
            "from duckdb_functions() group by all"
        )
        return dict(rows.fetchall())


def bare(sql: str) -> str:
    """A text that looks the same whatever its layout, without what look like comments."""
    texts = [it[0] for it in lexemes(sql)]
    while texts and texts[-1] == ";":
        texts.pop()
    return " ".join(texts)


def lexemes(sql: str) -> list[re.Match[str]]:
    """The names, texts, numbers and operators that a text seems to consist of."""
    return [it for it in LEXEME.finditer(sql) if not COMMENT.match(it[0])]


COMMENT = re.compile(r"--|/\*")
LEXEME = re.compile(
    r"""--[^\n]*|/\*.*?\*/|[eE]'(?:[^'\\]|\\.|'')*'|[xX]?'(?:[^']|'')*'|"(?:[^"]|"")*"
    |\$(?P<tag>\w*)\$.*?\$(?P=tag)\$|(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?|[$#]?\w+
    |(?:(?!--|/\*)[-+*/<>=~!@#%^&|`?.:$])+|[^\s]""",
    re.DOTALL | re.VERBOSE,
)
"""Comments, texts, names, numbers and operators."""


class _Converter:
    """Makes nodes of what DuckDB tells of one text."""

    def __init__(self, sql: str) -> None:
        encoded = sql.encode()
        self._lines = [at for at, byte in enumerate(encoded) if byte == ord("\n")]

    def node(self, told: Mapping[str, Any], line: int) -> Node:
        """One node; `line` is that of what it stands in."""
        if told["type"] == "CTE_NODE" and not told.get("modifiers"):
            # Older versions nest the query in its CTEs, which it names all the same.
            return self.node(told["child"], line)
        place = told.get("query_location", NOWHERE)
        is_placed = place != NOWHERE
        own = bisect_right(self._lines, place - 1) + 1 if is_placed else line
        if told.get("class") == "CONSTANT":
            return Node("CONSTANT", told["type"], _constant(told), own, is_placed)
        parts = {
            name: self._value(name, value, own)
            for name, value in told.items()
            if name not in LAYOUT and name not in ("class", "type")
        }
        kept = {name: value for name, value in _alike(parts).items() if not _is_empty(value)}
        lines = [it.line for it in _nodes_in(kept.values()) if it.is_placed] + [own] * is_placed
        kind = told.get("class", told["type"])
        return Node(kind, told["type"], kept, min(lines, default=own), bool(lines))

    def _value(self, name: str, value: object, line: int) -> object:
        if name in TYPES:
            return None if _is_plain(value) else value
        if isinstance(value, dict):
            if isinstance(value.get("type"), str):
                return self.node(value, line)
            if value.keys() <= {"node", "named_param_map"} and "node" in value:
                return self.node(value["node"], line)
            return {part: self._value(part, it, line) for part, it in value.items()}
        if isinstance(value, list):
            return [self._value(name, it, line) for it in value]
        return value


def _constant(told: Mapping[str, Any]) -> dict[str, Any]:
    """The value of a constant: a number where it is a whole one, or else its text."""
    if "literal" in told:
        kind, value = told["literal"]["kind"], told["literal"]["text"]
    else:
        kind, value = str(told["value"]["type"]["id"]), told["value"].get("value")
    if "INT" in kind and value is not None:
        value = int(value)
    found = {"alias": told["alias"], "type": kind, "value": value}
    return found if told["alias"] else {"type": kind, "value": value}


def _alike(parts: dict[str, Any]) -> dict[str, Any]:
    """The parts under the same names, whichever version of DuckDB has told them."""
    if "arguments" in parts:
        parts["children"] = [it["expression"] for it in parts.pop("arguments")]
    if "setop_type" in parts:
        pair = [parts.pop("left", None), parts.pop("right", None)]
        parts["children"] = parts.get("children") or pair
    if "cte_map" in parts:
        parts["ctes"] = [
            {
                "name": it["key"],
                "aliases": it["value"].get("aliases", []),
                "query": it["value"].get("query_node") or it["value"].get("query"),
                "unknown": sorted(
                    name for name in it["value"].keys() - CTE_PARTS if it["value"][name]
                ),
            }
            for it in parts.pop("cte_map")["map"]
        ]
    for name in ("orders", "order_bys", "arg_orders"):
        if name in parts:
            orders = parts[name].nodes("orders") if isinstance(parts[name], Node) else parts[name]
            parts[name] = [it.node("expression") or it for it in orders]
    return parts


CTE_PARTS = {"aliases", "query", "query_node", "materialized"}


def _is_plain(told: object) -> bool:
    """Whether a type is made of names and constants only."""
    if isinstance(told, list):
        return all(map(_is_plain, told))
    if not isinstance(told, dict):
        return True
    return told.get("class", "TYPE") in ("TYPE", "CONSTANT") and _is_plain(list(told.values()))


def _is_empty(value: object) -> bool:
    return value is None or value is False or value in ("", [], {})


def _refusal(sql: str, told: Mapping[str, Any]) -> SqlError:
    place = int(told.get("position") or 0)
    before = sql.encode()[:place].decode(errors="ignore")
    line, column = before.count("\n") + 1, len(before) - before.rfind("\n")
    said = str(told["error_message"]).splitlines()[0]
    if told["error_type"] == "not implemented":
        return _unreadable(sql, said)
    if said.startswith("Max expression depth limit"):
        return SqlError(line, column, NESTED)
    return SqlError(line, column, f"cannot be read as SQL: {said}{_meant(sql, before)}")


def _unreadable(sql: str, said: str) -> SqlError:
    """Why DuckDB has no tree to tell of a text."""
    pivot = re.search(r"^(?!\s*--).*\b(un)?pivot\b", sql, re.IGNORECASE | re.MULTILINE)
    if pivot:
        line = sql[: pivot.end()].count("\n") + 1
        return SqlError(line, 1, PIVOT)
    return SqlError(1, 1, ONE_SELECT if said.startswith("Only SELECT") else f"is refused: {said}")


PIVOT = "PIVOT or UNPIVOT; aggregate with FILTER, or write a UNION ALL of the columns"


def _meant(sql: str, before: str) -> str:
    """What was probably meant where the text cannot be read."""
    after = sql[len(before) :]
    if re.match(r"[{%]", after) and re.search(r"\{[{%#]", before[-1:] + after[:2]):
        return (
            "; this is a template: write the tables and values themselves, as in from layer.table"
        )
    name = re.match(r"[\w\"']+", after)
    if re.match(r"[.(]", after):
        # Of `a b.c` and `a b(c)` DuckDB takes b for another name of a, and stops after it.
        name = re.search(r"[\w\"]+$", before)
        before = before[: name.start()] if name else before
    if name and re.search(r"[\w\"')\]]\s*$", before):
        return f"; perhaps a comma is missing before {name[0]}"
    return ""
