"""A model that counts and adds up rows by group, and tells nothing else of them.

What it holds follows from what it held: what came is added, what went is taken away, and the rows
that stay are not read. That is so where each column is a key of GROUP BY or one of

    count(*)              which one has to be, without FILTER: a group goes with its last row
    count(x)
    sum(x)                beside count(x), which says when no value is left and the sum is NULL
    coalesce(sum(x), 0)

with FILTER or without, of whole numbers or decimals, since those of others depend on the order;
and where each row of one stored table is one row of what is grouped, or none.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from benepass_tasks.engine.quoting import quote_name
from benepass_tasks.sqlmodels.changes.queries import Query, Select, Source, Stored
from benepass_tasks.sqlmodels.changes.trees import NoRuleError, Tree, identity


@dataclass(frozen=True, slots=True)
class Sums:
    """What a model counts and adds up.

    Attributes:
        table: The stored table whose rows these are.
        group: The columns that it groups by.
        rows: The column that says how many rows a group has.
        sums: The other columns, each with the one that says of how many values it is the sum; None
            of one that is never NULL.
        types: The types of all columns.
    """

    table: Stored
    group: tuple[str, ...]
    rows: str
    sums: Mapping[str, str | None]
    types: Mapping[str, str]

    @property
    def columns(self) -> tuple[str, ...]:
        """All columns, those that it groups by first."""
        return (*self.group, self.rows, *self.sums)

    def joined(self, held: str, gone: str, come: str) -> str:
        """The SELECT of the groups as they are now.

        Args:
            held: What some groups held.
            gone: What the rows that went come to in these.
            come: What the rows that came come to in them.
        """
        names = ", ".join(map(quote_name, self.columns))
        less = ", ".join([*map(quote_name, self.group), *map(_negative, (self.rows, *self.sums))])
        group = ", ".join(map(quote_name, self.group))
        totals = ", ".join(
            self._total(it, of) for it, of in ((self.rows, None), *self.sums.items())
        )
        return (
            f"select {group}, {totals} from (select {names} from {held} "
            f"union all select {less} from {gone} union all select {names} from {come}) "
            f"group by {group} having sum({quote_name(self.rows)}) > 0"
        )

    def _total(self, column: str, of_values: str | None) -> str:
        name = quote_name(column)
        total = f"sum({name})"
        if of_values is not None:
            total = f"if(sum({quote_name(of_values)}) > 0, {total}, null)"
        return f"cast({total} as {self.types[column]}) as {name}"


def sums_of(model: Query, types: Mapping[str, str]) -> Sums:
    """What a model counts and adds up.

    Args:
        model: The model's node.
        types: The types of its columns.

    Raises:
        NoRuleError: it tells something else as well.
    """
    select, source = _only_source(model)
    grouped = {identity(it) for it in select.group or ()}
    outputs = dict(zip(select.names, select.outputs, strict=True))
    group = tuple(name for name, it in outputs.items() if identity(it) in grouped)
    if not grouped or grouped != {identity(outputs[it]) for it in group} or select.after:
        raise NoRuleError("what is not grouped, or not all that it is grouped by")
    told = {name: it for name, it in outputs.items() if name not in group}
    counts = {identity(it): name for name, it in told.items() if _is_call(it, "count")}
    rows = [name for name, it in told.items() if _is_call(it, "count_star") and not it["filter"]]
    if not rows or any(_is_inexact(types.get(it, "")) for it in told):
        raise NoRuleError("no count of the rows, or a sum that depends on their order")
    sums = {name: _counted_by(it, counts) for name, it in told.items() if name != rows[0]}
    return Sums(_row_by_row(source), group, rows[0], sums, types)


def _counted_by(output: Tree, counts: Mapping[str, str]) -> str | None:
    """The column that says of how many values an output is the sum; None where it is never NULL."""
    if _is_call(output, "count_star") or _is_call(output, "count"):
        return None
    if output["type"] == "OPERATOR_COALESCE":
        first, *others = output["children"]
        if _is_call(first, "sum") and [_literal(it) for it in others] == ["0"]:
            return None
    count = identity(output | {"function_name": "count"})
    if _is_call(output, "sum") and count in counts:
        return counts[count]
    raise NoRuleError("a column that is no count and no sum")


def _is_call(tree: Tree, name: str) -> bool:
    is_call = tree["class"] == "FUNCTION" and tree["function_name"].lower() == name
    return is_call and not tree["distinct"]


def _literal(tree: Tree) -> str | None:
    return str(tree["literal"]["text"]) if "literal" in tree else None


def _is_inexact(kind: str) -> bool:
    return not (kind.startswith("DECIMAL") or kind.endswith("INT") or kind == "INTEGER")


def _only_source(query: Query) -> tuple[Select, Source]:
    if len(query.selects) != 1 or len(query.selects[0].sources) != 1:
        raise NoRuleError("more than one table")
    [select] = query.selects
    return select, select.sources[0]


def _row_by_row(source: Source) -> Stored:
    """The stored table of which each row is one row of a source, or none."""
    node = source.node
    if isinstance(node, Stored):
        return node
    select, below = _only_source(node)
    is_of_many = any(map(select.functions.is_of_many_rows, (*select.outputs, *select.conditions)))
    is_distinct = any(it["type"] == "DISTINCT_MODIFIER" for it in node.tree["modifiers"])
    if select.group is not None or select.after or is_of_many or is_distinct:
        raise NoRuleError("rows that are made of several")
    return _row_by_row(below)


def _negative(column: str) -> str:
    return f"-{quote_name(column)}"
