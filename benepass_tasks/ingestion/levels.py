"""Whether the amounts of a file are all so many times those before, as in another unit or currency.

Those before are of another load, or, where a file is of two parts, of the part before.

The first records of a file and the last ones are compared with those of its last load, or else of
the file before it by name. Of records that came before, one and the same factor tells; of others
the middle amount, which has to be far from that before.
"""

import math
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, TypeAlias

from sqlalchemy import Connection

from benepass_tasks.catalog import Source
from benepass_tasks.catalog.wording import printable
from benepass_tasks.engine.quoting import quote_name, quote_relation, quote_text
from benepass_tasks.engine.tables import engine_of
from benepass_tasks.ingestion.guards import SMALL, Trip
from benepass_tasks.ingestion.raw_rows import RawRows
from benepass_tasks.ingestion.steps import FEWEST as LEAST
from benepass_tasks.ingestion.steps import find_step, place_of
from benepass_tasks.sqlmodels.canonical import READING, canonical, foreign_currency
from benepass_tasks.sqlmodels.made_columns import made_canonical, with_parts
from benepass_tasks.state.markers import Load
from benepass_tasks.state.source_files import in_order

LOOKED_AT = 20_000
"""Records from the beginning of a file, and from its end, that are compared: a unit is that of all
its amounts, or of all from where files were put together."""

SPREAD = 2_000
"""Records from all over a file among which a step is looked for."""

FEWEST = 2
"""Amounts that have a level: one alone has none."""

ALIKE = 0.01
"""How far the logarithms of factors may lie apart that are the same: amounts are rounded."""

OF_CHARGES, OF_OTHERS = 1.02, 1.5
"""`max_factor` where nothing is said: what was charged stays what it was, allowances may rise."""

SIZES = "_sizes"
"""A table of the session: the size of each amount that is compared, and the id of its record."""

Loads: TypeAlias = Mapping[Load, Load | None]
"""New loads, each with the earlier one of its file."""

_COMPARED = f"""
with new as (select id, size from {SIZES} where file = ? and load_id = ? and is_later = ?),

old as (select id, size from {SIZES} where file = ? and load_id = ?),

again as (select ln(new.size / old.size) as factor from new inner join old on new.id = old.id)

select
    (select count(*) from new),
    (select quantile_cont(size, [0.25, 0.5, 0.75]) from new),
    (select count(*) from old),
    (select quantile_cont(size, [0.25, 0.5, 0.75]) from old),
    (select count(*) from again),
    (select median(factor) from again),
    (select mad(factor) from again)
"""  # noqa: S608 - the name is ours


@dataclass(frozen=True, slots=True)
class Comparison:
    """The sizes of the amounts of two loads, of a column.

    Attributes:
        new: How many there are that are not zero.
        quartiles: Their quartiles; None where there are none.
        old: The same of the load before.
        old_quartiles: The quartiles of that.
        again: How many of the new ones are of records that were in the load before.
        factor: The logarithm of how many times what they were those are, in the middle.
        spread: How far half of them are from that at most.
    """

    new: int
    quartiles: Sequence[float] | None
    old: int
    old_quartiles: Sequence[float] | None
    again: int
    factor: float | None
    spread: float | None

    @property
    def is_resend(self) -> bool:
        """Whether its records say enough that came before."""
        return self.again >= FEWEST and self.again >= min(SMALL, self.new / 2)

    def rescaled(self, limit: float) -> float | None:
        """The factor that most records have that came before, where it is beyond a limit."""
        if not self.is_resend or self.factor is None or (self.spread or 0) > ALIKE:
            return None
        return _beyond(self.factor, limit)

    def level(self, limit: float) -> float | None:
        """How many times the middle amount before the new one is, where that is beyond a limit.

        What overlaps is not told apart. Of two or three amounts the square is the limit, since the
        purchases of one day may well be ten times those of another.
        """
        fewest = min(self.new, self.old)
        if fewest < FEWEST or not self.quartiles or not self.old_quartiles:
            return None
        (low, middle, high), (old_low, old_middle, old_high) = self.quartiles, self.old_quartiles
        if self.again > self.new / 2 or (low <= old_high and old_low <= high):
            return None
        return _beyond(math.log(middle / old_middle), limit if fewest >= SMALL else limit**2)


