"""Building a table or view from its SQL: by the changes of what it reads, or in full."""

from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import date
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

from benepass_tasks.catalog import Table
from benepass_tasks.catalog.declared import refuse_other_columns
from benepass_tasks.config.errors import ModelError
from benepass_tasks.engine.exchange import COME, GONE, ROW, surplus
from benepass_tasks.engine.failures import explain
from benepass_tasks.engine.measure import SIGN, Measure, Profiling, Touched
from benepass_tasks.engine.quoting import month_of, quote_name, quote_relation
from benepass_tasks.engine.tables import Engine, engine_of
from benepass_tasks.pipeline.upkeep import Upkeep
from benepass_tasks.sqlmodels import Model
from benepass_tasks.sqlmodels.changes import Basis, ByChanges, InFull, Storage
from benepass_tasks.sqlmodels.changes import Step as SmallTable
from benepass_tasks.state.changes import (
    Step,
    add_step,
    forget_seen_steps,
    forget_steps,
    is_kept_together,
    read_inputs,
    steps_between,
    write_inputs,
)
from benepass_tasks.state.history.read import profiles_of, seconds_by_changes, seconds_by_how
from benepass_tasks.state.kept import Keeper
from benepass_tasks.state.markers import Materialization, Snapshot
from benepass_tasks.state.plan import How
from benepass_tasks.state.restatements import Watch

if TYPE_CHECKING:
    from benepass_tasks.pipeline.on_spark import OnSpark

SMALL_ROWS = 20_000
"""The rows of a table up to which it is read whole, and of all that a table reads up to which it is
built in full: finding out what has changed would take longer."""

SETTING = "setting "
"""How the name of a setting begins among what a table is made from."""

LARGE_ROWS = 200_000
"""The rows of all that a table reads from which on its rows are looked up by hashes of texts."""

NOTABLE_SECONDS = 1.0
"""The seconds of a full build from which on it counts how long things took before."""

LARGEST_SHARE = 0.4
"""The part of a table's rows up to which it pays to look for those that are affected."""


MONTHS = "changes_months"
"""The small table of the months of a table."""


class InFullError(Exception):
    """A table is better built in full; the message says why.

    Attributes:
        is_much: Whether so much differs that it does not pay to tell what.
    """

    def __init__(self, why: str, *, is_much: bool = False) -> None:
        """Note why."""
        super().__init__(why)
        self.is_much = is_much


