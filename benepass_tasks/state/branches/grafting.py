"""The warehouse of a branch: it has what was built on the branch, and reads all else in its parent.

It is written anew beside the old one whenever the parent has moved on, from what the parent holds
then and the tables that are the branch's own, and takes its place in one step. Of each table that
is not the branch's own it has a view, which reads the file of the parent, attached for reading.
Sessions compare what the parent holds with what it held then (`StateStore.refuse_moved`), and none
begins while a run of the parent is under way: a branch never sees half of one.
"""

import shutil
import time
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from datetime import date
from pathlib import Path

from sqlalchemy import Connection, Table, insert, select

from benepass_tasks.config.errors import ParentMovedError, WarehouseError
from benepass_tasks.config.settings import Settings
from benepass_tasks.engine.attached import (
    checkpoint,
    make_empty,
    place_of,
    read_from,
    tables_of,
    take_form,
    within,
)
from benepass_tasks.engine.compaction import put_in_place
from benepass_tasks.engine.quoting import quote_relation, quote_text
from benepass_tasks.engine.session import Warehouse, let_go, seen_in
from benepass_tasks.engine.tables import engine_of
from benepass_tasks.state.branches.aside import making
from benepass_tasks.state.branches.taking_over import DLT
from benepass_tasks.state.history.beacon import put_out_dead
from benepass_tasks.state.history.runs import OF_A_RUN
from benepass_tasks.state.meta import (
    ACCEPTED_SCHEMAS,
    ENVIRONMENT,
    ERASED_RECORDS,
    INHERITED,
    INPUTS,
    LOADED_COLUMNS,
    LOADS,
    MARKERS,
    MASKING,
    MONTH_TOTALS,
    PARENT_AS_OF,
    PARENT_STATE,
    RUNS,
    SCHEMA_CHANGES,
    STAGED_SUMS,
    WATERMARKS,
)
from benepass_tasks.state.ownership import HASH_KEY, PROJECT
from benepass_tasks.state.source_files import REJECTED
from benepass_tasks.state.store import (
    PARENT,
    SCHEMA,
    missing_tables,
    property_of,
    state_digest,
    state_of,
    write_properties,
)
from benepass_tasks.state.warehouse import warehouse_of

BEFORE = "before"
"""The name of the database of a branch as it was, while it is written anew."""

NO_DATA = (SCHEMA, "changes")
"""The schemas of what is known of tables, and of what steps have touched: a branch has its own."""

OUTSIDE = ("extract", "publication", "published file", "site", "page")
"""The kinds of nodes that a branch has for itself alone, since they are files."""

OF_A_SOURCE = (
    *(LOADS, LOADED_COLUMNS, ERASED_RECORDS, STAGED_SUMS, ACCEPTED_SCHEMAS, SCHEMA_CHANGES),
)
OF_A_TABLE = (MONTH_TOTALS, WATERMARKS)

PAUSE = 0.1
"""Seconds between two looks at whether a run of the parent has ended."""


def parent_of(settings: Settings) -> Warehouse:
    """The warehouse of the parent of a branch."""
    env = settings.parent_env if settings.parent else settings.env
    return warehouse_of(replace(settings, warehouse=settings.origin, parent=None, env=env))


def at_head(settings: Settings) -> Settings:
    """Bring a branch to where its parent is now; the settings of a run on it.

    Where nobody said which date the marts speak of, it is that of the parent. Of any other
    environment these are its own settings.

    Raises:
        WarehouseError: a run of the parent is under way, and goes on for too long.
    """
    if settings.parent is None:
        return settings
    # The copy of one that is in object storage may not be the newest.
    parent_of(settings).refresh()
    warehouse = warehouse_of(settings)
    try:
        as_of = _as_of(warehouse)
    except ParentMovedError:
        graft(settings, own_names(settings))
        as_of = _as_of(warehouse)
    return settings if settings.is_as_of_told or as_of is None else replace(settings, as_of=as_of)


def _as_of(warehouse: Warehouse) -> date | None:
    with warehouse.read() as connection:
        found = property_of(connection, PARENT_AS_OF)
    return date.fromisoformat(found) if found else None


def own_names(settings: Settings) -> frozenset[str]:
    """What was built on a branch, by the names of nodes; its files alone are not among it."""
    apart = warehouse_of(replace(settings, parent=None))
    of, inherited = MARKERS.c, INHERITED.c
    with apart.read() as connection:
        state = state_of(connection)
        named = state.execute(select(of.name).where(of.kind.not_in(OUTSIDE)))
        theirs = state.execute(select(inherited.name))
        kinds = engine_of(connection).relations()
        # A view is made again in no time, and with it the macros that it calls.
        views = {it for it, kind in kinds.items() if kind == "view"}
        raw = {it for it in kinds if it.startswith("raw.")}
        return frozenset({*named.scalars(), *raw} - {*theirs.scalars()} - views)


