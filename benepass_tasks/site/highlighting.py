"""SQL with its words told apart, letter for letter as it is in the file."""

import io
from collections.abc import Sequence
from functools import cache

from markupsafe import Markup
from pygments.formatters import HtmlFormatter
from pygments.lexers import PostgresLexer

_LEXER = PostgresLexer()
_FORMATTER = HtmlFormatter(nowrap=True)


def highlighted(sql: str, name: str) -> Markup:
    """A SQL text as HTML, each line with a number and an id.

    Args:
        sql: The text.
        name: What the ids of the lines begin with: `sql` makes `sql-1`.
    """
    *lines, rest = _lines(sql)
    numbered = [_line(name, number, line) for number, line in enumerate(lines, 1)]
    last = [_line(name, len(lines) + 1, rest)] if rest else [Markup()]
    return Markup("\n").join([*numbered, *last])


@cache  # Of a macro there is a copy on the page of each table that it is called for.
def _lines(sql: str) -> Sequence[str]:
    """The lines of a text as HTML; the last one is empty where a line end is before it."""
    # Not through get_tokens, which changes ends of lines.
    tokens = ((kind, text) for _, kind, text in _LEXER.get_tokens_unprocessed(sql))
    html = io.StringIO()
    _FORMATTER.format(tokens, html)
    # The formatter closes its marks at each end of a line, and ends the last line if need be.
    return html.getvalue().removesuffix("" if sql.endswith("\n") else "\n").split("\n")


def _line(name: str, number: int, html: str) -> Markup:
    made = Markup('<span class="line" id="{}-{}">{}</span>')
    return made.format(name, number, Markup(html))  # noqa: S704 - the formatter has escaped it