@dataclass(frozen=True, slots=True)
class Levels(RawRows):
    """The amounts of the files of a source."""

    def can_tell(self, loads: Loads, others: Collection[Load]) -> bool:
        """Whether there is anything to compare, and the macros to read it."""
        if _is_first(loads, others) and not any(map(_may_have_step, loads)):
            return False
        is_read = {it.name for it in self.macros} >= READING
        return is_read and any(compared_amounts(self.source))

    def shifts(
        self, connection: Connection, loads: Loads, others: Collection[Load]
    ) -> dict[str, list[Trip]]:
        """Tell which files have amounts of another level than those before, or from a record on.

        Args:
            connection: A session that may write, in which the rows of all these loads are in raw.
            loads: What was loaded.
            others: The loads of other files of the source.

        Returns:
            The guards that stand against files, by file, with the figures; no amount is in them.
        """
        self.define_macros(connection)
        found: dict[str, list[Trip]] = {}
        for column, sql in compared_amounts(self.source):
            trips = [*self._steps(connection, column, sql, loads)]
            if not _is_first(loads, others):
                with self._sizes(connection, sql, loads, others):
                    trips += self._trips(connection, column, loads, others)
            for file, trip in trips:
                found.setdefault(file, []).append(trip)
        return found

    def _steps(
        self, connection: Connection, column: str, sql: str, loads: Collection[Load]
    ) -> Iterator[tuple[str, Trip]]:
        """Tell from which record on the amounts of a file are of another unit than those before."""
        limit = self.source.guards.max_level
        for load in filter(_may_have_step, loads):
            every = math.ceil(load.records / SPREAD)
            known = self._in_order(connection, sql, load, f"_row_number % {every} = 0")
            step = find_step([size for _, size, *_ in known], [*zip(*known, strict=True)][2:])
            if step is None or _beyond(math.log(step.factor), limit) is None:
                continue
            last, first = known[step.place - 1][0], known[step.place][0]
            between = f"_row_number between {last} and {first}"
            near = self._in_order(connection, sql, load, between)
            row = near[place_of([size for _, size, *_ in near], step.middle)][0]
            yield (
                load.file,
                Trip(
                    "max_level",
                    f"from record {row:,} on its amounts in {column} are about {step.factor:g} "
                    f"times those before, and max_level is {limit:g}",
                ),
            )

    def _in_order(
        self, connection: Connection, sql: str, load: Load, which: str
    ) -> Sequence[Sequence[Any]]:
        """The number of each record that has an amount, its size, and what it is of."""
        own, source = self.source.id_column, self.source
        kinds = [
            quote_name(it.name)
            for it in source.columns.values()
            if it.form.holds == "text" and it.name not in (own, *source.parts)
        ]
        rows = f"(select * from {quote_relation(self.relation)} where {_in([load])} and {which})"  # noqa: S608
        query = self._amounts(sql, rows, ["_row_number as number"], kinds)
        return connection.exec_driver_sql(f"{query} order by number").all()

    def _trips(
        self, connection: Connection, column: str, loads: Loads, others: Collection[Load]
    ) -> Iterator[tuple[str, Trip]]:
        """Judge each file by the last one before it that nothing stands against."""
        good = list(others)
        for new in sorted(loads, key=_by_name):
            old = loads[new] or _before(good, new)
            trip = self._first_trip(connection, column, new, old) if old else None
            if trip:
                yield new.file, trip
            else:
                good.append(new)

    def _first_trip(self, connection: Connection, column: str, new: Load, old: Load) -> Trip | None:
        parts = ("its first", "its last") if new.records > LOOKED_AT else ("its",)
        for is_later, part in enumerate(parts):
            values = (new.file, new.load_id, bool(is_later), old.file, old.load_id)
            found = Comparison(*connection.exec_driver_sql(_COMPARED, values).one())
            if trip := self._trip(f"{part} {found.new:,} amounts in {column}", found, new, old):
                return trip
        return None

    def _trip(self, amounts: str, found: Comparison, new: Load, old: Load) -> Trip | None:
        guards, before = self.source.guards, "its last load"
        usual = OF_CHARGES if self.source.records.resends == "supersede" else OF_OTHERS
        limit = guards.max_factor or usual
        if old.file != new.file:
            before = printable(old.file)
        if factor := found.rescaled(limit):
            figures = (
                f"{found.again:,} of {amounts} are of records that are in {before}, and "
                f"{factor:.4g} times what they were there; max_factor is "
                f"{limit:g}"
            )
            return Trip("max_factor", figures)
        if factor := found.level(guards.max_level):
            figures = (
                f"{amounts} are about {factor:.4g} times those of {before}, and "
                f"max_level is {guards.max_level:g}"
            )
            return Trip("max_level", figures)
        return None

    @contextmanager
    def _sizes(
        self, connection: Connection, sql: str, loads: Loads, others: Collection[Load]
    ) -> Iterator[None]:
        """Have the amounts that are compared in a table of the session."""
        engine = engine_of(connection)
        before = (earlier or _before(others, new) for new, earlier in loads.items())
        compared = {*loads, *filter(None, before)}
        engine.make_small(SIZES, self._query(sql, loads, compared))
        try:
            yield
        finally:
            engine.drop_small([SIZES])

    def _query(self, sql: str, loads: Collection[Load], compared: Collection[Load]) -> str:
        raw, key = quote_relation(self.relation), quote_name(self.source.id_column)
        rows = f"""(
            select * from {raw}
            where {_in(compared)} and (
                {_looked_at(compared)}
                or {key} in (select {key} from {raw} where {_in(loads)} and ({_looked_at(loads)}))
            )
        )"""  # noqa: S608 - the names are quoted
        named = [
            "_source_file as file",
            "_dlt_load_id as load_id",
            f"_row_number > {LOOKED_AT} as is_later",
            f"{key} as id",
        ]
        return self._amounts(sql, rows, named)

    def _amounts(
        self, sql: str, rows: str, first: Sequence[str], others: Sequence[str] = ()
    ) -> str:
        """The query of the `size` of each amount of some rows, between what else is asked of it."""
        size = f"abs(cast(money(clean_text({sql})) as double)) as size"
        return f"""
            select * from (
                select {", ".join([*first, size, *others])}
                from {with_parts(self.source, rows)}
                where {foreign_currency(self.source)} is null
            )
            where size > 0"""  # noqa: S608 - the names are quoted


