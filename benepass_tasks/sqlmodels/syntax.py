"""SQL texts as tokens and as trees, in DuckDB's dialect."""

from collections.abc import Sequence
from functools import lru_cache

from sqlglot import exp
from sqlglot.dialects.dialect import Dialect
from sqlglot.tokens import Token

_DUCKDB = Dialect.get_or_raise("duckdb")

REMEMBERED = 512
"""How many texts are remembered: what a model reads and what its columns derive from are asked one
after the other, and parsing is most of the work of either."""


def tokenize(sql: str) -> list[Token]:
    """The tokens of a text.

    Raises:
        SqlglotError: the text is no SQL.
    """
    return list(_tokens_of(sql))


@lru_cache(REMEMBERED)
def _tokens_of(sql: str) -> tuple[Token, ...]:
    return tuple(_DUCKDB.tokenize(sql))


@lru_cache(REMEMBERED)
def trees_of(sql: str) -> Sequence[exp.Expr]:
    """The statements of a text. They are shared: nobody may change them.

    Raises:
        SqlglotError: the text is no SQL.
    """
    parsed = _DUCKDB.parser().parse(tokenize(sql), sql)
    return tuple(tree for tree in parsed if tree is not None)
