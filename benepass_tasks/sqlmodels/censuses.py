"""Since when somebody is missing, where each file of a source is a census of those who are there.

The files are ordered by their names. Whoever a file lacks after the last one that has him vanished
on the earliest day of those later ones. Of a file that was replaced, the load keeps the records of
those whom no file has any more, with the day.
"""

from benepass_tasks.catalog.datasets import DeclaredSource
from benepass_tasks.engine.quoting import quote_relation
from benepass_tasks.sqlmodels.canonical import canonical

VANISHED_ON = "coalesce(_vanished_on, _missing_since)"
"""The day, in the base view of such a source."""


def census_id(source: DeclaredSource) -> str:
    """Who a record of a raw table is of, as an expression: the id in its first column."""
    return f"clean_id({canonical(next(iter(source.columns.values())))})"


def with_vanished(source: DeclaredSource, raw: str) -> tuple[str, str]:
    """The CTEs of the base view of a source of censuses, and what its SELECT reads.

    Args:
        source: The source.
        raw: Its raw table.

    Returns:
        A WITH clause, and a FROM clause without its keyword.
    """
    table, id_ = quote_relation(raw), census_id(source)
    ctes = f"""\
with records as (
    select *, {id_} as _census_id
    from {table}
),

censuses as (
    select
        _source_file,
        max(_census_on) as _taken_on,
        row_number() over (order by natural_order(_source_file), _source_file) as _place
    from records
    where _vanished_on is null
    group by _source_file
),

last_seen as (
    select records._census_id, max(censuses._place) as _place
    from records
    inner join censuses on records._source_file = censuses._source_file
    where records._vanished_on is null
    group by records._census_id
),

missing as (
    select last_seen._census_id, min(censuses._taken_on) as _missing_since
    from last_seen
    inner join censuses on last_seen._place < censuses._place
    group by last_seen._census_id
)
"""  # noqa: S608 - the names are quoted
    return ctes, "records\nleft join missing on records._census_id = missing._census_id"