def own_sources(database: str) -> str:
    """A SELECT of the sources that the branch which is attached under a name has loaded itself."""
    meta = f"{database}.{SCHEMA}"
    theirs = f"select name from {meta}.inherited"  # noqa: S608
    return f"select source from {meta}.loads where source || '/' || file not in ({theirs})"  # noqa: S608


def graft(settings: Settings, keep: Collection[str] | None) -> None:
    """Write the warehouse of a branch anew, from what its parent holds now and what is its own.

    Whoever is killed meanwhile leaves the old one, and a folder that the next one removes.

    Args:
        settings: Those of the branch.
        keep: Which of what was built on it is kept; None where it is to be as if it was new.
    """
    warehouse = warehouse_of(settings)
    with warehouse.exclusive(lambda: True):
        # No log is left, which would be read into the file that takes the place of this one.
        checkpoint(replace(warehouse, beside=()))
        let_go()
        with making(settings.branches_dir) as folder:
            made = folder / warehouse.path.name
            beside = {} if keep is None else {BEFORE: warehouse.path}
            write_branch(settings, made, keep or (), beside)
            put_in_place(made, warehouse.path)


def forget_built(settings: Settings) -> None:
    """Let a branch have nothing of its own any more: its next run builds what differs anew.

    Args:
        settings: Those of the branch.
    """
    for made in (settings.published_dir, settings.site_dir):
        for folder in made.parent.glob(f"{made.name}*"):
            shutil.rmtree(folder, ignore_errors=True)
    graft(settings, None)


def write_branch(
    settings: Settings, path: Path, keep: Collection[str], beside: Mapping[str, Path]
) -> None:
    """Write the warehouse of a branch into a new file.

    Args:
        settings: Those of the branch.
        path: The file.
        keep: What of the branch as it was is kept.
        beside: The branch as it was, as `BEFORE`, if it was there.

    Raises:
        WarehouseError: the parent was never run, or its run does not end.
    """
    parent = parent_of(settings)
    if not parent.exists():
        raise WarehouseError(f"{parent.path} is not there yet: `benepass run` makes it")
    with parent.read() as connection:
        if missing_tables(connection):
            raise WarehouseError(f"{parent.path} holds nothing yet: `benepass run` fills it")
    make_empty(path)
    others = ((PARENT, parent.path), *beside.items())
    target = replace(warehouse_of(settings), path=path, beside=others)
    with _settled(target, parent):
        take_form(target, PARENT, NO_DATA)
        with target.write() as connection:
            _fill(connection, settings, frozenset(keep), is_there=bool(beside))
        checkpoint(target)


@contextmanager
def _settled(target: Warehouse, parent: Warehouse) -> Iterator[None]:
    """The write lock of a branch, while no run of its parent is under way.

    Raises:
        WarehouseError: one is, for longer than a run may wait.
    """
    until = time.monotonic() + target.lock_timeout
    while True:
        if not put_out_dead(parent):
            with target.exclusive():
                # From here on the parent is attached, so that no run of it can write.
                with target.native():
                    pass
                if not put_out_dead(parent):
                    yield
                    return
        if time.monotonic() > until:
            raise WarehouseError(
                f"a run on {parent.path} is under way, and a branch begins where one has ended: "
                "wait for it, or for longer with --benepass-lock-timeout"
            )
        time.sleep(PAUSE)


def _fill(
    connection: Connection, settings: Settings, keep: frozenset[str], *, is_there: bool
) -> None:
    """Fill the warehouse of a branch, which has the views of its parent so far.

    Args:
        connection: A session in a transaction, with the parent and the branch as it was beside it.
        settings: Those of the branch.
        keep: What of the branch as it was is kept.
        is_there: Whether there was one.
    """
    for relation in tables_of(connection, PARENT, NO_DATA) - keep:
        read_from(connection, PARENT, relation)
    _copy_known(connection, PARENT, keep, is_there=is_there)
    _copy_runs(connection, PARENT, _recent(settings.anomaly_window))
    _note_inherited(connection)
    if is_there:
        _keep_tables(connection, keep)
        _copy_known(connection, BEFORE, keep, is_there=is_there)
        _copy_runs(connection, BEFORE, f"run_id not in (select run_id from {SCHEMA}.runs)")  # noqa: S608
    _note_parent(connection, settings)


