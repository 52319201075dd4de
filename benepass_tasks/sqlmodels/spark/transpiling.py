"""From a model to its query for Spark."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from sqlglot import exp

from benepass_tasks.sqlmodels.definitions import Macro, Model
from benepass_tasks.sqlmodels.spark import hashes, lists, numbers, queries, texts, times
from benepass_tasks.sqlmodels.spark.building import FUNCTIONS, REWRITES, Columns
from benepass_tasks.sqlmodels.spark.reading import read_model
from benepass_tasks.sqlmodels.spark.refused import RefusedError, shown

KEPT = frozenset(
    {
        exp.Abs, exp.Alias, exp.And, exp.Boolean, exp.Case, exp.Coalesce, exp.Column,
        exp.ColumnDef, exp.Count, exp.DataTypeParam, exp.Dot, exp.Explode, exp.Filter,
        exp.From, exp.Greatest, exp.Having, exp.Identifier, exp.If, exp.In, exp.JSONPath,
        exp.JSONPathKey, exp.JSONPathRoot, exp.Lag,
        exp.Lambda, exp.LastValue, exp.Lead, exp.Least, exp.Literal,
        exp.Ordered, exp.Between, exp.LogicalAnd, exp.LogicalOr,
        exp.Neg, exp.Not, exp.Null, exp.Nullif, exp.Or,
        exp.Order, exp.Paren, exp.PropertyEQ, exp.Qualify, exp.Repeat, exp.Replace, exp.RowNumber,
        exp.Select, exp.Star, exp.StartsWith, exp.Subquery, exp.Table, exp.TableAlias,
        exp.Tuple, exp.Values, exp.Var, exp.Where,
    }
)  # fmt: skip
"""What means the same on both."""

SOURCES = (hashes, lists, numbers, queries, texts, times)
"""Where the rewrites are, which register as they are imported."""

MADE = {
    "VARCHAR": "string", "UBIGINT": "decimal(20, 0)", "TIMESTAMP": "timestamp_ntz",
    "TIMESTAMP WITH TIME ZONE": "timestamp_ltz", "HUGEINT": "decimal(38, 0)",
}  # fmt: skip
"""Types of columns that Spark calls otherwise."""


@dataclass(frozen=True, slots=True)
class SparkQuery:
    """The SELECT of a model in Spark's SQL.

    Attributes:
        sql: A query whose columns have the types of DuckDB's, as Spark has them.
        hashed: The columns that hold a text, of which DuckDB is to take the hash.
    """

    sql: str
    hashed: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Target:
    """What queries are written for.

    Attributes:
        settings: Literals by the names that `getvariable` takes.
        place: What Spark calls the table of a relation.
        is_taken_over: Whether DuckDB has the rows in the end, whose hashes are its own.
    """

    settings: Mapping[str, str]
    place: Callable[[str], str]
    is_taken_over: bool = False


def spark_query(
    model: Model, macros: Mapping[str, Macro], columns: Columns, target: Target
) -> SparkQuery:
    """The SELECT of a model in Spark's SQL.

    Args:
        model: The model.
        macros: Those that it calls and those that these call, each after what it calls itself.
        columns: The columns that it reads, and those that it makes.
        target: What it is written for.

    Raises:
        ModelError: it cannot be carried over; the message says where, and what to write instead.
    """
    try:
        tree = read_model(model, macros, target.settings)
        hashed = hashes.left_to_duckdb(tree, columns) if target.is_taken_over else frozenset()
        new = rewritten(tree, columns)
    except RefusedError as error:
        raise error.for_people() from None
    for table in list(new.find_all(exp.Table)):
        if table.db:
            table.replace(_placed(table, target.place))
    query = new.sql(dialect="spark", comments=False)
    made = {**columns.made, **dict.fromkeys(hashed, "VARCHAR")}
    typed = ",\n".join(f"  {_typed(name, kind)}" for name, kind in made.items())
    return SparkQuery(f"select\n{typed}\nfrom (\n{query}\n) as made", hashed)


def rewritten(tree: exp.Expr, columns: Columns) -> exp.Expr:
    """A tree of DuckDB's SQL as one of Spark's.

    Raises:
        RefusedError: it holds something that is not known to mean the same.
    """
    for cast in tree.find_all(exp.TryCast):
        numbers.refuse_unchecked(cast)
    for comparison in tree.find_all(*queries.COMPARING):
        queries.refuse_unordered(comparison, columns)
    for node in reversed(list(tree.walk())):
        new = _rewritten(node, columns)
        if new is not node:
            if node is tree:
                tree = new
            else:
                node.replace(new)
    return tree


def _rewritten(node: exp.Expr, columns: Columns) -> exp.Expr:
    if isinstance(node, exp.Anonymous):
        name = node.name.lower()
        if name not in FUNCTIONS:
            raise RefusedError(node, f"the function {name} has no counterpart; see docs/scale.md")
        return FUNCTIONS[name](node, columns)
    kind = type(node)
    if kind not in REWRITES and kind not in KEPT:
        raise RefusedError(node, f"{shown(node)}: it is not known to mean the same")
    new: exp.Expr = node
    for rewrite in REWRITES.get(kind, ()):
        if type(new) is kind:
            new = rewrite(new, columns)
    return new


def _placed(table: exp.Table, place: Callable[[str], str]) -> exp.Expr:
    name = exp.to_table(place(f"{table.db}.{table.name}"), dialect="spark")
    alias = table.args.get("alias") or exp.TableAlias(this=exp.to_identifier(table.name))
    name.set("alias", alias)
    return name


def _typed(name: str, kind: str) -> str:
    column = exp.to_identifier(name, quoted=True).sql(dialect="spark")
    return f"cast({column} as {spark_type_name(kind)}) as {column}"


def spark_type_name(kind: str) -> str:
    """What Spark calls a type of DuckDB's."""
    if kind.endswith("[]"):
        return f"array<{spark_type_name(kind.removesuffix('[]'))}>"
    return MADE.get(kind, kind.lower())
