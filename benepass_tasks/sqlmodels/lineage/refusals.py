"""What the walk does not follow: refused, with what to write instead, and never passed over."""

from collections.abc import Callable

from benepass_tasks.sqlmodels.lineage.problems import UntraceableError
from benepass_tasks.sqlmodels.syntax import PIVOT, Node

_CALL = frozenset(
    {
        *("function_name", "schema", "catalog", "children", "filter", "order_bys", "distinct"),
        *("is_operator", "alias"),
    }
)

UNDERSTOOD: dict[str, frozenset[str]] = {
    kind: frozenset(parts.split())
    for kind, parts in {
        "SELECT_NODE": "modifiers ctes select_list from_table where_clause group_expressions "
        "group_sets aggregate_handling having qualify",
        "SET_OPERATION_NODE": "modifiers ctes setop_type setop_all children",
        "BASE_TABLE": "alias schema_name table_name column_name_alias",
        "SUBQUERY": "alias subquery column_name_alias subquery_type child comparison_type",
        "JOIN": "left right condition join_type ref_type using_columns is_implicit "
        "nearest_count nearest_order_type alias",
        "TABLE_FUNCTION": "function alias column_name_alias with_ordinality",
        "EXPRESSION_LIST": "values alias column_name_alias expected_names",
        "EMPTY": "alias",
        "ORDER_MODIFIER": "orders",
        "LIMIT_MODIFIER": "limit offset limit_type",
        "LIMIT_PERCENT_MODIFIER": "limit offset",
        "DISTINCT_MODIFIER": "distinct_on_targets",
        "COLUMN_REF": "column_names alias",
        "CONSTANT": "value type alias",
        "CASE": "case_checks else_expr alias",
        "OPERATOR": "children alias",
        "CONJUNCTION": "children alias",
        "COMPARISON": "left right alias",
        "BETWEEN": "input lower upper alias",
        "CAST": "child try_cast alias",
        "COLLATE": "child collation alias",
        "LAMBDA": "lhs expr syntax_type alias",
        "STAR": "relation_name exclude_list qualified_exclude_list replace_list rename_list alias",
        "POSITIONAL_REFERENCE": "index alias",
    }.items()
} | {
    "FUNCTION": _CALL,
    "WINDOW": _CALL
    | {
        *("partitions", "orders", "start", "end", "start_expr", "end_expr", "offset_expr"),
        *(
            "default_expr",
            "filter_expr",
            "exclude_clause",
            "ignore_nulls",
            "has_ignore_nulls",
            "arg_orders",
        ),
    },
}
"""The parts of each node that the walk looks at; any other may hold a column."""

SPELLED = {
    "at_clause": "AT",
    "SHOW_REF": "SUMMARIZE, DESCRIBE or SHOW",
    "PARAMETER": "a parameter of a prepared statement",
}
"""What is written in another way than DuckDB calls it."""

JOINS = {
    "join_type": frozenset({"INNER", "LEFT", "RIGHT", "FULL", "SEMI", "ANTI"}),
    "ref_type": frozenset({"REGULAR", "NATURAL", "CROSS", "POSITIONAL", "ASOF"}),
}

EXPLICITLY = "write the columns one by one"
CATALOG = "read a table of the catalog"


def refuse(node: Node) -> None:
    """Refuse a node whose meaning its tree does not tell, or of which something is not known.

    Raises:
        UntraceableError: it is one.
    """
    refusal = _REFUSALS.get(node.kind)
    found = refusal(node) if refusal is not None else None
    if found is None and node.kind not in UNDERSTOOD:
        found = _spelled(node.kind), "write the value, or a SELECT without it"
    if found is None:
        unknown = sorted(node.parts.keys() - UNDERSTOOD[node.kind])
        if unknown:
            found = _spelled(unknown[0]), "write the query without it"
    if found is not None:
        raise UntraceableError(node.line, *found)


def _spelled(name: str) -> str:
    return SPELLED.get(name, name.removesuffix("_NODE").replace("_", " ").upper())


Refusal = tuple[str, str] | None


def _star(node: Node) -> Refusal:
    is_columns = node.parts.get("columns") or node.parts.get("expr")
    return ("COLUMNS(...)", EXPLICITLY) if is_columns else None


def _operator(node: Node) -> Refusal:
    return ("COLUMNS(...)", EXPLICITLY) if node.type == "OPERATOR_UNPACK" else None


def _pivot(_: Node) -> Refusal:
    what, _sep, advice = PIVOT.partition("; ")
    return what, advice


def _recursive(_: Node) -> Refusal:
    return "WITH RECURSIVE", "write the levels as CTEs of their own, one after the other"


def _set_operation(node: Node) -> Refusal:
    if node.text("setop_type") in ("UNION", "EXCEPT", "INTERSECT"):
        return None
    name = _spelled(node.text("setop_type"))
    return name, "write UNION with the same columns in the same order"


def _join(node: Node) -> Refusal:
    for name, understood in JOINS.items():
        if node.text(name) not in understood:
            return f"a {node.text(name)} JOIN", "write one of the usual joins"
    if node.parts.get("nearest_count", 1) != 1:
        return "a join of several nearest rows", "write one of the usual joins"
    return None


def _table_function(node: Node) -> Refusal:
    function = node.node("function")
    name = function.function if function is not None else ""
    if name not in ("unnest", "range", "generate_series"):
        return f"the table function {name}", CATALOG
    if node.text("with_ordinality") not in ("", "WITHOUT_ORDINALITY"):
        return "WITH ORDINALITY", "write the query without it"
    return None


def _function(node: Node) -> Refusal:
    if node.function == "unnest" and len(node.nodes("children")) != 1:
        return (
            "UNNEST with more than a list",
            "unnest a list, and write a struct's fields one by one",
        )
    return None


def _lambda(node: Node) -> Refusal:
    if node.text("syntax_type") == "LAMBDA_KEYWORD":
        return None
    return (
        "->",
        "write lambda x: ... for a lambda, and json_extract(value, path) for JSON",
    )


_REFUSALS: dict[str, Callable[[Node], Refusal]] = {
    "STAR": _star,
    "OPERATOR": _operator,
    "PIVOT": _pivot,
    "RECURSIVE_CTE_NODE": _recursive,
    "SET_OPERATION_NODE": _set_operation,
    "JOIN": _join,
    "TABLE_FUNCTION": _table_function,
    "FUNCTION": _function,
    "LAMBDA": _lambda,
}
