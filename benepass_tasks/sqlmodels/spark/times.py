"""What differs with dates and times. The session's zone is UTC."""

from collections.abc import Mapping

from sqlglot import exp

from benepass_tasks.sqlmodels.spark.building import (
    Columns,
    call,
    case,
    cast,
    is_null,
    number,
    rewrites,
    text,
    try_cast,
)
from benepass_tasks.sqlmodels.spark.refused import RefusedError

MIDNIGHT = r"\A([^\x{A}]{10}[T\x{20}])24(:00:00(?:[.]0+)?)((?:[^0-9.][^\x{A}]*)?)\z"
"""A moment at the end of a day, in three parts around its hour."""

CLOCK = (
    r"\A[^\x{A}]{10}(?:[T\x{20}](?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](?:[^0-9][^\x{A}]*)?)?\z"
)
"""A moment whose time of day there is."""


@rewrites(exp.AtTimeZone)
def at_utc(node: exp.AtTimeZone, columns: Columns) -> exp.Expr:  # noqa: ARG001
    """Give a moment without a zone, which is the session's: UTC."""
    if not node.args["zone"].is_string or node.args["zone"].name != "UTC":
        raise RefusedError(node, "a zone that is not UTC; convert what is read from the source")
    return cast(node.this, "timestamp_ntz")


@rewrites(exp.TimestampTrunc)
def truncated(node: exp.TimestampTrunc, columns: Columns) -> exp.Expr:  # noqa: ARG001
    """Give a moment without a zone, as DuckDB does; Spark's date_trunc gives one with a zone.

    The day is put together of its parts, since Sail fails on years before 1678 and after 2262.
    """
    unit = node.text("unit").lower()
    if unit not in MONTHS:
        raise RefusedError(node, f"date_trunc to the {unit}; the units are {', '.join(MONTHS)}")
    day: exp.Expr = cast(node.this, "date")
    if unit != "day":
        month = MONTHS[unit].copy().transform(lambda it: day.copy() if it == DAY else it)
        day = call("make_date", call("year", day), month, number(1))
    return cast(day, "timestamp_ntz")


DAY = exp.to_identifier("day")
MONTHS: Mapping[str, exp.Expr] = {
    "day": call("month", DAY.copy()),
    "month": call("month", DAY.copy()),
    "quarter": exp.Sub(
        this=exp.Mul(this=call("quarter", DAY.copy()), expression=number(3)), expression=number(2)
    ),
    "year": number(1),
}
"""The first month of each part of the year that a day is in."""


@rewrites(exp.Add, exp.Sub)
def from_midnight(node: exp.Binary, columns: Columns) -> exp.Expr:
    """Begin at the midnight of a day, as DuckDB does: Spark adds days to a day as such."""
    if isinstance(node.expression, exp.Interval) and kind_of(node.this, columns) == "DATE":
        node.set("this", cast(node.this.copy(), "timestamp_ntz"))
    return node


@rewrites(exp.LT, exp.GT, exp.LTE, exp.GTE, exp.EQ, exp.NEQ)
def alike(node: exp.Binary, columns: Columns) -> exp.Expr:
    """Compare a moment with the midnight of a day, of which Sail else makes nanoseconds."""
    kinds = [kind_of(it, columns) for it in (node.left, node.right)]
    if set(kinds) == {"DATE", "TIMESTAMP"}:
        side = "this" if kinds[0] == "DATE" else "expression"
        node.set(side, cast(node.args[side].copy(), "timestamp_ntz"))
    return node


def kind_of(node: exp.Expr, columns: Columns) -> str | None:
    """Whether an expression is a DATE or a TIMESTAMP, where that can be told."""
    match node:
        case exp.Paren():
            return kind_of(node.this, columns)
        case exp.Cast():
            return TYPES_OF_TIME.get(node.to.this)
        case exp.TimestampTrunc():
            return "TIMESTAMP"
        case exp.Add() | exp.Sub() if isinstance(node.expression, exp.Interval):
            return "TIMESTAMP"
        case exp.Column():
            return columns.read.get(node.name)
        case _:
            return None


TYPES_OF_TIME = {
    exp.DataType.Type.DATE: "DATE",
    exp.DataType.Type.TIMESTAMP: "TIMESTAMP",
    exp.DataType.Type.TIMESTAMPNTZ: "TIMESTAMP",
}


@rewrites(exp.DateDiff)
def days_between(node: exp.DateDiff, columns: Columns) -> exp.Expr:  # noqa: ARG001
    """Count the midnights between two moments; Spark's DATEDIFF(DAY, ...) counts whole days."""
    unit = node.text("unit").lower()
    if unit != "day":
        raise RefusedError(node, f"date_diff by the {unit}; count days, or subtract moments")
    days = call("datediff", cast(node.this, "date"), cast(node.expression, "date"))
    return cast(days, "bigint")


@rewrites(exp.Interval)
def interval(node: exp.Interval, columns: Columns) -> exp.Expr:  # noqa: ARG001
    """Allow days and what is shorter: of months neither engine compares the length as DuckDB."""
    unit = node.text("unit").lower().removesuffix("s")
    if unit not in ("day", "hour", "minute", "second"):
        raise RefusedError(node, f"an interval of {unit}s; use days, hours, minutes or seconds")
    return exp.Interval(this=text(node.this.name), unit=exp.var(unit.upper()))


def moment_of(value: exp.Expr, kind: str) -> exp.Expr:
    """A text as a moment: DuckDB alone takes 24:00:00, for the end of the day.

    Sail fails where there is no such day or hour, also of try_cast.
    """
    first, rest, zone = (
        call("regexp_extract", value.copy(), text(MIDNIGHT), number(group)) for group in (1, 2, 3)
    )
    begin = try_cast(call("concat", first, text("00"), rest, zone), kind)
    next_day = exp.Add(this=begin, expression=exp.Interval(this=text("1"), unit=exp.var("DAY")))
    day = try_cast(call("left", value.copy(), number(10)), "date")
    return case(
        (is_null(day), exp.Null()),
        (exp.RegexpLike(this=value.copy(), expression=text(MIDNIGHT)), next_day),
        (
            exp.RegexpLike(this=value.copy(), expression=text(CLOCK)),
            try_cast(value.copy(), kind),
        ),
    )
