"""A SQL text as a syntax tree whose nodes know their line, and that lacks nothing of the text."""

from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import zip_longest

from sqlglot import exp
from sqlglot.tokens import Token, TokenType

from benepass_tasks.sqlmodels.lineage.problems import UntraceableError
from benepass_tasks.sqlmodels.syntax import tokenize, trees_of

NAMES = (TokenType.VAR, TokenType.IDENTIFIER)


def parse(sql: str, names: Iterable[str]) -> exp.Expr:
    """Parse one statement.

    Args:
        sql: The text, comments included, so that lines are those of the file.
        names: The columns that the text may mean, in lower case; each time one is written, it must
            be in the tree.

    Raises:
        UntraceableError: the tree is not the whole text.
        SqlglotError: the text is no SQL.
    """
    tokens, trees = tokenize(sql), trees_of(sql)
    if len(trees) != 1:
        raise UntraceableError(1, f"{len(trees)} statements", "write one SELECT a file")
    _refuse_tokens(tokens)
    _refuse_losses(tokens, trees[0], frozenset(names))
    return trees[0]


def line_of(node: exp.Expr) -> int:
    """The line a node begins on, or else the one of what it stands in."""
    place: exp.Expr | None = node
    while place is not None:
        lines = [part.meta["line"] for part in place.walk() if "line" in part.meta]
        if lines:
            return int(min(lines))
        place = place.parent
    return 1


def text_of(node: exp.Expr) -> str:
    """A node as SQL, short enough for a message."""
    text = " ".join(node.sql("duckdb", comments=False).split())
    limit = 40
    return text if len(text) <= limit else f"{text[:limit]}..."


def function_name(node: exp.Expr) -> str:
    """The name of the function that a node calls, in lower case; empty where it calls none."""
    if isinstance(node, exp.Anonymous):
        return str(node.name).lower()
    return str(node.sql_name()).lower() if isinstance(node, exp.Func) else ""


def function_names(node: exp.Expr) -> frozenset[str]:
    """All names in lower case by which the function that a node calls may have been called."""
    if isinstance(node, exp.Func) and not isinstance(node, exp.Anonymous):
        return frozenset(name.lower() for name in node.sql_names())
    return frozenset({function_name(node)})


def arguments(node: exp.Expr) -> set[str]:
    """The names of the parts that a node really has; one that Python reserves without its _."""
    return {
        name.removesuffix("_")
        for name, value in node.args.items()
        if value not in (None, False, [])
    }


def part(node: exp.Expr, name: str) -> exp.Expr | None:
    """One part of a node, by the name `arguments` gives it; None where it has none."""
    found = node.args.get(name) or node.args.get(f"{name}_")
    return found if isinstance(found, exp.Expr) else None


def parts(node: exp.Expr, name: str) -> list[exp.Expr]:
    """A part of a node that is a list; empty where it has none."""
    return list(node.args.get(name) or node.args.get(f"{name}_") or ())


def _refuse_tokens(tokens: Sequence[Token]) -> None:
    for token in tokens:
        if token.token_type in MISREAD:
            raise UntraceableError(token.line, *MISREAD[token.token_type])
        if token.token_type in NAMES and not token.text.isascii():
            # DuckDB folds the case of ASCII alone, and so two names could be taken for one.
            raise UntraceableError(
                token.line, f"the name {token.text}", "write names in ASCII letters"
            )


MISREAD = {
    TokenType.ARROW: (
        "->",
        "write lambda x: ... for a lambda, and json_extract(value, path) for JSON",
    ),
    TokenType.DARROW: ("->>", "write json_extract_string(value, path)"),
    TokenType.CARET_AT: ("^@", "write starts_with(text, beginning)"),
}
"""Operators that bind in DuckDB in another way than in the tree."""


def _refuse_losses(tokens: Sequence[Token], tree: exp.Expr, names: frozenset[str]) -> None:
    """What the parser builds for a call may leave arguments out; then a column would be missed."""
    written: dict[str, list[int]] = {}
    names |= {alias.alias.lower() for alias in tree.find_all(exp.Alias)}
    names |= {it.name.lower() for alias in tree.find_all(exp.TableAlias) for it in alias.columns}
    for token, following in zip_longest(tokens, tokens[1:]):
        # Before a parenthesis it is the name of a function, as in `count(*) as count`.
        is_call = following is not None and following.token_type is TokenType.L_PAREN
        is_text = token.token_type is TokenType.STRING
        if token.text.lower() in names and not is_call and not is_text:
            written.setdefault(token.text.lower(), []).append(token.line)
    kept = Counter(str(node.this).lower() for node in tree.walk() if _keeps_name(node))
    kept += Counter(node.sql("duckdb").lower() for node in tree.find_all(exp.DataType))
    for name, lines in written.items():
        if len(lines) > kept[name]:
            raise UntraceableError(
                lines[-1],
                f"{name} is written {len(lines)} times, of which {kept[name]} are understood",
                "write the calls that it stands in with other functions",
            )


def _keeps_name(node: exp.Expr) -> bool:
    """Whether a node stands for a name in the text; a unit does only where no column can be."""
    if isinstance(node, exp.Var):
        return isinstance(node.parent, exp.Interval | exp.Extract | exp.Collate)
    return isinstance(node, exp.Identifier)