def compared_amounts(source: Source) -> Iterator[tuple[str, str]]:
    """The columns whose amounts are compared, with the expression of their canonical form.

    Those that files may lack are not: a balance doubles where nobody spends, and begins anew.
    """
    for column in source.made.values():
        if column.form.holds == "amount":
            yield column.name, made_canonical(column)
    for column in source.columns.values():
        if column.form.holds == "amount" and column.required:
            yield column.name, canonical(column)


def _is_first(loads: Loads, others: Collection[Load]) -> bool:
    """Whether there is but one load."""
    return not others and len(loads) == 1 and not any(loads.values())


def _may_have_step(load: Load) -> bool:
    return load.parsed >= 2 * LEAST


def _in(loads: Collection[Load]) -> str:
    files, ids = ({getattr(it, of) for it in loads} for of in ("file", "load_id"))
    listed = (", ".join(map(quote_text, sorted(it))) for it in (files, ids))
    return "_source_file in ({}) and _dlt_load_id in ({})".format(*listed)


def _looked_at(loads: Collection[Load]) -> str:
    """The condition of the first and the last records of loads."""
    ends = (
        f"or (_row_number > {it.records - LOOKED_AT} and {_in([it])})"
        for it in sorted(loads, key=_by_name)
        if it.records > LOOKED_AT
    )
    return " ".join([f"_row_number <= {LOOKED_AT}", *ends])


def _by_name(load: Load) -> tuple[list[str], str]:
    return in_order(load.file), load.file


def _before(good: Collection[Load], new: Load) -> Load | None:
    """The last of them before a file by name, or else the first after it."""
    earlier = [it for it in good if _by_name(it) < _by_name(new)]
    return max(earlier, key=_by_name) if earlier else min(good, key=_by_name, default=None)


def _beyond(logarithm: float, limit: float) -> float | None:
    """A factor, where it or its inverse is more than a limit."""
    return math.exp(logarithm) if abs(logarithm) > math.log(limit) + 1e-9 else None