@dataclass(frozen=True)
class Builder:
    """Builds one table or view in a transaction.

    Attributes:
        connection: Its session.
        model: The SQL.
        table: What the catalog declares it to be.
        upkeep: The models around it.
        known: What the warehouse holds.
        inputs: The state of each table, view and setting that it reads, itself or through views.
        keeper: Keeps what its steps take out and put in; None where nobody is to.
        watch: Looks for its old months whose money changes; None where it has no money.
        on_spark: Has its rows computed by Spark; None where DuckDB computes them.
    """

    connection: Connection
    model: Model
    table: Table
    upkeep: Upkeep
    known: Snapshot
    inputs: Mapping[str, str]
    keeper: Keeper | None = None
    watch: Watch | None = None
    on_spark: "OnSpark | None" = None

    def by_changes(self) -> tuple[Measure, How]:
        """Exchange those rows that the changes of what it reads affect.

        Raises:
            InFullError: it is better built in full; nothing has been altered.
            DBAPIError: DuckDB refuses SQL that it would not refuse in full.
        """
        record = self._known_rows()
        self._refuse_small()
        steps = self._steps(self._changed())
        with self._small_tables() as small:
            self._define_macros()
            touched = self._touched(steps, small)
            measure, how = self._measured(record, self._exchanged(record, touched, small))
        self.note_inputs()
        return measure, replace(how, changed_rows=_rows_of(steps))

    def foreseen(self, unsettled: Collection[str]) -> int:
        """How many rows have changed of what it reads, where that is up to date; writes nothing.

        Args:
            unsettled: What it reads that is not up to date, so that nobody knows its rows yet.

        Raises:
            InFullError: it would be built in full, as far as can be told.
        """
        self._known_rows()
        self._refuse_small()
        changed = self._changed()
        steps = self._steps([it for it in changed if it not in unsettled])
        touched = dict.fromkeys(changed, "changed")
        self._plan(touched, self._basis(self._then))
        return _rows_of(steps)

    def part_anew(self, condition: str, *, is_last: bool) -> tuple[Measure, int]:
        """Exchange the rows that meet a condition for those that its SQL makes now and that do.

        Args:
            condition: The condition, as SQL over the columns of the table.
            is_last: Whether it is the last part, so that all rows are looked at once: somebody may
                have altered them unseen, which is why they are built anew.

        Returns:
            What the table holds then, and how many rows went or came.

        Raises:
            InFullError: too little is known of the table.
            ModelError: DuckDB refuses the SQL; the message names the file.
            ContractError: its columns are not those that the catalog declares.
        """
        record = self._known_rows()
        relation, columns = record.name, self._engine.columns(record.name)
        refuse_other_columns(self.table, columns, relation)
        self._define_macros()
        names = ", ".join(map(quote_name, columns))
        held = f"select rowid as {ROW}, {names} from {quote_relation(relation)}"  # noqa: S608
        made = f"select {names} from (\n{self.model.sql}\n)"  # noqa: S608
        with self._small_tables(), explained(self.model.path):
            old, new = (f"{it} where {condition}" for it in (held, made))
            done = self._engine.exchange(relation, columns, old, new)
            measure, _ = self._measured(record, done, is_sure=not is_last)
        return measure, done.rows

    def months(self, column: str) -> list[date | None] | None:
        """The first days of the months of a column, in the table and in what its SQL makes now.

        Returns:
            The months in order, None for rows without one at the end; None instead of them where
            the SQL makes other columns than the table has.

        Raises:
            ModelError: DuckDB refuses the SQL; the message names the file.
        """
        self._define_macros()
        engine, relation = self._engine, self.model.relation
        made = f"(\n{self.model.sql}\n)"
        with explained(self.model.path):
            columns = engine.columns_of_query(self.model.sql)
        if columns != engine.columns(relation):
            return None
        month, of_table = month_of(column), quote_relation(relation)
        both = [f"select {month} as month from {it}" for it in (of_table, made)]  # noqa: S608
        with explained(self.model.path):
            engine.make_small(MONTHS, " union ".join(both))
        query = f"select month from {MONTHS} order by month nulls last"  # noqa: S608
        found = list(self.connection.exec_driver_sql(query).scalars())
        engine.drop_small([MONTHS])
        return found

    @property
    def reads_other_code(self) -> bool:
        """Whether SQL or a setting of a view that it reads has changed since it was made."""
        views = self.inputs.keys() & self.upkeep.views
        return any(self._then.get(it) != self.inputs[it] for it in views)

    def note_inputs(self) -> None:
        """Note the states of what it was made from, and let go of steps that all have seen."""
        write_inputs(self.connection, self.model.relation, self._states)
        if self.model.relation in self.known.materializations:
            # No step was waiting for a table that was not there.
            forget_seen_steps(self.connection, self.upkeep.inputs(self.model))

    def as_it_is(self) -> tuple[Measure, How]:
        """What the table holds, by its record."""
        record = self.known.materializations[self.model.relation]
        profiles = profiles_of(self.connection, record.run_id, record.name)
        held = Measure(record.row_count, record.data_hash, profiles, record.tally)
        return held, How("unchanged", 0, engine=None)

    def in_full(self, why: str | None, *, tells_apart: bool) -> tuple[Measure | None, How | None]:
        """Make it anew in place of what there is under its name.

        Args:
            why: Why a table that is there is not brought up to date by changes.
            tells_apart: Whether what reads the table is to know which rows differ.

        Returns:
            What came out, and how; None of a view, which holds nothing itself.

        Raises:
            ModelError: DuckDB refuses the SQL; the message names the file.
            ContractError: the columns are not those that the catalog declares.
        """
        relation, engine = self.model.relation, self._engine
        present = self.known.relations.get(relation)
        record = self.known.materializations.get(relation)
        self._define_macros()
        select = self._full()
        before = None
        is_told = tells_apart and self._asked and self._pays_to_tell()
        is_known = record and is_kept_together(self.connection)
        if (is_told or self.keeper) and is_known and present == "table":
            before, present = engine.set_aside(relation), None
        with explained(self.model.path):
            engine.create(relation, self.table.materialized, select, present, self._hashed())
        columns = engine.columns(relation)
        refuse_other_columns(self.table, columns, str(self.model.path))
        if self.table.materialized == "view":
            return None, None
        measure = engine.measure(relation, columns, Profiling.of(self.table, columns))
        if self.watch:
            self.watch.look(self.connection, measure.data_hash)
        if record and measure.data_hash != record.data_hash:
            is_alike = before is not None and engine.columns(before) == columns
            if is_told and before and is_alike:
                went, came = (f"from {quote_relation(it)}" for it in (before, relation))
                asked = [it for it in columns if it in self._asked]
                self._add_step(record, measure, engine.differing(went, came, asked))
            else:
                forget_steps(self.connection, relation)
            if self.keeper and before and is_alike:
                gone, come = surplus(before, relation, columns), surplus(relation, before, columns)
                self.keeper.keep(self.connection, record, measure.data_hash, gone, come)
        if before:
            engine.drop(before, "table")
        self.note_inputs()
        return measure, How("full", why_full=why, engine="spark" if self.on_spark else "duckdb")

    def _hashed(self) -> list[str]:
        """The ids by whose hashes rows of the table are going to be looked up, if it is large.

        DuckDB keeps a text that many rows share once, so that only ids are slow to read.
        """
        if self.table.materialized == "view" or self._rows_read(self.model.relation) < LARGE_ROWS:
            return []
        sought = self.upkeep.looked_up(self.model.relation)
        ids = (it for it in self.table.columns.values() if it.is_id and it.type == "VARCHAR")
        return [it.name for it in ids if it.name in sought]

    def _full(self) -> str:
        """The SELECT of all its rows, which Spark has computed where it is to."""
        if self.on_spark is None or self.table.materialized == "view":
            return self.model.sql
        with explained(self.model.path):
            columns = self._engine.columns_of_query(self.model.sql)
        refuse_other_columns(self.table, columns, str(self.model.path))
        return self.on_spark.select(self.connection, self.model, columns)

    @contextmanager
    def _small_tables(self) -> Iterator[list[str]]:
        """The names of small tables, which are dropped where the transaction goes on."""
        small = [GONE, COME]
        try:
            yield small
        except InFullError:
            self._engine.drop_small(small)
            raise
        self._engine.drop_small(small)

    def _exchanged(
        self, record: Materialization, touched: Mapping[str, str], small: list[str]
    ) -> Touched | None:
        """Exchange the rows that the rows touched in other tables affect; None where none are."""
        basis = self._basis(self._states)
        if not touched and not basis.moved:
            return None
        plan = self._plan(touched, basis)
        if not self._make_all(plan.finding, record.name, small)[plan.affected]:
            return None
        self._make_all(plan.computing, record.name, small)
        columns = self._engine.columns(record.name)
        return self._engine.exchange(record.name, columns, plan.old, plan.new)

    def _make_all(
        self, steps: Iterable[SmallTable], relation: str, small: list[str]
    ) -> dict[str, int]:
        """Make the small tables from which the change of a table is told; returns their rows.

        Raises:
            InFullError: it is better built in full, as one of them says.
        """
        made: dict[str, int] = {}
        needed = 0
        for step in steps:
            small.append(step.name)
            made[step.name] = rows = self._engine.make_small(step.name, step.sql)
            if rows and step.must_be_empty:
                raise InFullError(step.must_be_empty)
            if step.part_of == relation:
                _require_few(rows, self._rows(relation), "it affected", is_much=True)
            elif step.part_of:
                needed += rows
                total = self._rows_read(relation)
                _require_few(needed, total, "what it reads needed", is_much=False)
        return made

    def _basis(self, told: Mapping[str, str]) -> Basis:
        """Its settings and figures, where these are what is told of them."""
        then, figures = self._then, {it: told[it] for it in self._figures}
        settings = {it: value for it, value in self.inputs.items() if it.startswith(SETTING)}
        moved = {it: then[it] for it, now in (settings | figures).items() if then[it] != now}
        literals = {it.removeprefix(SETTING): literal for it, literal in moved.items()}
        return Basis(literals, figures)

    def _plan(self, touched: Mapping[str, str], basis: Basis) -> ByChanges:
        """How it is brought up to date where rows of the tables were touched that it reads.

        Raises:
            InFullError: no rule says how.
        """
        plan = self.upkeep.plan(self.model, touched, self._storage, basis)
        if isinstance(plan, InFull):
            raise InFullError(plan.why)
        return plan

    def _measured(
        self, record: Materialization, touched: Touched | None, *, is_sure: bool = True
    ) -> tuple[Measure, How]:
        """What the table holds after an exchange, which is a step of it.

        Args:
            record: The record of what it held before.
            touched: What the exchange took out and put in, if there was one.
            is_sure: Whether it did hold that, so that not all rows need be looked at.
        """
        before, unchanged = self.as_it_is()
        if touched is None or (is_sure and not touched.rows):
            return before, unchanged
        profiling = Profiling.of(self.table, touched.columns)
        if is_sure:
            measure = self._engine.measure_touched(record.name, profiling, before, touched)
        else:
            measure = self._engine.measure(record.name, touched.columns, profiling)
        if measure.data_hash == record.data_hash:
            return before, unchanged
        if self.watch and is_sure:
            self.watch.follow(self.connection, record.data_hash, measure.data_hash, touched)
        elif self.watch:
            self.watch.look(self.connection, measure.data_hash)
        if self._asked:
            names = ", ".join(map(quote_name, (SIGN, *sorted(self._asked))))
            self._add_step(record, measure, f"select {names} from ({touched.both})")  # noqa: S608
        if self.keeper:
            went, came = touched.that_went, touched.that_came
            self.keeper.keep(self.connection, record, measure.data_hash, went, came)
        return measure, How("changes", touched.rows)

    @cached_property
    def _engine(self) -> Engine:
        return engine_of(self.connection)

    @cached_property
    def _storage(self) -> Storage:
        """How it and the tables are stored that it reads."""
        inputs = self.upkeep.inputs(self.model)
        large = [it for it in (self.model.relation, *inputs) if self._rows(it) >= LARGE_ROWS]
        hashes = {it: self._engine.hashes(it) for it in large}
        types = {name: str(it.type) for name, it in self.table.columns.items()}
        return Storage([it for it in inputs if self._rows(it) <= SMALL_ROWS], hashes, types)

    @cached_property
    def _figures(self) -> Mapping[str, str]:
        """The values in its SQL that are told from whole tables, with their SELECTs."""
        return self.upkeep.figures(self.model)

    @cached_property
    def _states(self) -> Mapping[str, str]:
        """The state of all that it is made from: of a figure, what it is now."""
        now = {name: self._engine.value_of(sql) for name, sql in self._figures.items()}
        return {**self.inputs, **now}

    def _define_macros(self) -> None:
        for macro in self.upkeep.macros(self.model):
            with explained(macro.path):
                self._engine.define(macro.name, macro.sql)

    def _known_rows(self) -> Materialization:
        """The record of the rows that it has.

        Raises:
            InFullError: too little.
        """
        record = self.known.materializations[self.model.relation]
        if record.name in self.known.of_parent:
            raise InFullError("it is the parent's so far")
        if record.tally is None or not is_kept_together(self.connection):
            raise InFullError("what is known of it is not kept beside it")
        return record

    def _refuse_small(self) -> None:
        """Ask for nothing where it is built in full whatever has changed.

        Raises:
            InFullError: what it reads is small.
        """
        if self._rows_read(self.model.relation) <= SMALL_ROWS:
            raise InFullError("what it reads is small")

    def _steps(self, changed: Iterable[str]) -> dict[str, list[Step]]:
        """The steps since it was made of the tables that changed.

        Raises:
            InFullError: they are not known, or it is better built in full.
        """
        total, then = self._rows_read(self.model.relation), self._then
        steps = {}
        for it in changed:
            found = steps_between(self.connection, it, then[it], self.inputs[it])
            if found is None:
                raise InFullError(f"what changed in {it} is not known")
            steps[it] = found
        rows = _rows_of(steps)
        _require_few(rows, total, "what it reads changed", is_much=True)
        if self._was_slower(rows):
            raise InFullError("the last time it took longer by changes")
        return steps

    def _was_slower(self, rows: int) -> bool:
        """Whether the last time by changes of so many rows took longer than the last in full."""
        in_full = self._seconds_in_full(self.model.relation)
        if in_full <= NOTABLE_SECONDS:
            return False
        by_changes = seconds_by_changes(self.connection, self.model.relation, rows)
        return by_changes is not None and by_changes > in_full

    def _touched(self, steps: Mapping[str, list[Step]], small: list[str]) -> dict[str, str]:
        """By table, that of the rows of it that differ in the columns that the model reads."""
        needed, touched = self.upkeep.needed(self.model), {}
        for relation, found in steps.items():
            stored, columns = [it.stored for it in found], needed.get(relation)
            if columns is None:
                columns = self._engine.columns(relation)
            small.append(f"changed_{relation.replace('.', '__')}")
            if table := self._engine.net(small[-1], stored, sorted(columns)):
                touched[relation] = table
        return touched

    @cached_property
    def _then(self) -> Mapping[str, str]:
        """The states of what it reads that it was made from."""
        return read_inputs(self.connection, self.model.relation)

    def _changed(self) -> list[str]:
        """The tables that changed since it was made."""
        then = self._then
        if then.keys() != self.inputs.keys() | self._figures.keys():
            raise InFullError("the state of what it was made from is not known")
        differing = [it for it, state in self.inputs.items() if then[it] != state]
        changed = [it for it in differing if not it.startswith(SETTING)]
        views = [it for it in changed if it in self.upkeep.views]
        if views:
            raise InFullError(f"SQL of {views[0]} changed")
        return changed

    @cached_property
    def _asked(self) -> frozenset[str]:
        """The columns that tables read of it which may be brought up to date by its changes."""
        relation = self.model.relation
        is_any = any(self._rows_read(it) > SMALL_ROWS for it in self.upkeep.readers(relation))
        return self.upkeep.handed_on(relation) if is_any else frozenset()

    def _pays_to_tell(self) -> bool:
        """Whether the tables that read it took longer in full than it takes to tell what differs.

        That is about a third of the time in which it is built itself.
        """
        mine = self._seconds_in_full(self.model.relation)
        theirs = sum(map(self._seconds_in_full, self.upkeep.readers(self.model.relation)))
        return mine <= NOTABLE_SECONDS or theirs > mine / 3

    def _seconds_in_full(self, relation: str) -> float:
        return seconds_by_how(self.connection, relation).get("full", 0)

    def _rows_read(self, relation: str) -> int:
        """The rows of all tables that a model reads."""
        return sum(self._rows(it) for it in self.upkeep.inputs(self.upkeep.graph.models[relation]))

    def _rows(self, relation: str) -> int:
        record = self.known.materializations.get(relation)
        return record.row_count or 0 if record else 0

    def _add_step(self, record: Materialization, measure: Measure, rows: str) -> None:
        add_step(self.connection, record.name, record.data_hash, measure.data_hash, rows)


def _rows_of(steps: Mapping[str, list[Step]]) -> int:
    """How many rows of all tables were touched in some steps of theirs."""
    return sum(it.touched for found in steps.values() for it in found)


def _require_few(rows: int, total: int, what: str, *, is_much: bool) -> None:
    """Refuse to go on by changes where that is no quicker than building in full.

    Raises:
        InFullError: these are too many rows.
    """
    if rows > LARGEST_SHARE * total and rows > SMALL_ROWS:
        raise InFullError(f"{rows:,} of {total:,} rows of {what}", is_much=is_much)


@contextmanager
def explained(path: Path) -> Iterator[None]:
    """Say which file it is where DuckDB refuses its SQL.

    Raises:
        ModelError: it does.
    """
    try:
        yield
    except DBAPIError as error:
        # Without the cause: its text may quote a value of the data.
        raise ModelError(f"{path}: {explain(error)}") from None
