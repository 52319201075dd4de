"""What was written, held against the declaration, the warehouse and the raw values of the sources.

Each raises before anything takes its place, so that what was published before stays.
"""

from itertools import starmap

from benepass_tasks.config.errors import PublicationError
from benepass_tasks.engine.quoting import quote_name, quote_text
from benepass_tasks.engine.session import ALIAS, Run
from benepass_tasks.state.publication import Publication, PublishedTable

SECRETS = "published_secrets"
"""The temporary table of the values that must not be published."""

SECRET = {"EMAIL_ADDRESS": r"[\pL\pN].*@."}
"""What a value looks like that must not be published, by kind; of another kind, any value does.

An address that is only `n/a`, or that came in masked, gives nobody away.
"""


def check_table(run: Run, table: PublishedTable) -> int:
    """Compare a written table with the declaration and with the warehouse; its number of rows.

    Raises:
        PublicationError: its columns are others, or rows are missing.
    """
    written = table.written
    check_columns(run, table, written)
    found = quote_name(ALIAS, table.table.layer, table.table.name)
    rows, expected = run(
        f"select (select count(*) from {written}), (select count(*) from {found})"  # noqa: S608
    )[0]
    check_rows(table.relation, rows, expected)
    return int(rows)


def check_columns(run: Run, table: PublishedTable, written: str) -> None:
    """Compare the columns of what SQL names `written` with the declaration of a table.

    Raises:
        PublicationError: they are others, in another order, or of other types.
    """
    found = [(name, kind) for name, kind, *_ in run(f"describe from {written}")]
    declared = [(column.name, column.type) for column in table.columns]
    for (name, kind), (_, expected) in zip(found, declared, strict=False):
        if kind != expected:
            raise PublicationError(
                f"{table.relation}.{name} is {kind}, and catalog.yaml declares {expected}: "
                "change one of them. Nothing was published"
            )
    if found != declared:
        raise PublicationError(f"{table.relation} would not be published as catalog.yaml declares")


def check_rows(what: str, rows: int, expected: int) -> None:
    """Compare how many rows of a table, or of a month of it, were written with how many there are.

    Raises:
        PublicationError: it is another number.
    """
    if rows != expected:
        raise PublicationError(
            f"{what}: the warehouse has {expected:,} rows, and {rows:,} were written. "
            "Nothing was published"
        )


def check_secrets(run: Run, publication: Publication) -> None:
    """Look for raw identifiers in every text that is to be published.

    Raises:
        PublicationError: some are there; the message has their columns and numbers, no value.
    """
    if not publication.secrets:
        return
    secrets = "\nunion ".join(starmap(_secret_values, publication.secrets))
    run(f"create or replace temp table {SECRETS} as {secrets}")
    try:
        found = [
            row for table in publication.tables.values() for row in run(_search(table)) if row[-1]
        ]
    finally:
        run(f"drop table temp.{SECRETS}")
    if found:
        raise PublicationError(
            "personal data would be published as the files have it: "
            + "; ".join(f"{column} has {kind} in {rows:,} rows" for column, kind, rows in found)
            + ". Nothing was published: mask it in the SQL, or correct the files"
        )


def _secret_values(relation: str, column: str, kind: str) -> str:
    layer, _, name = relation.partition(".")
    value = f"lower(trim({quote_name(column)}))"
    pattern = quote_text(SECRET.get(kind, "."))
    return (
        f"select {quote_text(kind)} as kind, {value} as value "  # noqa: S608
        f"from {quote_name(ALIAS, layer, name)} where regexp_matches({value}, {pattern})"
    )


def _search(table: PublishedTable) -> str:
    """SQL that counts the rows of each text column that has a secret value."""
    searches = []
    for column in table.columns:
        name = quote_name(column.name)
        if column.type.startswith("VARCHAR"):
            value = f"unnest({name})" if column.type.endswith("[]") else name
            searches.append(
                f"select {quote_text(f'{table.relation}.{column.name}')}, kind, count(*) "  # noqa: S608
                f"from (select {value} as text from {table.written}) "
                f"join temp.{SECRETS} on lower(trim(text)) = value group by kind"
            )
    return "\nunion all ".join(searches) or "select 0 limit 0"
