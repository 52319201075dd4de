"""Hashes, which are each engine's own.

Within a query that tells rows apart or finds those that are alike, so any hash will do. What a
table keeps of them is read by other queries, on DuckDB too: there it has to be DuckDB's.
"""

from collections.abc import Iterator

from sqlglot import exp

from benepass_tasks.sqlmodels.spark.building import Columns, call, cast, function, text
from benepass_tasks.sqlmodels.spark.refused import RefusedError, shown

HASH = "hash"
KIND = "UBIGINT"
"""The type of a hash."""


@function(HASH)
def own_hash(node: exp.Anonymous, columns: Columns) -> exp.Expr:  # noqa: ARG001
    """Take the engine's own hash of 64 bits; Spark's hash() has 32, of which many would collide."""
    return exp.Paren(
        this=exp.Add(
            this=cast(call("xxhash64", *node.expressions), "decimal(20, 0)"),
            expression=cast(text(str(2**63)), "decimal(20, 0)"),
        )
    )


def left_to_duckdb(tree: exp.Query, columns: Columns) -> frozenset[str]:
    """Put what is hashed in the place of the hashes that a model makes, which DuckDB then hashes.

    Returns:
        The columns of these hashes.

    Raises:
        RefusedError: another hash reaches a column of the table, or meets one of another table.
    """
    found = dict(_made(tree, columns))
    for name, hashed in found.items():
        given = hashed.expressions
        if len(given) != 1 or not _is_text(given[0], columns) or _is_used(tree, name):
            raise RefusedError(
                hashed,
                f"the hash of the column {name}; make it of one text, in a SELECT of its own "
                "without DISTINCT, GROUP BY or QUALIFY that no other part of it names",
            )
    others = [it for it in _hashes(tree) if not any(it is one for one in found.values())]
    for it in others:
        _refuse_beyond_query(it, tree, columns)
    for hashed in found.values():
        hashed.replace(hashed.expressions[0])
    return frozenset(found)


def _hashes(tree: exp.Expr) -> Iterator[exp.Anonymous]:
    return (it for it in tree.find_all(exp.Anonymous) if it.name.lower() == HASH)


def _made(tree: exp.Query, columns: Columns) -> Iterator[tuple[str, exp.Anonymous]]:
    """The columns of the table that are hashes as they stand in its outermost SELECT."""
    for it in tree.expressions if isinstance(tree, exp.Select) else ():
        value = it.unalias()
        is_hash = isinstance(value, exp.Anonymous) and value.name.lower() == HASH
        if is_hash and columns.made.get(it.alias_or_name) == KIND:
            yield it.alias_or_name, value


def _is_used(tree: exp.Query, name: str) -> bool:
    is_grouped = any(tree.args.get(it) for it in ("distinct", "group", "having", "qualify"))
    return is_grouped or any(not it.table for it in _named(tree, name))


def _refuse_beyond_query(node: exp.Anonymous, tree: exp.Query, columns: Columns) -> None:
    above = node.parent
    is_named = (
        isinstance(above, exp.Alias)
        and above.alias not in _leading_to(tree, columns)
        and all(isinstance(it.parent, ALIKE) for it in _named(tree, above.alias))
    )
    is_within = is_named or isinstance(above, exp.EQ)
    kept = [it for it in tree.find_all(exp.Column) if columns.read.get(it.name) == KIND]
    if not is_within or kept:
        raise RefusedError(
            node,
            f"{shown(node)} is each engine's own; keep it in a column of a table that both read, "
            "or only compare it with another one of the same query",
        )


ALIKE = (exp.EQ, exp.Group, exp.Select)
"""Where only what is alike counts, and not which of two hashes is greater."""


def _named(tree: exp.Query, name: str) -> Iterator[exp.Column]:
    return (it for it in tree.find_all(exp.Column) if it.name == name)


def _leading_to(tree: exp.Query, columns: Columns) -> set[str]:
    """The names of what becomes a column of the table, through any others."""
    found = set(columns.made)
    aliases = list(tree.find_all(exp.Alias))
    while (
        more := {
            column.name
            for it in aliases
            if it.alias in found
            for column in it.this.find_all(exp.Column)
        }
        - found
    ):
        found |= more
    return found


TEXTS = (exp.DPipe, exp.Lower, exp.RegexpReplace, exp.Replace, exp.Translate, exp.Trim)
"""What makes a text of whatever it is given."""


def _is_text(node: exp.Expr, columns: Columns) -> bool:
    match node:
        case exp.Paren() | exp.Alias():
            return _is_text(node.this, columns)
        case exp.Case() | exp.If():
            branches = [it.args["true"] for it in node.args.get("ifs") or [node]]
            last = node.args.get("default") or node.args.get("false")
            return all(_is_text(it, columns) for it in (*branches, *([last] if last else ())))
        case exp.Column():
            return columns.read.get(node.name) == "VARCHAR"
        case exp.Literal():
            return bool(node.is_string)
        case _:
            return isinstance(node, TEXTS)
