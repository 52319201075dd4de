"""The tables of the raw layer: made, replaced file by file, and vouched for as wholes."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from sqlalchemy import Connection

from benepass_tasks.catalog import Table
from benepass_tasks.catalog.declared import refuse_other_raw_columns
from benepass_tasks.config.digests import digest
from benepass_tasks.engine.measure import Measure, Profiling, Touched, data_hash_of, tally
from benepass_tasks.engine.quoting import quote_name, quote_relation, quote_text
from benepass_tasks.engine.session import Warehouse
from benepass_tasks.engine.tables import Engine, engine_of
from benepass_tasks.ingestion.schema_evolution.history import write_schemas
from benepass_tasks.state.branches.taking_over import take_over
from benepass_tasks.state.changes import (
    add_step,
    forget_gone,
    forget_steps,
    gone_of,
    is_kept_together,
    keep_gone,
    read_inputs,
    write_inputs,
)
from benepass_tasks.state.decisions import use_decisions
from benepass_tasks.state.erased_records import erased_records_of, forget_erased_records
from benepass_tasks.state.history.materializations import record_loaded
from benepass_tasks.state.history.read import profiles_of
from benepass_tasks.state.markers import (
    ANONYMISED,
    OF_LOAD,
    Load,
    Materialization,
    Snapshot,
    anonymised_of,
    columns_of_load,
    forget_all_loads,
    forget_loads,
    interrupt_loads,
    loaded_columns,
    write_loads,
)
from benepass_tasks.state.source_files import REJECTED

if TYPE_CHECKING:
    # They import pyarrow, and whoever only asks what is up to date does without.
    from benepass_tasks.ingestion.censuses import Census
    from benepass_tasks.ingestion.load import Loaded

REJECTED_COLUMNS = {
    "_source_file": "VARCHAR",
    "record_number": "BIGINT",
    "line_number": "BIGINT",
    "reason": "VARCHAR",
    "raw_record": "BLOB",
    "_dlt_load_id": "VARCHAR",
}


def prepare(
    warehouse: Warehouse,
    known: Snapshot,
    table: Table,
    files: Collection[str],
    undeclared: Iterable[str],
) -> None:
    """Withdraw the word for the earlier loads of files, and make the tables where they are missing.

    From here on a kill leaves rows that nothing vouches for; what the earlier loads held is known
    still. Where a table itself is missing, all loads that it held rows of are void.

    Args:
        warehouse: The warehouse.
        known: What it holds.
        table: The raw table.
        files: The files that are about to be loaded into it.
        undeclared: The columns that they have besides the declared ones.
    """
    present, source = known.relations, str(table.source)
    with warehouse.write() as connection:
        if known.of_parent:
            take_over(connection, table.relation, source)
        _create_raw(connection, table, undeclared)
        if REJECTED not in present:
            forget_all_loads(connection)
        if table.relation in present:
            interrupt_loads(connection, source, files)
        else:
            forget_loads(connection, source)


def after_loads(known: Snapshot, table: Table, loads: Iterable[Load]) -> Snapshot:
    """The state of the warehouse after `prepare` and `replace_earlier`, without reading it anew."""
    others = {} if REJECTED not in known.relations else dict(known.loads)
    if table.relation not in known.relations:
        others = {key: it for key, it in others.items() if it.source != table.source}
    return replace(
        known,
        loads=others | {(it.source, it.file): it for it in loads},
        relations={**known.relations, table.relation: "table", REJECTED: "table"},
    )


def replace_earlier(
    connection: Connection,
    table: Table,
    package: Sequence["Loaded"],
    reasons: Mapping[str, str | None],
    census: "Census | None" = None,
) -> int:
    """Remove what earlier loads of files left, and write that the new ones are whole.

    With each goes why it was loaded, which columns it has, what has changed about them, and what
    somebody accepted so that it passed.

    Args:
        connection: A session in a transaction.
        table: The raw table.
        package: The loads of one package of dlt.
        reasons: Why each file was loaded.
        census: Given where the files are censuses, of which a package has one.

    Returns:
        How many records a census keeps of those who left.
    """
    loads = [it.load for it in package]
    kept = sum(census.take(connection, it.load, it.earlier) for it in package) if census else 0
    use_decisions(connection, [decision for it in package for decision in it.accepted])
    for it in package:
        if it.earlier is not None:
            _keep_anonymised(connection, table, it.earlier, it.load)
    files = ", ".join(quote_text(load.file) for load in loads)
    earlier = f"_source_file in ({files}) and _dlt_load_id is distinct from ?"
    _delete(connection, table, earlier, (loads[0].load_id,))
    write_loads(connection, {it.load: it.findings.schema.present for it in package})
    record_loaded(connection, {load: reasons[load.file] for load in loads})
    write_schemas(connection, table.relation, {it.load: it.findings for it in package})
    return kept


def _keep_anonymised(connection: Connection, table: Table, earlier: Load, load: Load) -> None:
    """Keep what is left in a file's earlier load of people who were erased since it was loaded.

    The new load does not have these records. They stay as those of a file of their own, so that
    their numbers are not those of others, and a row of `meta.loads` counts them. Its name comes
    before that of any other, so that they take precedence over nobody's.
    """
    source, file = earlier.source, earlier.file
    numbers = erased_records_of(connection, source, file)
    if not numbers:
        return
    # Another load of the same bytes may have left some of others.
    word, listed = digest(earlier.load_id)[:8], ", ".join(map(str, numbers))
    kept = connection.exec_driver_sql(
        f"update {quote_relation(table.relation)} set _source_file = ? "  # noqa: S608
        f"where _source_file = ? and _dlt_load_id <> ? and _row_number in ({listed})",
        (f"{anonymised_of(file)}{word}", file, load.load_id),
    ).rowcount
    whole = earlier.kept_as(ANONYMISED, word, kept)
    write_loads(connection, {whole: columns_of_load(connection, source, file)})
    forget_erased_records(connection, source, [file])


def complete_raw(
    connection: Connection, table: Table, gone: Collection[str], known: Snapshot
) -> Measure:
    """Bring a raw table in line with the files there are, and measure it, once each is loaded.

    What was loaded and deleted since it was last measured is kept as a step of the table.

    Args:
        connection: A session in a transaction.
        table: The table.
        gone: The files of its source that were loaded and are not there any more.
        known: What the warehouse holds.

    Raises:
        ContractError: a column is not what the catalog declares.
    """
    for file in gone:
        remove_file(connection, table, file)
    engine = engine_of(connection)
    columns = engine.columns(table.relation)
    refuse_other_raw_columns(table, columns)
    content = {name: kind for name, kind in columns.items() if name != "_dlt_load_id"}
    # Raw keeps a column that no file has any more, and of that there is nothing to be told.
    present = content.keys() & loaded_columns(connection, str(table.source))
    profiling = Profiling.of(table, [name for name in content if name in present])
    loads = known.loads_of(str(table.source)).values()
    present_loads = {it.file: it.load_id for it in loads if it.file not in gone}
    record = known.materializations.get(table.relation)
    touched = _touched(connection, record, content, present_loads) if record else None
    if record and touched:
        profiles = profiles_of(connection, record.run_id, record.name)
        before = Measure(record.row_count, record.data_hash, profiles, record.tally)
        measure = engine.measure_touched(table.relation, profiling, before, touched)
        if record.data_hash != measure.data_hash:
            rows = _difference(engine, touched)
            add_step(connection, table.relation, record.data_hash, measure.data_hash, rows)
    else:
        measure = engine.measure(table.relation, content, profiling)
        forget_steps(connection, table.relation)
    forget_gone(connection, table.relation)
    write_inputs(connection, table.relation, present_loads)
    return measure


def _touched(
    connection: Connection,
    record: Materialization,
    columns: Mapping[str, str],
    loads: Mapping[str, str],
) -> Touched | None:
    """The rows that came and went with files since a raw table was last measured.

    None where that is not known: it has other columns now, or other rows than these make of it.
    """
    relation, before = record.name, record.tally
    if before is None or not is_kept_together(connection):
        return None
    if record.data_hash != data_hash_of(columns, before):
        return None
    then, names = read_inputs(connection, relation), ", ".join(map(quote_name, columns))
    loaded = [quote_text(file) for file, load_id in loads.items() if then.get(file) != load_id]
    of_them = f"_source_file in ({', '.join(loaded)})" if loaded else "false"
    came = f"select {names} from {quote_relation(relation)} where {of_them}"  # noqa: S608
    deleted = gone_of(connection, relation)
    went = f"select {names} from {quote_relation(deleted or relation)}"  # noqa: S608
    went = went if deleted else f"{went} where false"
    gone, come = (tally(connection, f"({it})", columns) for it in (went, came))
    counted = f"select count(*) from {quote_relation(relation)}"  # noqa: S608
    is_all = connection.exec_driver_sql(counted).scalar_one() == (before - gone + come).rows
    return Touched(columns, gone, come, went, came) if is_all else None


def _difference(engine: Engine, touched: Touched) -> str:
    """A query of the rows that went or came and are not on both sides, with their signs."""
    if not touched.gone.rows:
        return touched.both
    return engine.differing(touched.that_went, touched.that_came, touched.columns)


def withdraw(connection: Connection, table: Table, load: Load) -> None:
    """Remove the rows of a load that does not count."""
    _delete(connection, table, OF_LOAD, (load.file, load.load_id))


def remove_file(connection: Connection, table: Table, file: str) -> None:
    """Remove the records of a file, and the word for its load."""
    _delete(connection, table, "_source_file = ?", (file,))
    forget_erased_records(connection, str(table.source), [file])
    forget_loads(connection, str(table.source), [file])


def _delete(connection: Connection, table: Table, condition: str, values: tuple[str, ...]) -> None:
    keep_gone(connection, table.relation, condition, values)
    for relation in (table.relation, REJECTED):
        connection.exec_driver_sql(
            f"delete from {quote_relation(relation)} where {condition}",  # noqa: S608
            values,
        )


def _create_raw(connection: Connection, table: Table, undeclared: Iterable[str]) -> None:
    """Make what is missing of the tables and of their columns.

    Made here and not by dlt, which trusts the schema it stored and would not make again a table or
    a column that it once made.
    """
    engine = engine_of(connection)
    columns = {name: column.type for name, column in table.columns.items()}
    engine.extend(table.relation, columns | dict.fromkeys(undeclared, "VARCHAR"))
    engine.extend(REJECTED, REJECTED_COLUMNS)