def _keep_tables(connection: Connection, keep: frozenset[str]) -> None:
    """Take over the tables that were built on the branch."""
    engine, theirs = engine_of(connection), tables_of(connection, PARENT, NO_DATA)
    for relation in tables_of(connection, BEFORE, NO_DATA) & keep:
        rows, also = (f"select * from {place_of(it, relation)}" for it in (BEFORE, PARENT))  # noqa: S608
        if relation == REJECTED:
            loads = f"{BEFORE}.{SCHEMA}.loads"
            own = f"select file from {loads} where source in ({own_sources(BEFORE)})"  # noqa: S608
            rows = (
                f"{rows} where _source_file in ({own}) union all by name "
                f"{also} where _source_file not in ({own})"
            )
        elif relation.startswith(DLT) and relation in theirs:
            rows = f"{rows} union by name {also}"
        # The parent may have a view of that name.
        engine.create(relation, "table", rows, engine.relations().get(relation))


def _copy_known(
    connection: Connection, database: str, keep: frozenset[str], *, is_there: bool
) -> None:
    """Copy what is known of what comes from a database: the parent's, or what is kept."""
    names = f"[{', '.join(map(quote_text, sorted(keep)))}]::varchar[]"
    own_source = f"source in ({own_sources(BEFORE)})" if is_there else "false"
    outside = f"coalesce(kind, '') in {OUTSIDE}"
    for table, is_own in (
        (MARKERS, f"(list_contains({names}, name) or {outside})"),
        (INPUTS, f"list_contains({names}, name)"),
        *((it, f"list_contains({names}, relation)") for it in OF_A_TABLE),
        *((it, own_source) for it in OF_A_SOURCE),
    ):
        copy_rows(connection, database, table, is_own if database == BEFORE else f"not {is_own}")


def copy_rows(connection: Connection, database: str, table: Table, condition: str) -> None:
    """Copy the rows of a table of `meta` that meet a condition from an attached database."""
    connection.exec_driver_sql(
        f"insert into {quote_relation(table.fullname)} by name "  # noqa: S608
        f"select * from {place_of(database, table.fullname)} where {condition}"
    )
    seen_in(connection).clear()


def _recent(count: int) -> str:
    """The condition of the runs of the parent that made what is there, and of the last ones."""
    meta = f"{PARENT}.{SCHEMA}"
    last = f"select run_id from {meta}.runs order by started_at desc limit {count}"  # noqa: S608
    made = " union ".join(f"select run_id from {meta}.{it}" for it in ("markers", "loads"))  # noqa: S608
    return f"run_id in ({made} union ({last}))"


def _copy_runs(connection: Connection, database: str, condition: str) -> None:
    # The runs last: of the others, those are copied whose run is not there yet.
    for table in (*OF_A_RUN, RUNS):
        copy_rows(connection, database, table, condition)


def _note_inherited(connection: Connection) -> None:
    """Note all that is there by now as the parent's."""
    state, tables = state_of(connection), tables_of(connection, PARENT, NO_DATA)
    views = {it for it, kind in engine_of(connection).relations().items() if kind == "view"}
    loads = state.execute(select(LOADS.c.source, LOADS.c.file))
    known = state.execute(select(MARKERS.c.name)).scalars()
    names = {*(f"{it.source}/{it.file}" for it in loads), *known, *(tables & views)}
    rows = [{"name": it, "is_table": it in tables & views} for it in sorted(names)]
    if rows:
        state.execute(insert(INHERITED), rows)


def _note_parent(connection: Connection, settings: Settings) -> None:
    """Note what the parent held, and whose the warehouse is."""
    with within(connection, PARENT):
        masked, last = property_of(connection, MASKING), _last_date(connection)
        key = property_of(connection, HASH_KEY)
    properties = {
        MASKING: str(masked),
        ENVIRONMENT: settings.env,
        PROJECT: str(settings.project_dir),
        PARENT_STATE: state_digest(connection, PARENT),
        PARENT_AS_OF: last.isoformat() if last else "",
    }
    write_properties(connection, properties | ({HASH_KEY: key} if key else {}))


def _last_date(connection: Connection) -> date | None:
    """The date that the marts speak of: that of the last run that made something."""
    made = RUNS.c.run_id.in_(select(MARKERS.c.run_id))
    last = select(RUNS.c.as_of).where(made).order_by(RUNS.c.started_at.desc()).limit(1)
    found: date | None = state_of(connection).execute(last).scalar()
    return found
