"""Since when somebody is missing, where each file of a source is a census of those who are there.

The files are ordered by their names, those of each part of the company apart. Whoever a file
lacks after the last one that has him vanished on the earliest day of those later ones; whoever was
in several parts has vanished once he has from each. Of a file that was replaced, the load keeps the
records of those whom no file has any more, with the day.
"""

from benepass_tasks.catalog.datasets import DeclaredSource
from benepass_tasks.engine.quoting import quote_relation, quote_text
from benepass_tasks.sqlmodels.canonical import canonical

VANISHED_ON = "coalesce(_vanished_on, _missing_since)"
"""The day, in the base view of such a source."""


def census_id(source: DeclaredSource) -> str:
    """Who a record of a raw table is of, as an expression: the id in its first column."""
    return f"clean_id({canonical(next(iter(source.columns.values())))})"


def part_of(source: DeclaredSource, file: str = "_source_file") -> str:
    """The part of the company that a census is of, as an expression over its file's name."""
    pattern = source.records.census_part
    return f"regexp_extract({file}, {quote_text(pattern)}, 1)" if pattern else "''"


def taken_on(source: DeclaredSource) -> str | None:
    """What orders the records of a census of parts, whose files are ordered by no name."""
    return "cast(_census_on as varchar)" if source.records.census_part else None


def with_vanished(source: DeclaredSource, raw: str) -> tuple[str, str]:
    """The CTEs of the base view of a source of censuses, and what its SELECT reads.

    Args:
        source: The source.
        raw: Its raw table.

    Returns:
        A WITH clause, and a FROM clause without its keyword.
    """
    table, id_, part = quote_relation(raw), census_id(source), part_of(source)
    ctes = f"""\
with records as (
    select *, {id_} as _census_id
    from {table}
),

censuses as (
    select
        _source_file,
        {part} as _part,
        max(_census_on) as _taken_on,
        row_number() over (
            partition by {part} order by natural_order(_source_file), _source_file
        ) as _place
    from records
    where _vanished_on is null
    group by _source_file
),

last_seen as (
    select records._census_id, censuses._part, max(censuses._place) as _place
    from records
    inner join censuses on records._source_file = censuses._source_file
    where records._vanished_on is null
    group by records._census_id, censuses._part
),

missing_of_part as (
    select last_seen._census_id, last_seen._part, min(censuses._taken_on) as _since
    from last_seen
    left join censuses
        on last_seen._part = censuses._part and last_seen._place < censuses._place
    group by last_seen._census_id, last_seen._part
),

missing as (
    select _census_id, max(_since) as _missing_since
    from missing_of_part
    group by _census_id
    having count(*) = count(_since)
)
"""  # noqa: S608 - the names are quoted
    return ctes, "records\nleft join missing on records._census_id = missing._census_id"
