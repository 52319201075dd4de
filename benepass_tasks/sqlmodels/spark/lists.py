"""What differs with lists, structs and what makes them of rows."""

from collections.abc import Iterator, Sequence

from sqlglot import exp

from benepass_tasks.sqlmodels.spark.building import (
    Columns,
    call,
    case,
    cast,
    function,
    is_null,
    number,
    rewrites,
    text,
)
from benepass_tasks.sqlmodels.spark.refused import RefusedError, shown

QUOTED = (
    r"\A\z|\A[nN][uU][lL][lL]\z|\A[\x{9}-\x{D}\x{20}]|[\x{9}-\x{D}\x{20}]\z"
    r"|[\x{22}\x{27}\x{28}\x{29}\x{2C}\x{3A}\x{3D}\x{5B}\x{5C}\x{5D}\x{7B}\x{7D}]"
)
"""The texts that DuckDB puts in quotes in the text of a list."""


@rewrites(exp.Array)
def array(node: exp.Array, columns: Columns) -> exp.Expr:  # noqa: ARG001
    """Make a list of values; Sail has no empty one without a type, so that is one of texts."""
    made = call("array", *node.expressions)
    is_typed = isinstance(node.find_ancestor(exp.Cast, exp.Select), exp.Cast)
    return made if node.expressions or is_typed else cast(made, "array<string>")


def is_list(node: exp.Expr) -> bool:
    """Whether a list is written there, in either engine's words."""
    return isinstance(node, exp.Anonymous) and node.name == "array"


def typed_struct(node: exp.Expr, kind: exp.DataType) -> exp.Expr:
    """A struct whose fields have the types of a struct type, each by itself."""
    named, values = node.expressions[::2], node.expressions[1::2]
    casts = [
        exp.Cast(this=it, to=of.args["kind"])
        for it, of in zip(values, kind.expressions, strict=True)
    ]
    pairs = zip(named, casts, strict=True)
    return call("named_struct", *(part for pair in pairs for part in pair))


def list_text(node: exp.Expr) -> exp.Expr:
    """A list as the text that DuckDB makes of it; Spark does not tell ['a, b'] from ['a', 'b']."""
    it = exp.to_identifier("it")
    escaped = call(
        "replace",
        call("replace", it.copy(), text("\\"), text("\\\\")),
        text("'"),
        text("\\'"),
    )
    written = case(
        (is_null(it.copy()), text("NULL")),
        (
            exp.RegexpLike(this=it.copy(), expression=text(QUOTED)),
            call("concat", text("'"), escaped, text("'")),
        ),
        default=it.copy(),
    )
    texts = call("array", *(cast(value.copy(), "string") for value in node.expressions))
    each = call("transform", texts, exp.Lambda(this=written, expressions=[it.copy()]))
    return call("concat", text("["), call("array_join", each, text(", ")), text("]"))


@rewrites(exp.Bracket)
def element(node: exp.Bracket, columns: Columns) -> exp.Expr:  # noqa: ARG001
    """Take the n-th element, or the n-th from the end; NULL where there is none.

    sqlglot counts from 0 as it reads, and so makes -2 of -1.
    """
    (index,) = node.expressions
    sign = -1 if isinstance(index, exp.Neg) else 1
    literal = index.this if sign < 0 else index
    if not isinstance(literal, exp.Literal) or literal.is_string:
        raise RefusedError(node, "an element whose number depends on data; write the number")
    place = sign * int(literal.name) + 1
    written = number(place) if place > 0 else exp.Neg(this=number(-place))
    return call("try_element_at", node.this, written)


@rewrites(exp.ArrayFilter)
def filtered(node: exp.ArrayFilter, columns: Columns) -> exp.Expr:  # noqa: ARG001
    """Call list_filter by Spark's name."""
    return call("filter", node.this, node.expression)


@rewrites(exp.Transform)
def transformed(node: exp.Transform, columns: Columns) -> exp.Expr:  # noqa: ARG001
    """Call list_transform by Spark's name."""
    return call("transform", node.this, node.expression)


@function("list_reduce")
def reduced(node: exp.Anonymous, columns: Columns) -> exp.Expr:  # noqa: ARG001
    """Call it by Spark's name, which takes what it begins with before what it does."""
    given = node.expressions
    if len(given) != len(("list", "step", "start")):
        raise RefusedError(node, "list_reduce without a start; give it one")
    values, step, start = given
    return call("aggregate", values, start, step)


@rewrites(exp.ArrayAppend)
def appended(node: exp.ArrayAppend, columns: Columns) -> exp.Expr:  # noqa: ARG001
    """Put a value at the end of a list; of none DuckDB makes one of the value alone."""
    values, value = node.this, node.expression
    alone = (is_null(values.copy()), call("array", value.copy()))
    return case(alone, default=call("array_append", values, value))


