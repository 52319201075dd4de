"""What an expression does with the values in it: the steps from each part of it to the whole."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Literal

from benepass_tasks.sqlmodels.lineage.edges import (
    AGGREGATION,
    CONDITIONAL,
    COUNT,
    FILTER,
    PARTITION,
    PARTITION_COUNT,
    PRESENCE,
    RANKED,
    SORT,
    TIDY,
    TRANSFORMATION,
    WINDOW,
    How,
)
from benepass_tasks.sqlmodels.syntax import Node

Steps = Iterator[tuple[Node, How]]

PREDICATES = frozenset(
    {
        *("~~", "!~~", "~~*", "!~~*", "~~~", "^@"),
        *("like_escape", "not_like_escape", "ilike_escape", "not_ilike_escape"),
        *("regexp_matches", "regexp_full_match", "contains"),
        *("prefix", "suffix", "starts_with", "ends_with"),
    }
)
"""Functions that answer yes or no about their arguments, and pass none of them on."""

PREDICATE_OPERATORS = frozenset(
    {"COMPARE_IN", "COMPARE_NOT_IN", "OPERATOR_IS_NULL", "OPERATOR_IS_NOT_NULL"}
)

COUNTS = frozenset({"count", "count_star", "count_if", "countif", "approx_count_distinct"})

RANKS = frozenset(
    f"WINDOW_{name}"
    for name in ("ROW_NUMBER", "RANK", "RANK_DENSE", "NTILE", "PERCENT_RANK", "CUME_DIST")
)
"""Window functions that tell where a row comes in the order of their window."""

TIDYING = frozenset(
    {
        *("trim", "ltrim", "rtrim", "lower", "lcase", "upper", "ucase"),
        *("nfc_normalize", "any_value", "first", "last"),
    }
)
"""Functions of one value that leave it a value of the same, at most written more tidily."""

CHOICES = frozenset(
    {
        *("arg_max", "arg_min", "argmax", "argmin", "max_by", "min_by"),
        *("arg_max_null", "arg_min_null", "arg_max_nulls_last", "arg_min_nulls_last"),
    }
)
"""Aggregates that pass on the value at the greatest or least of another."""


@dataclass(frozen=True, slots=True)
class Functions:
    """What is known of functions by name, in lower case.

    Attributes:
        macros: The project's scalar macros; calls of them are not looked into.
        masks: The macros that mask.
        tidying: The macros that only write a value in a tidier way.
        hashes: Those of `masks` that hash with a key.
        aggregates: DuckDB's own functions that make one value of many rows.
    """

    macros: frozenset[str]
    masks: frozenset[str]
    aggregates: frozenset[str]
    tidying: frozenset[str] = frozenset()
    hashes: frozenset[str] = frozenset()

    def is_aggregate(self, node: Node) -> bool:
        """Whether a node makes one value of many rows of its SELECT."""
        return node.kind == "FUNCTION" and node.function in self.aggregates


def steps(node: Node, functions: Functions) -> Steps:
    """The parts of an expression, each with what happens to its value in the whole.

    Args:
        node: The expression; no column, no query and no lambda.
        functions: What is known of the functions that it calls.

    Yields:
        Every part that holds a value, once or more often.
    """
    if node.kind in ("FUNCTION", "WINDOW"):
        yield from _arguments(node, functions)
        yield from _all(_present(node, "filter", "filter_expr"), FILTER)
        yield from _all(node.nodes("order_bys"), _order_of(node))
        yield from _all(node.nodes("arg_orders"), SORT)
        yield from _all(_present(node, "offset_expr", "default_expr"), TRANSFORMATION)
        is_count = node.function in COUNTS
        yield from _all(node.nodes("partitions"), PARTITION_COUNT if is_count else PARTITION)
        yield from _all(node.nodes("orders"), RANKED if node.type in RANKS else WINDOW)
        yield from _all(_present(node, "start_expr", "end_expr"), WINDOW)
    else:
        yield from _RULES[node.kind](node)


def _arguments(node: Node, functions: Functions) -> Steps:
    children, name = node.nodes("children"), node.function
    if name in functions.macros:
        masking = name if name in functions.masks else None
        is_whole = name in functions.tidying and len(children) == 1
        return _all(children, How("DIRECT", "TRANSFORMATION", masking, is_whole))
    if name == "nullif":
        return _nullif(children)
    if name == "if":
        return iter([*_all(children[:1], CONDITIONAL), *_all(children[1:], TRANSFORMATION)])
    if name in CHOICES:
        return iter([*_all(children[:1], AGGREGATION), *_all(children[1:], SORT)])
    return _all(children, _effect(node, functions))


def _effect(node: Node, functions: Functions) -> How:
    """What a function does with each of its arguments."""
    is_of_one = len(node.nodes("children")) == 1
    if is_of_one and (node.function in TIDYING or node.type in OF_ANOTHER_ROW):
        return How("DIRECT", _subtype(node, functions), is_whole=True)
    if node.function in COUNTS:
        return COUNT
    if node.function in PREDICATES:
        return CONDITIONAL
    return How("DIRECT", _subtype(node, functions))


def _subtype(node: Node, functions: Functions) -> Literal["TRANSFORMATION", "AGGREGATION"]:
    is_of_rows = node.type in OF_ANOTHER_ROW or node.function not in functions.aggregates
    return "TRANSFORMATION" if is_of_rows else "AGGREGATION"


OF_ANOTHER_ROW = frozenset(
    f"WINDOW_{name}" for name in ("LAG", "LEAD", "FIRST_VALUE", "LAST_VALUE", "NTH_VALUE", "FILL")
)
"""Window functions that pass the value of one row on."""


def _order_of(node: Node) -> How:
    """What the order within a call is: mode() within group (order by x) orders its very values."""
    has_value = any(
        it.kind == "COLUMN_REF" for child in node.nodes("children") for it in child.walk()
    )
    return SORT if has_value else AGGREGATION


def _present(node: Node, *names: str) -> list[Node]:
    return [found for found in map(node.node, names) if found is not None]


def _all(nodes: Iterable[Node], how: How) -> Steps:
    return ((node, how) for node in nodes)


def _nullif(children: list[Node]) -> Steps:
    if len(children) > 1 and is_empty_text(children[1]):
        # Nothing and an empty text are the same nothing.
        return iter([*_all(children[:1], TIDY), *_all(children[:1], PRESENCE)])
    return iter([*_all(children[:1], TRANSFORMATION), *_all(children, CONDITIONAL)])


def _case(node: Node) -> Steps:
    for check in node.parts["case_checks"]:
        yield check["when_expr"], CONDITIONAL
        yield check["then_expr"], TRANSFORMATION
    yield from _all(_present(node, "else_expr"), TRANSFORMATION)


def _operator(node: Node) -> Steps:
    if node.type == "OPERATOR_NULLIF":
        return _nullif(node.nodes("children"))
    if node.type in ("OPERATOR_IS_NULL", "OPERATOR_IS_NOT_NULL"):
        return _all(node.nodes("children"), PRESENCE)
    how = CONDITIONAL if node.type in PREDICATE_OPERATORS else TRANSFORMATION
    return _all(node.nodes("children"), how)


def is_empty_text(node: Node) -> bool:
    """Whether an expression is the text that has no letter."""
    return node.kind == "CONSTANT" and node.parts.get("value") == ""


def _comparison(node: Node) -> Steps:
    sides = _present(node, "left", "right")
    return _all(sides, PRESENCE if any(map(is_empty_text, sides)) else CONDITIONAL)


def _cast(node: Node) -> Steps:
    # What cannot be cast is NULL where it is only tried: that is an answer.
    return _all(_present(node, "child"), TRANSFORMATION if node.parts.get("try_cast") else TIDY)


_RULES: dict[str, Callable[[Node], Steps]] = {
    "CONSTANT": lambda _: iter(()),
    "CASE": _case,
    "OPERATOR": _operator,
    "CONJUNCTION": lambda node: _all(node.nodes("children"), TRANSFORMATION),
    "COMPARISON": _comparison,
    "BETWEEN": lambda node: _all(_present(node, "input", "lower", "upper"), CONDITIONAL),
    "CAST": _cast,
    "COLLATE": lambda node: _all(_present(node, "child"), TRANSFORMATION),
}


IN_PLACE = frozenset(
    {
        *("first", "last", "any_value", "arbitrary", "mode", "list", "array_agg"),
        *("string_agg", "group_concat", "listagg", "arg_max", "arg_min", "max_by", "min_by"),
    }
)
"""Aggregates that depend on the order of the rows, unless an order of their own is written."""

WHOLE_WINDOW = ("UNBOUNDED_PRECEDING", "CURRENT_ROW_RANGE")


def is_positional(query: Node) -> bool:
    """Whether the order in which rows are read makes a difference to anything but their order."""
    return any(map(_is_in_place, query.walk()))


def _is_in_place(node: Node) -> bool:
    if node.kind == "WINDOW":
        is_frame = (node.text("start"), node.text("end")) != WHOLE_WINDOW
        is_of_all = node.type == "WINDOW_AGGREGATE" and node.function not in IN_PLACE
        return not node.nodes("orders") and (is_frame or not is_of_all)
    if node.kind == "FUNCTION":
        return node.function in IN_PLACE and not node.nodes("order_bys")
    return (
        node.kind in ("LIMIT_MODIFIER", "LIMIT_PERCENT_MODIFIER", "POSITIONAL_REFERENCE")
        or bool(node.nodes("distinct_on_targets"))
        or node.text("ref_type") in ("POSITIONAL", "ASOF")
    )
