"""The rows of a table as the last event of each key leaves them, as SQL over its events in raw.

Events are ordered by their places in the log of the database; what has the same place, as one that
was delivered twice, by the names of the files and the places there. So it makes no difference when
a file arrives. What a large value is that an event does not say, the events before it do.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from benepass_tasks.catalog.datasets import ERASED_WORD, DeclaredSource
from benepass_tasks.catalog.events import COLUMNS, OP, POSITION, SNAPSHOT, UNSAID, key_of
from benepass_tasks.catalog.implied import PROVENANCE
from benepass_tasks.engine.quoting import quote_name, quote_relation, quote_text

LAST_READ: Final = ("last", "last_in_data_collection")
"""What the last event of a reading of the whole table says: whatever it lacks is gone."""

_IS_CURRENT: Final = (
    f"{OP} not in ('d', 't') and (_later = 0 or not _has_key) "
    f"and (_is_erased or ({POSITION} >= _emptied_at) is not false)"
)
"""What is left of somebody who was erased stays, though no later reading of the table has it."""


def with_current(source: DeclaredSource, raw: str) -> tuple[str, str]:
    """The CTEs of the base view of a source of events, and what its SELECT reads.

    Args:
        source: The source.
        raw: Its raw table.

    Returns:
        A WITH clause, and a FROM clause without its keyword.
    """
    return _ctes(source, quote_relation(raw)), "current_rows"


def replaced(source: DeclaredSource, raw: str) -> str:
    """A query of the events that are not in the base view: `_source_file` and `_row_number`.

    Later ones took their places, or what they are of is gone.
    """
    items = ", ".join(PROVENANCE)
    query = f"select {items} from events where ({_IS_CURRENT}) is not true"  # noqa: S608
    return f"{_ctes(source, quote_relation(raw))}{query}"


def count_of(source: DeclaredSource, rows: str) -> str:
    """A query of how many rows the table has after some events, a FROM clause."""
    return f"{_ctes(source, rows)}select count(*) from current_rows"  # noqa: S608


def is_emptying() -> str:
    """Whether an event says of all other rows that they are gone, as a condition."""
    last = ", ".join(map(quote_text, LAST_READ))
    return f"({OP} = 't' or ({OP} = 'r' and {SNAPSHOT} in ({last})))"


def as_last_said(source: DeclaredSource, columns: Iterable[str], rows: str) -> str:
    """Events of which each says in some columns what the last one of its key does.

    An event by which a row was deleted need not say what was in it.

    Args:
        source: The source.
        columns: The columns.
        rows: The FROM clause of the events.

    Returns:
        A FROM clause, without its keyword.
    """
    items = ", ".join(_last_said(quote_name(it)) for it in columns)
    window = f"{_newest_first(source, _BY_NAME)} rows between unbounded preceding and unbounded"
    return (
        f"(select * replace ({items}) from {rows} "  # noqa: S608
        f"window newest_first as ({window} following)) as last_said"
    )


def _last_said(text: str) -> str:
    said = f"if({OP} in ('d', 't') and {text} is null, null, {{'said': {text}}})"
    return f"(first_value({said} ignore nulls) over newest_first)['said'] as {text}"


_BY_NAME: Final = ("natural_order(_source_file) desc", "_source_file desc")


def _newest_first(source: DeclaredSource, files: Sequence[str]) -> str:
    """A window over the events of each key, of which the last comes first.

    Args:
        source: The source.
        files: What orders their files.
    """
    keys = ", ".join(map(quote_name, key_of(source)))
    order = [f"{POSITION} desc nulls last", f"{OP} = 'r'", *files, "_row_number desc"]
    return f"partition by {keys} order by {', '.join(order)}"


def _ctes(source: DeclaredSource, rows: str) -> str:
    keys = [quote_name(it) for it in key_of(source)]
    listed = ",\n".join(f"        {it}" for it in _items(source))
    names = ", ".join(map(quote_name, [*source.columns, *PROVENANCE]))
    return f"""\
with emptied as (
    select max({POSITION}) as _emptied_at
    from {rows}
    where {is_emptying()}
),

files as (
    select
        _source_file as _file,
        row_number() over (order by natural_order(_source_file), _source_file) as _file_place
    from (select distinct _source_file from {rows}) as named
),

events as (
    select
{listed},
        emptied._emptied_at,
        {" and ".join(f"{it} is not null" for it in keys)} as _has_key,
        {" or ".join(f"starts_with({it}, {quote_text(ERASED_WORD)})" for it in keys)} as _is_erased,
        row_number() over newest_first - 1 as _later
    from {rows} as written
    inner join files on written._source_file = files._file
    cross join emptied
    window newest_first as ({_newest_first(source, ["_file_place desc"])})
),

current_rows as (
    select {names}
    from events
    where {_IS_CURRENT}
)
"""  # noqa: S608 - the names are quoted


def _items(source: DeclaredSource) -> Iterator[str]:
    for name, column in source.columns.items():
        text = quote_name(name)
        if name in COLUMNS or name in key_of(source) or column.form.holds != "text":
            yield text
        else:
            yield _said_before(text)
    yield from map(quote_name, PROVENANCE)


def _said_before(text: str) -> str:
    """A value, or what it was when it was said the last time."""
    unsaid = quote_text(UNSAID)
    earlier = (
        f"first_value(nullif({text}, {unsaid}) ignore nulls) over "
        "(newest_first rows between current row and unbounded following)"
    )
    return f"if({text} = {unsaid}, coalesce({earlier}, {text}), {text}) as {text}"