@rewrites(exp.ArrayContains)
def contains(node: exp.ArrayContains, columns: Columns) -> exp.Expr:  # noqa: ARG001
    """Look a value up in a list: Spark does not know, where it finds a NULL instead."""
    values, value = node.this, node.expression
    unknown = exp.Or(this=is_null(values.copy()), expression=is_null(value.copy()))
    found = exp.Coalesce(this=call("array_contains", values, value), expressions=[exp.false()])
    return exp.If(this=unknown, true=exp.Null(), false=found)


@rewrites(exp.Struct)
def struct(node: exp.Struct, columns: Columns) -> exp.Expr:  # noqa: ARG001
    """Name the fields as named_struct does."""
    fields: list[exp.Expr] = []
    for field in node.expressions:
        if not isinstance(field, exp.PropertyEQ):
            raise RefusedError(node, f"{shown(node)}: a struct with fields without names")
        fields += [text(field.this.name), field.expression]
    return call("named_struct", *fields)


@rewrites(exp.ArrayAgg)
def listed(node: exp.ArrayAgg, columns: Columns) -> exp.Expr:
    """Make a list of rows in their order, for which Spark's collect_list has no word.

    Both of Spark's functions leave NULL out, and DuckDB's list does not.
    """
    _refuse_without_group(node)
    values = node.this
    if isinstance(values, exp.Order):
        keys = list(_sort_keys(values.expressions, columns))
        pair = call("named_struct", *_fields([*keys, values.this]))
        last = exp.Dot(this=exp.to_identifier("it"), expression=exp.to_identifier(f"f{len(keys)}"))
        each = exp.Lambda(this=last, expressions=[exp.to_identifier("it")])
        return call("transform", call("array_sort", call("collect_list", pair)), each)
    if isinstance(values, exp.Distinct) and is_list(values.expressions[0]):
        return call("collect_set", values.expressions[0])
    raise RefusedError(node, f"{shown(node)} has no order, or holds NULL; write list(x order by y)")


def _refuse_without_group(node: exp.Expr) -> None:
    query = node.find_ancestor(exp.Select)
    if (
        isinstance(node.parent, (exp.Filter, exp.Window))
        or not query
        or not query.args.get("group")
    ):
        raise RefusedError(
            node, f"{shown(node)} of what may be no rows: NULL here, an empty list there; group"
        )


@rewrites(exp.ArraySort)
def sorted_list(node: exp.ArraySort, columns: Columns) -> exp.Expr:  # noqa: ARG001
    """Sort a list of what was just collected, in which is no NULL."""
    if not (isinstance(node.this, exp.Anonymous) and node.this.name == "collect_set"):
        raise RefusedError(
            node, "list_sort of a list that may hold NULL; sort list(distinct [...])"
        )
    return call("array_sort", node.this)


@rewrites(exp.First)
def first(node: exp.First, columns: Columns) -> exp.Expr:
    """Take the value of the first row in an order: that with the least keys."""
    if not isinstance(node.this, exp.Order):
        raise RefusedError(node, "first without an order; write first(x order by y)")
    keys = _sort_keys(node.this.expressions, columns)
    return call("min_by", node.this.this, call("named_struct", *_fields(keys)))


@rewrites(exp.ArgMin)
def least_by(node: exp.ArgMin, columns: Columns) -> exp.Expr:  # noqa: ARG001
    """Take the value of the row with the least key; DuckDB passes over rows without a value."""
    has_value = exp.Not(this=is_null(node.this.copy()))
    return exp.Filter(
        this=call("min_by", node.this, node.expression), expression=exp.Where(this=has_value)
    )


def _fields(values: Iterator[exp.Expr] | Sequence[exp.Expr]) -> Iterator[exp.Expr]:
    for index, value in enumerate(values):
        yield text(f"f{index}")
        yield value


def _sort_keys(ordered: Sequence[exp.Ordered], columns: Columns) -> Iterator[exp.Expr]:
    """Values that sort as keys do, NULL where DuckDB has it: last, unless it is said."""
    for it in ordered:
        missing = is_null(it.this.copy())
        yield exp.Not(this=exp.paren(missing)) if it.args.get("nulls_first") else missing
        yield _descending(it.this, columns) if it.args.get("desc") else it.this.copy()


def _descending(key: exp.Expr, columns: Columns) -> exp.Expr:
    known = columns.read.get(key.name, "") or ""
    query = key.root()
    counts = {it.alias for it in query.find_all(exp.Alias) if it.find(exp.Count)}
    if not (known.startswith("DECIMAL") or known.endswith("INT") or key.name in counts):
        raise RefusedError(key, f"{shown(key)} in descending order is not a number that is known")
    return exp.Neg(this=exp.paren(key.copy()))
