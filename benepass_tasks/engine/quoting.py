"""Names and texts as SQL has them; what only writes SQL needs no DuckDB for it."""


def quote_name(*parts: str) -> str:
    """A possibly qualified identifier, quoted for SQL."""
    return ".".join('"' + part.replace('"', '""') + '"' for part in parts)


def quote_relation(relation: str) -> str:
    """A relation written as `layer.table`, quoted for SQL."""
    return quote_name(*relation.split(".", 1))


def quote_text(value: str) -> str:
    """A text as a SQL literal."""
    return "'" + value.replace("'", "''") + "'"


def month_of(column: str) -> str:
    """The first day of the month that a column of dates or instants is in, as SQL."""
    return f"cast(date_trunc('month', {quote_name(column)}) as date)"
