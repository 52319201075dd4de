"""Names and texts as SQL has them quoted; what only writes SQL needs no DuckDB for it."""


def quote_name(*parts: str) -> str:
    """A possibly qualified identifier, quoted for SQL."""
    return ".".join('"' + part.replace('"', '""') + '"' for part in parts)


def quote_relation(relation: str) -> str:
    """A relation written as `layer.table`, quoted for SQL."""
    return quote_name(*relation.split(".", 1))


def quote_text(value: str) -> str:
    """A text as a SQL literal."""
    return "'" + value.replace("'", "''") + "'"
