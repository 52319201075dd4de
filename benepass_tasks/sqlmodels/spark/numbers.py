"""What differs with numbers and with casts."""

import re
from collections.abc import Iterator, Sequence

from sqlglot import exp

from benepass_tasks.sqlmodels.spark.building import (
    Columns,
    call,
    cast,
    constant,
    number,
    rewrites,
    spark_type,
)
from benepass_tasks.sqlmodels.spark.lists import is_list, list_text, typed_struct
from benepass_tasks.sqlmodels.spark.patterns import for_python
from benepass_tasks.sqlmodels.spark.refused import RefusedError, shown
from benepass_tasks.sqlmodels.spark.times import moment_of

T = exp.DataType.Type

TYPES = {
    T.TEXT: "string", T.VARCHAR: "string", T.BOOLEAN: "boolean", T.INT: "int",
    T.BIGINT: "bigint", T.DATE: "date", T.TIMESTAMP: "timestamp_ntz",
    T.TIMESTAMPNTZ: "timestamp_ntz", T.TIMESTAMPTZ: "timestamp_ltz",
    T.TIMESTAMPLTZ: "timestamp_ltz",
}  # fmt: skip
"""The types whose values are the same on both, in Spark's words; and decimals, lists, structs."""

MOMENTS = (T.TIMESTAMP, T.TIMESTAMPNTZ, T.TIMESTAMPTZ, T.TIMESTAMPLTZ)

ODD_NUMBERS = (
    "", " 1", "1 ", "1e3", "1_000", "0x10", "1,5", "nan", "infinity", "-infinity", "1.5.", "--1",
)  # fmt: skip
ODD_TIMES = (
    "", "epoch", "infinity", "-infinity", "today", "now", "12:00:00", "T12:00:00", "2025",
    "2025-01", "2025-1-5", "2025/01/05", " 2025-01-05", "2025-01-05 ", "2025-01-05 (BC)",
    "0000-01-01", "+2025-01-05", "-2025-01-05", "12025-01-05", "2025-01-05T12",
    "2025-01-05T12:00:00 America/New_York", "2025-01-05T12:00:00 UTC", "2025-01-05T1:00:00",
)  # fmt: skip
"""Texts of which not all engines make the same number, or the same date or moment."""


@rewrites(exp.DataType)
def named_type(node: exp.DataType, columns: Columns) -> exp.Expr:  # noqa: ARG001
    """Name a type as Spark does, so that a moment has no zone whatever the session says."""
    if node.this in TYPES:
        return spark_type(TYPES[node.this])
    if node.this in (T.DECIMAL, T.ARRAY, T.LIST, T.STRUCT):
        return node
    raise RefusedError(
        node, f"the type {shown(node)}; use text, decimals, whole numbers, dates or timestamps"
    )


@rewrites(exp.TryCast)
def try_cast(node: exp.TryCast, columns: Columns) -> exp.Expr:  # noqa: ARG001
    """Cast a text whose shape was checked: of odd ones the engines make different values."""
    kind = node.to.this
    if kind in MOMENTS:
        return moment_of(node.this, TYPES[kind])
    if kind not in (T.DATE, T.DECIMAL):
        raise RefusedError(node, f"try_cast to {shown(node.to)}; cast to a decimal, then count")
    return node


def refuse_unchecked(node: exp.TryCast) -> None:
    """Refuse a try_cast that does not stand behind a match which keeps odd texts out.

    Raises:
        RefusedError: it stands behind none, or behind one that lets such a text in.
    """
    known = {it.sql() for it in node.this.walk()}
    shapes = [constant(it.expression) for it in _checks(node) if it.this.sql() in known]
    if not shapes:
        raise RefusedError(
            node,
            f"{shown(node)} of a text of any shape; write case when regexp_full_match(value, "
            "'<its shape>') then try_cast(...) end",
        )
    odd_texts = ODD_NUMBERS if node.to.this == T.DECIMAL else ODD_TIMES
    let_in = {shape: _let_in(shape, odd_texts) for shape in shapes}
    if all(let_in.values()):
        shape, odd = next(iter(let_in.items()))
        raise RefusedError(node, f"the shape '{shape}' lets '{odd[0]}' in; narrow it")


def _let_in(shape: str, texts: Sequence[str]) -> list[str]:
    return [it for it in texts if re.fullmatch(for_python(shape), it)]


