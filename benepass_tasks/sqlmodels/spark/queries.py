"""What differs with whole queries, their windows and their tables."""

from collections.abc import Collection, Iterator

from sqlglot import exp

from benepass_tasks.sqlmodels.spark.building import Columns, call, case, cast, is_null, rewrites
from benepass_tasks.sqlmodels.spark.refused import RefusedError, shown

JOINS = ("", "INNER", "LEFT", "FULL", "CROSS", "SEMI", "ANTI", "OUTER")


@rewrites(exp.CTE)
def without_hint(node: exp.CTE, columns: Columns) -> exp.Expr:  # noqa: ARG001
    """Leave out [NOT] MATERIALIZED, which changes no row; Spark cannot read it."""
    node.set("materialized", None)
    return node


@rewrites(exp.With)
def not_recursive(node: exp.With, columns: Columns) -> exp.Expr:  # noqa: ARG001
    """Refuse recursion, of which Sail has none."""
    if node.args.get("recursive"):
        raise RefusedError(node, "WITH RECURSIVE; write a step for each level")
    return node


@rewrites(exp.Join)
def known_join(node: exp.Join, columns: Columns) -> exp.Expr:  # noqa: ARG001
    """Refuse joins that only DuckDB has."""
    words = {node.text(it).upper() for it in ("method", "side", "kind")} - set(JOINS)
    if words:
        raise RefusedError(node, f"a {' '.join(sorted(words))} join; use an inner or left one")
    return node


@rewrites(exp.Union)
def by_position(node: exp.Union, columns: Columns) -> exp.Expr:  # noqa: ARG001
    """Refuse unions by name."""
    if node.args.get("by_name"):
        raise RefusedError(node, "UNION BY NAME; list the columns in their order")
    return node


@rewrites(exp.Distinct)
def of_all(node: exp.Distinct, columns: Columns) -> exp.Expr:  # noqa: ARG001
    """Refuse DISTINCT ON, which takes any row."""
    if node.args.get("on"):
        raise RefusedError(node, "DISTINCT ON; use qualify row_number() over (...) = 1")
    return node


@rewrites(exp.Group)
def named_groups(node: exp.Group, columns: Columns) -> exp.Expr:  # noqa: ARG001
    """Refuse groups that are not named."""
    if node.args.get("all") or node.args.get("cube") or node.args.get("rollup"):
        raise RefusedError(node, "GROUP BY ALL, CUBE or ROLLUP; name the columns")
    return node


@rewrites(exp.WindowSpec)
def by_rows(node: exp.WindowSpec, columns: Columns) -> exp.Expr:  # noqa: ARG001
    """Refuse frames by distance."""
    if node.text("kind").upper() != "ROWS" or node.args.get("exclude"):
        raise RefusedError(node, "a frame that is not of ROWS; count rows")
    return node


@rewrites(exp.Window)
def distinct_in_window(node: exp.Window, columns: Columns) -> exp.Expr:  # noqa: ARG001
    """Count different values in a window, for which Spark has no word, as a set of them."""
    count = node.this
    if not (isinstance(count, exp.Count) and isinstance(count.this, exp.Distinct)):
        return node
    (value,) = count.this.expressions
    node.set("this", call("collect_set", value))
    return cast(call("size", node.copy()), "bigint")


@rewrites(exp.Window)
def apart(node: exp.Window, columns: Columns) -> exp.Expr:  # noqa: ARG001
    """Put a named window in parentheses: Spark reads `over w - x` as the name `w - x`."""
    is_named = node.args.get("alias") and isinstance(node.parent, exp.Binary)
    return exp.Paren(this=node.copy()) if is_named else node


@rewrites(exp.NullSafeEQ, exp.NullSafeNEQ)
def never_unknown(node: exp.Binary, columns: Columns) -> exp.Expr:  # noqa: ARG001
    """Spell IS [NOT] DISTINCT FROM out: Sail fails where a column that is made by it is grouped.

    Not of a join, which is only fast where it sees the comparison.
    """
    if _joins(node):
        return node
    one, other = is_null(node.left.copy()), is_null(node.right.copy())
    same = case(
        (
            exp.Paren(this=exp.Or(this=one, expression=other)),
            exp.Paren(this=exp.And(this=one.copy(), expression=other.copy())),
        ),
        default=exp.EQ(this=node.left, expression=node.right),
    )
    return same if isinstance(node, exp.NullSafeEQ) else exp.Not(this=exp.Paren(this=same))


def _joins(node: exp.Expr) -> bool:
    above = node.parent
    while isinstance(above, (exp.And, exp.Paren)):
        above = above.parent
    return isinstance(above, exp.Join)


@rewrites(exp.Is)
def truth(node: exp.Is, columns: Columns) -> exp.Expr:  # noqa: ARG001
    """Spell IS TRUE and IS FALSE out, of which Sail makes such a comparison."""
    if not isinstance(node.expression, exp.Boolean):
        return node
    asked = node.this if node.expression.this else exp.Not(this=exp.Paren(this=node.this))
    return case((asked, exp.true()), default=exp.false())


COMPARING = (exp.LT, exp.GT, exp.LTE, exp.GTE, exp.Ordered, exp.Between, exp.ArraySort)
"""What looks at which of two values is greater."""


def refuse_unordered(node: exp.Expr, columns: Columns) -> None:
    """Refuse to compare lists in which a NULL may be: it is the greatest here, the least there.

    Raises:
        RefusedError: one may be.
    """
    for made in _lists_in(node):
        value = next((it for it in made.expressions if not _is_filled(it, columns)), None)
        if value is not None:
            raise RefusedError(
                node,
                f"{shown(node)} compares lists in which {shown(value)} may be NULL; write "
                "coalesce(..., '')",
            )
    for column in node.find_all(exp.Column):
        is_part = isinstance(column.parent, exp.Bracket)
        if (columns.read.get(column.name) or "").endswith("[]") and not is_part:
            raise RefusedError(node, f"{shown(node)} compares a list of a table; compare its parts")


def _lists_in(node: exp.Expr) -> Iterator[exp.Array]:
    """The lists that are written in an expression, or under the names that are in it."""
    yield from node.find_all(exp.Array)
    for alias in _aliases(node.root(), {it.name for it in node.find_all(exp.Column)}):
        yield from alias.this.find_all(exp.Array)


def _aliases(tree: exp.Expr, names: Collection[str]) -> Iterator[exp.Alias]:
    return (it for it in tree.find_all(exp.Alias) if it.alias in names)


PASSING_ON = (
    exp.RegexpReplace, exp.Lower, exp.Translate, exp.DPipe, exp.Replace, exp.TimestampTrunc,
    exp.Repeat, exp.Paren, exp.Cast,
)  # fmt: skip
"""What makes a value of values."""


def _is_filled(value: exp.Expr, columns: Columns, within: frozenset[str] = frozenset()) -> bool:
    """Whether an expression always has a value; `within` are the names that it is a part of."""
    if isinstance(value, (exp.Literal, exp.Var, exp.DataType)):
        return True
    if isinstance(value, exp.Column):
        if value.name in columns.never_null:
            return True
        made = [] if value.name in within else list(_aliases(value.root(), {value.name}))
        deeper = within | {value.name}
        handed_on = [it.this for it in made if not isinstance(it.this, exp.Column)]
        return bool(handed_on) and all(_is_filled(it, columns, deeper) for it in handed_on)
    parts = (_is_filled(it, columns, within) for it in value.iter_expressions())
    if isinstance(value, exp.Coalesce):
        return any(parts)
    return isinstance(value, PASSING_ON) and all(parts)
