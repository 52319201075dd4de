"""SQL with its words told apart, letter for letter as it is in the file."""

import io

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
    # Not through get_tokens, which changes ends of lines.
    tokens = ((kind, text) for _, kind, text in _LEXER.get_tokens_unprocessed(sql))
    html = io.StringIO()
    _FORMATTER.format(tokens, html)
    # The formatter closes its marks at each end of a line, and adds one after the last.
    lines = html.getvalue().removesuffix("\n").split("\n")
    if sql.endswith("\n"):
        lines.append("")
    numbered = (
        Markup('<span class="line" id="{}-{}">{}</span>').format(name, number, Markup(line))  # noqa: S704 - the formatter's
        for number, line in enumerate(lines, 1)
        if line or number < len(lines)
    )
    end = "\n" if sql.endswith("\n") else ""
    return Markup("\n").join(numbered) + end