def _checks(node: exp.Expr) -> Iterator[exp.RegexpFullMatch]:
    """The matches that a node stands behind."""
    below, above = node, node.parent
    while above is not None:
        if isinstance(above, exp.If) and above.args.get("true") is below:
            condition = above.this.unnest()
            both = condition.flatten() if isinstance(condition, exp.And) else [condition]
            yield from (it for it in both if isinstance(it, exp.RegexpFullMatch))
        below, above = above, above.parent


@rewrites(exp.Cast)
def plain_cast(node: exp.Cast, columns: Columns) -> exp.Expr:
    """Cast to a text only what both write alike, and to a whole number only what is one."""
    if isinstance(node, exp.TryCast):
        return node
    value, kind = node.this.unnest(), node.to.this
    if kind == T.STRUCT and isinstance(value, exp.Anonymous) and value.name == "named_struct":
        return typed_struct(value, node.to)
    if kind in (T.TEXT, T.VARCHAR):
        return _as_text(node, value, columns)
    known = columns.read.get(value.name) if isinstance(value, exp.Column) else None
    if known == "VARCHAR" and kind not in (T.TEXT, T.VARCHAR):
        raise RefusedError(node, f"{shown(node)} of a text; use try_cast behind a match of shape")
    is_whole = isinstance(value, (exp.Sum, exp.Count, exp.Filter, exp.Null))
    if (
        kind in (T.INT, T.BIGINT)
        and not is_whole
        and not (known or "").endswith(("INT", "INTEGER"))
    ):
        raise RefusedError(
            node, f"{shown(node)}: decimals are rounded here and cut off there; count or sum"
        )
    return node


def _as_text(node: exp.Cast, value: exp.Expr, columns: Columns) -> exp.Expr:
    if is_list(value):
        return list_text(value)
    known = columns.read.get(value.name) if isinstance(value, exp.Column) else None
    is_alike = known and known.startswith(WRITTEN_ALIKE) and not known.endswith("]")
    if isinstance(value, exp.Null) or is_alike:
        return node
    raise RefusedError(
        node,
        f"{shown(node)}: a text of {known or 'something of unknown type'}; cast columns of the "
        "tables that it reads, of dates, moments, decimals or whole numbers, or a list",
    )


WRITTEN_ALIKE = ("DECIMAL", "DATE", "TIMESTAMP", "VARCHAR", "BOOLEAN", "INTEGER", "BIGINT")


@rewrites(exp.Div)
def quotient(node: exp.Div, columns: Columns) -> exp.Expr:  # noqa: ARG001
    """Divide as DuckDB does, in DOUBLE; Spark divides decimals as such, and refuses zero."""
    divisor = node.expression.unnest()
    is_guarded = isinstance(divisor, exp.Nullif) and divisor.expression.name == "0"
    if not is_guarded and not (isinstance(divisor, exp.Literal) and float(divisor.name)):
        raise RefusedError(node, "a division by what may be zero; divide by nullif(..., 0)")
    return exp.Div(
        this=cast(node.this, "double"), expression=cast(node.expression, "double"), typed=True
    )


@rewrites(exp.Round)
def rounded(node: exp.Round, columns: Columns) -> exp.Expr:  # noqa: ARG001
    """Round a quotient as DuckDB does: the number itself, not as it is written in decimals."""
    if not isinstance(node.this.unnest(), exp.Div):
        raise RefusedError(node, "round of what may be a decimal; cast it to a decimal instead")
    digits = int(constant(node.args["decimals"])) if node.args.get("decimals") else 0
    power = cast(number(10**digits), "double")
    whole = call("round", exp.Mul(this=exp.paren(node.this), expression=power))
    return exp.Div(this=whole, expression=power.copy(), typed=True)


@rewrites(exp.Sum, exp.Min, exp.Max)
def exact(node: exp.Func, columns: Columns) -> exp.Expr:
    """Add up and compare exact values alone: of others the sum depends on the order of rows."""
    for column in node.find_all(exp.Column):
        if columns.read.get(column.name) in ("DOUBLE", "FLOAT"):
            raise RefusedError(node, f"{shown(node)} of a DOUBLE; make it a decimal")
    return node


@rewrites(exp.DPipe)
def joined(node: exp.DPipe, columns: Columns) -> exp.Expr:
    """Put texts together, and nothing else."""
    for part in (node.left, node.right):
        if isinstance(part, exp.Column) and columns.read.get(part.name) not in (None, "VARCHAR"):
            raise RefusedError(part, f"{shown(part)} is not text; cast it to one")
    return call("concat", node.left, node.right)
