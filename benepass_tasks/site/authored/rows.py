"""The rows of a page's queries, plain, in at most as many as a page holds."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import (
    Connection,
    Select,
    TextualSelect,
    case,
    column,
    func,
    select,
    text,
)
from sqlalchemy.exc import DBAPIError

from benepass_tasks.config.errors import SiteError
from benepass_tasks.engine.failures import explain
from benepass_tasks.site.authored.reading import PageFile, PageQuery, is_number, usual_kind
from benepass_tasks.site.page import MOST_ROWS, Kind, Row
from benepass_tasks.site.plain import plain


@dataclass(frozen=True, slots=True)
class QueryRows:
    """What a query gives.

    Attributes:
        query: The query.
        kinds: How its values are written, by column.
        rows: Its rows, the first `MOST_ROWS`.
        count: How many there are.
        folded: What the values are called together that have no rows of their own.
    """

    query: PageQuery
    kinds: Mapping[str, Kind]
    rows: Sequence[Row]
    count: int
    folded: str | None = None

    @property
    def is_whole(self) -> bool:
        """Whether its rows may be added up."""
        return self.count == len(self.rows)


def read_rows(connection: Connection, page: PageFile, query: PageQuery) -> QueryRows:
    """Run a query over what is published.

    Raises:
        SiteError: DuckDB cannot; the message quotes no value of the data.
    """
    types = query.query.types.items()
    kinds = {name: page.front.kind_of(name, usual_kind(name, type_)) for name, type_ in types}
    try:
        rows: Sequence[Any] = connection.execute(_first(query)).mappings().all()
        if len(rows) <= MOST_ROWS:
            return QueryRows(query, kinds, _plain(rows, kinds), len(rows))
        if query.fold is not None:
            rows = connection.execute(_folded(query, query.fold, str(query.by))).mappings().all()
            names = (str(row[query.fold]) for row in rows if row["is_folded"])
            return QueryRows(query, kinds, _plain(rows, kinds), len(rows), next(names, None))
        every = select(func.count()).select_from(_found(query).subquery())
        count = connection.execute(every).scalar_one()
    except DBAPIError as error:
        # Without the cause: its text may quote a value of the data.
        raise SiteError(f"{page.path}:{query.line}: {query.name}: {explain(error)}") from None
    return QueryRows(query, kinds, _plain(rows[:MOST_ROWS], kinds), count)


def _first(query: PageQuery) -> Select[Any]:
    """The rows that a page holds, and one more where there is one.

    Rows in no order are in that of their values, so that pages are repeatable. The limit is a part
    of the statement: of a million rows only as many are sorted and held.
    """
    rows = _found(query).subquery()
    order = () if query.query.is_ordered else rows.c
    return select(rows).order_by(*order).limit(MOST_ROWS + 1)


def _found(query: PageQuery) -> TextualSelect:
    # A colon would begin a parameter.
    escaped = re.sub(r"([:\\])", r"\\\1", query.query.model.sql)
    return text(escaped).columns(*map(column, query.query.types))


def _folded(query: PageQuery, fold: str, by: str) -> Select[Any]:
    """The sums of the rows for all combinations of what is not a number, at most `MOST_ROWS`.

    The values of one column with the least of a measure are one value, as many as it takes.
    """
    types, found = query.query.types, _found(query).cte("found")
    numbers = [name for name, type_ in types.items() if is_number(type_)]
    names = [name for name in types if name not in numbers]
    sized = select(
        found.c[fold].label("name"), func.sum(found.c[by]).label("size"), func.count().label("rows")
    ).group_by(found.c[fold])
    size = sized.cte("sizes").c
    others = select(*(found.c[it] for it in names if it != fold)).distinct().subquery()
    cells = select(func.count()).select_from(others).scalar_subquery()
    so_far = func.sum(size.rows).over(order_by=(size.size.desc(), size.name))
    kept = select(size.name, (so_far + cells <= MOST_ROWS).label("is_kept")).cte("kept")
    count = select(func.count()).where(~kept.c.is_kept).scalar_subquery()
    one = func.format("Other ({:,})", count)
    shown = case((kept.c.is_kept, found.c[fold]), else_=one).label(fold)
    placed = (
        select(
            *(shown if it == fold else found.c[it] for it in types),
            (~kept.c.is_kept).label("is_folded"),
        )
        .join_from(found, kept, found.c[fold].is_not_distinct_from(kept.c.name))
        .cte("placed")
        .c
    )
    summed = (func.sum(placed[it]).label(it) for it in numbers)
    dimensions = [*(placed[it] for it in names), placed.is_folded]
    return select(*dimensions, *summed).group_by(*dimensions).order_by(*dimensions)


def _plain(rows: Sequence[Any], kinds: Mapping[str, Kind]) -> list[Row]:
    return [{name: _value(row[name], kind) for name, kind in kinds.items()} for row in rows]


def _value(value: object, kind: Kind) -> object:
    found = plain(value)
    if isinstance(found, list):
        return ", ".join(map(str, found))
    if isinstance(found, bool):
        return "yes" if found else "no"
    length = {"month": 7, "date": 10}.get(kind)
    return found[:length] if length and isinstance(found, str) else found
