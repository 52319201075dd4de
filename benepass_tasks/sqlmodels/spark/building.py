"""Parts of Spark's SQL, and the register of what is rewritten."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import TypeVar

from sqlglot import exp

from benepass_tasks.catalog.implied import PROVENANCE
from benepass_tasks.sqlmodels.spark.refused import RefusedError


@dataclass(frozen=True, slots=True)
class Columns:
    """The columns around a model, in DuckDB's types.

    Attributes:
        read: Those of all tables that it reads, by name; None where two of a name differ in type.
        never_null: The names of those that hold a value in every row.
        made: Its own, in their order.
    """

    read: Mapping[str, str | None]
    never_null: frozenset[str]
    made: Mapping[str, str]

    @classmethod
    def of(cls, read: Iterable[Mapping[str, str]], made: Mapping[str, str]) -> "Columns":
        """The columns of the tables that a model reads, and its own."""
        types = dict[str, set[str]]()
        for name, kind in (it for columns in read for it in columns.items()):
            types.setdefault(name, set()).add(kind)
        known = {name: next(iter(it)) if len(it) == 1 else None for name, it in types.items()}
        return cls(known, frozenset(PROVENANCE), made)


N = TypeVar("N", bound=exp.Expr)
Rewrite = Callable[[N, Columns], exp.Expr]

REWRITES: dict[type[exp.Expr], list[Callable[..., exp.Expr]]] = {}
"""What is done with each kind of node, one after the other while the kind stays the same."""

FUNCTIONS: dict[str, Callable[[exp.Anonymous, Columns], exp.Expr]] = {}
"""What is done with functions that sqlglot has no kind for, by their names."""


def rewrites(*kinds: type[N]) -> Callable[[Rewrite[N]], Rewrite[N]]:
    """Register what becomes of kinds of nodes; it may refuse them."""

    def register(rewrite: Rewrite[N]) -> Rewrite[N]:
        for kind in kinds:
            REWRITES.setdefault(kind, []).append(rewrite)
        return rewrite

    return register


def function(name: str) -> Callable[[Rewrite[exp.Anonymous]], Rewrite[exp.Anonymous]]:
    """Register what becomes of the calls of a function."""

    def register(rewrite: Rewrite[exp.Anonymous]) -> Rewrite[exp.Anonymous]:
        FUNCTIONS[name] = rewrite
        return rewrite

    return register


def call(name: str, *given: exp.Expr) -> exp.Anonymous:
    """A call of one of Spark's functions, as it is written."""
    return exp.Anonymous(this=name, expressions=list(given))


def text(value: str) -> exp.Literal:
    """A text."""
    return exp.Literal.string(value)


def number(value: int) -> exp.Expr:
    """A whole number."""
    return exp.Literal.number(value)


def spark_type(kind: str) -> exp.DataType:
    """A type in Spark's words."""
    return exp.DataType.build(kind, dialect="spark")


def cast(node: exp.Expr, kind: str) -> exp.Cast:
    """A cast to a type in Spark's words."""
    return exp.Cast(this=node, to=spark_type(kind))


def try_cast(node: exp.Expr, kind: str) -> exp.TryCast:
    """A cast that gives NULL where it fails, which sqlglot writes so where it is called safe."""
    return exp.TryCast(this=node, to=spark_type(kind), safe=True)


def case(*branches: tuple[exp.Expr, exp.Expr], default: exp.Expr | None = None) -> exp.Case:
    """A CASE of conditions with what follows from them."""
    ifs = [exp.If(this=condition, true=value) for condition, value in branches]
    return exp.Case(ifs=ifs, default=default)


def is_null(node: exp.Expr) -> exp.Is:
    """Whether a value is missing; Spark cannot read `x is null is null`."""
    return exp.Is(this=exp.paren(node, copy=False), expression=exp.Null())


def constant(node: exp.Expr) -> str:
    """The text that literals make, put together or repeated.

    Raises:
        RefusedError: it depends on data.
    """
    match node:
        case exp.Paren():
            return constant(node.this)
        case exp.Literal():
            return str(node.this)
        case exp.DPipe():
            return constant(node.this) + constant(node.expression)
        case exp.Anonymous() if node.name == "concat":
            return "".join(map(constant, node.expressions))
        case exp.Repeat():
            return constant(node.this) * int(constant(node.args["times"]))
        case exp.Chr():
            return chr(int(constant(node.expressions[0])))
        case _:
            raise RefusedError(node, "it has to be a text that is written out")
