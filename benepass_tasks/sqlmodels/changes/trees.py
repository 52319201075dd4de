"""Expressions and queries as DuckDB's parser tells them, and back as SQL.

A tree is what `json_serialize_sql` says, without places: two texts that mean the same have the same
tree, whatever their layout. A column whose table is known is a node of its own, `COLUMN`, so that
it cannot be taken for the parameter of a lambda.
"""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, TypeAlias

import duckdb

from benepass_tasks.engine.quoting import quote_name
from benepass_tasks.sqlmodels.syntax import Reader

Tree: TypeAlias = dict[str, Any]

NOWHERE = ("query_location", "query_location_length", "qualified_name")
"""What a tree says of places, and what it says twice."""

OWN = ""
"""The source of a column that is the node's own, rather than that of a table in its FROM."""


class NoRuleError(Exception):
    """No rule covers this SQL; the message says what, and reads on after `built in full: `."""


def column(name: str, source: str = OWN, fields: Iterable[str] = ()) -> Tree:
    """A column whose table is known, or a field of the struct in it."""
    said = {"source": source, "name": name, "fields": list(fields)}
    return {"class": "COLUMN", "type": "COLUMN", **said}


def walk(tree: object) -> Iterator[Tree]:
    """All expressions in a tree, itself included."""
    waiting = [tree]
    while waiting:
        part = waiting.pop()
        if isinstance(part, dict):
            if "class" in part:
                yield part
            parts: Iterable[object] = part.values()
        else:
            parts = part if isinstance(part, list) else ()
        # Most parts are texts and numbers, and not worth a turn.
        waiting += [it for it in parts if isinstance(it, dict | list)][::-1]


def columns_in(*trees: Tree) -> list[Tree]:
    """The columns that expressions are made of."""
    return [it for tree in trees for it in walk(tree) if it["class"] == "COLUMN"]


def sources_of(*trees: Tree) -> set[str]:
    """The sources of these columns."""
    return {it["source"] for it in columns_in(*trees)}


def rebuilt(tree: Any, of: Callable[[Tree], Tree | None]) -> Any:  # noqa: ANN401 - any part of a tree
    """A copy of a tree with something else in the place of some of its parts.

    Args:
        tree: The tree.
        of: What stands for a part; None where its own parts are to be looked at.
    """
    if isinstance(tree, list):
        return [rebuilt(it, of) if isinstance(it, dict | list) else it for it in tree]
    if (found := of(tree)) is not None:
        return found
    return {
        name: rebuilt(it, of) if isinstance(it, dict | list) else it for name, it in tree.items()
    }


def replaced(tree: Tree, of: Callable[[Tree], Tree]) -> Tree:
    """A copy of a tree with something else in the place of each column."""
    found: Tree = rebuilt(tree, lambda it: of(it) if it.get("class") == "COLUMN" else None)
    return found


def figure(name: str) -> Tree:
    """The value of a figure, which is read like a setting."""
    return {"class": "FIGURE", "type": "FIGURE", "setting": name}


def setting_of(tree: Tree) -> str | None:
    """The setting that an expression is, if it is one."""
    if tree.get("class") == "FIGURE":
        return str(tree["setting"])
    if tree.get("function_name", "").lower() != "getvariable":
        return None
    return str(tree["arguments"][0]["expression"]["literal"]["text"])


def settings_in(*trees: Any) -> list[str]:  # noqa: ANN401 - any part of a tree
    """The settings that trees read, each as often as it is read."""
    return [name for tree in trees for it in walk(tree) if (name := setting_of(it))]


def with_settings(tree: Tree, values: Mapping[str, Tree]) -> Tree:
    """A tree with values in the place of some settings."""
    if not values:
        return tree
    found: Tree = rebuilt(tree, lambda it: values.get(setting_of(it) or ""))
    return found


def differing(one: Tree, other: Tree) -> Tree:
    """The condition that two others differ."""
    sides = {"left": one, "right": other}
    return {"class": "COMPARISON", "type": "COMPARE_DISTINCT_FROM", "alias": "", **sides}


def own(tree: Tree) -> Tree:
    """An expression over a source as one over the columns of the node that stands there."""
    return replaced(tree, lambda it: it | {"source": OWN})


def identity(*trees: Tree) -> str:
    """What is the same for equal expressions, and for no others."""
    return json.dumps(trees, sort_keys=True)


def conjuncts(condition: Tree | None) -> list[Tree]:
    """The conditions that must all hold where a condition does."""
    if condition is None:
        return []
    if condition["type"] == "CONJUNCTION_AND":
        return [it for child in condition["children"] for it in conjuncts(child)]
    return [condition]


def _placeless(part: Tree) -> Tree:
    return {name: it for name, it in part.items() if name not in NOWHERE}


@dataclass(frozen=True)
class Trees:
    """Reads SQL as trees and writes trees as SQL, by DuckDB itself in both directions."""

    reader: Reader
    _written: dict[str, str] = field(default_factory=dict)

    def read(self, sql: str) -> Tree:
        """The tree of a text that is known to be a single SELECT."""
        told = self._ask("select json_serialize_sql(?::varchar)", sql)
        statement: Tree = json.loads(told, object_hook=_placeless)["statements"][0]["node"]
        return statement

    def read_value(self, literal: str) -> Tree:
        """The tree of a literal."""
        value: Tree = self.read(f"select {literal}")["select_list"][0]
        return value

    def write(self, expression: Tree, table: str = OWN) -> str:
        """An expression as SQL.

        Args:
            expression: Its tree.
            table: The alias of what its own columns are columns of.

        Raises:
            NoRuleError: DuckDB would read its own text of it as something else.
        """

        def named(it: Tree) -> Tree:
            path = [it["source"] or table, it["name"], *it["fields"]]
            return _reference([part for part in path if part])

        if expression["class"] == "COLUMN":
            return quote_name(*named(expression)["column_names"])
        return self._select(replaced(expression, named))

    def write_query(self, query: Tree) -> str:
        """A query as SQL.

        Raises:
            NoRuleError: DuckDB would read its own text of it as something else.
        """
        told = json.dumps({"error": False, "statements": [{"node": query}]})
        if told not in self._written:
            self._written[told] = self._query(query, told)
        return self._written[told]

    def _query(self, query: Tree, told: str) -> str:
        try:
            sql = self._ask("select json_deserialize_sql(?::json)", told)
        except duckdb.Error as error:
            raise NoRuleError("SQL that DuckDB cannot write back from its tree") from error
        if self.read(sql) != query:
            raise NoRuleError("SQL that DuckDB writes back as something else")
        return sql

    def _select(self, expression: Tree) -> str:
        written = self.write_query(self._nothing | {"select_list": [expression | {"alias": ""}]})
        return written.removeprefix("SELECT ")

    @cached_property
    def _nothing(self) -> Tree:
        """A SELECT without anything around its list."""
        return self.read("select 1")

    def _ask(self, query: str, value: str) -> str:
        (answer,) = self.reader.connection.execute(query, [value]).fetchone() or ("",)
        return str(answer)


def _reference(path: list[str]) -> Tree:
    return {"class": "COLUMN_REF", "type": "COLUMN_REF", "alias": "", "column_names": path}
