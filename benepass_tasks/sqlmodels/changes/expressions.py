"""What an expression depends on: one row or many, and which of its parts decide its value."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from benepass_tasks.sqlmodels.changes.trees import (
    NoRuleError,
    Tree,
    identity,
    rebuilt,
    settings_in,
    sources_of,
    walk,
)

UNORDERED = frozenset(
    {
        *("first", "last", "any_value", "arbitrary", "list", "array_agg", "string_agg"),
        *("group_concat", "listagg", "mode"),
    }
)
"""Aggregates whose value depends on the order of the rows, where no ORDER BY says it."""


@dataclass(frozen=True, slots=True)
class Functions:
    """What is known of functions by name, in lower case.

    Attributes:
        aggregates: Those that make one value of many rows.
        unclear: The macros that no rule looks into, since they call such functions.
    """

    aggregates: frozenset[str]
    unclear: frozenset[str] = frozenset()

    def aggregate(self, tree: Tree) -> bool:
        """Whether an expression makes one value of the rows of a group somewhere."""
        return any(
            it["class"] == "FUNCTION" and it["function_name"].lower() in self.aggregates
            for it in walk(tree)
        )

    def is_of_many_rows(self, tree: Tree) -> bool:
        """Whether other rows than its own decide an expression's value or number."""
        return any(
            it["class"] == "WINDOW"
            or (
                it["class"] == "FUNCTION"
                and ((name := it["function_name"].lower()) == "unnest" or name in self.aggregates)
            )
            for it in walk(tree)
        )

    def decided_by(self, tree: object, settings: Iterable[str]) -> Iterator[Tree]:
        """The largest parts of an expression that settings decide, each of one row of one source.

        The value of the expression is another only where one of them is.

        Raises:
            NoRuleError: one is in the body of a lambda, which has rows of its own.
        """
        if isinstance(tree, list):
            for part in tree:
                yield from self.decided_by(part, settings)
        elif isinstance(tree, dict) and not set(settings).isdisjoint(settings_in(tree)):
            if tree.get("class") == "LAMBDA":
                raise NoRuleError("a setting in a lambda")
            is_part = "class" in tree and not self.is_of_many_rows(tree)
            if is_part and len(sources_of(tree)) <= 1:
                yield tree
            else:
                for part in tree.values():
                    yield from self.decided_by(part, settings)

    def problem(self, part: Tree) -> str | None:
        """Why no rule covers a part of an expression, its own parts apart; None where one does."""
        name = part.get("function_name", "").lower()
        if part["class"] == "SUBQUERY":
            return "a subquery in an expression"
        if part["class"] == "STAR":
            return "a star in an expression"
        if name in self.unclear:
            return f"the macro {name}, which aggregates"
        is_call = part["class"] == "FUNCTION"
        if is_call and name in UNORDERED and not part["order_bys"]["orders"]:
            return f"{name} without ORDER BY"
        return None


def in_terms_of(tree: Tree, given: Sequence[Tree], names: Sequence[Tree]) -> Tree:
    """An expression that is a function of others, with what stands for each of these."""
    known = {identity(it): name for it, name in zip(given, names, strict=True)}

    found: Tree = rebuilt(tree, lambda part: known.get(identity(part)))
    return found


def is_function_of(tree: Tree, given: Iterable[Tree]) -> bool:
    """Whether the value of an expression follows from those of others."""
    known = {identity(it) for it in given}

    def follows(part: object) -> bool:
        if isinstance(part, list):
            return all(map(follows, part))
        if not isinstance(part, dict) or identity(part) in known:
            return True
        return part.get("class") not in ("COLUMN", "WINDOW") and all(map(follows, part.values()))

    return follows(tree)
