"""Whether a dataset has as many rows as its declaration says, and its newest file any."""

from collections.abc import Iterator

from sqlalchemy import Connection, select

from benepass_tasks.catalog import Catalog, Volume
from benepass_tasks.catalog.wording import printable
from benepass_tasks.engine.tables import engine_of
from benepass_tasks.quality.monitors.results import Result
from benepass_tasks.state.meta import LOADS, MARKERS
from benepass_tasks.state.source_files import CUT_OFF, REJECTED, in_order
from benepass_tasks.state.store import state_of


def judge_volume(connection: Connection, catalog: Catalog) -> Iterator[Result]:
    """Judge every dataset whose volume is declared, once it has been built; reads `meta.markers`.

    The rows of a source are those of its raw table.
    """
    watched: dict[str, tuple[str, Volume]] = {}
    for name, source in catalog.sources.items():
        if source.volume:
            watched[name] = (catalog.raw_table_of(name).relation, source.volume)
    for relation, table in catalog.tables.items():
        if table.volume:
            watched[relation] = (relation, table.volume)
    if not watched:
        return
    relations = {relation for relation, _ in watched.values()}
    built = select(MARKERS.c.name, MARKERS.c.row_count).where(MARKERS.c.name.in_(relations))
    rows = {row.name: row.row_count for row in state_of(connection).execute(built)}
    for name, (relation, volume) in watched.items():
        if rows.get(relation) is not None:
            yield judge_rows(name, volume, rows[relation])


def judge_rows(dataset: str, volume: Volume, rows: int) -> Result:
    """Judge how many rows a dataset has."""
    bounds = {"at least": volume.minimum, "at most": volume.maximum}
    expected = " and ".join(f"{word} {it:,}" for word, it in bounds.items() if it is not None)
    is_low = volume.minimum is not None and rows < volume.minimum
    is_high = volume.maximum is not None and rows > volume.maximum
    return Result(
        "volume",
        dataset,
        "fail" if is_low or is_high else "ok",
        f"{rows:,} rows; expected are {expected}",
        f"the catalog: {expected}",
        value=rows,
        lower=volume.minimum,
        upper=volume.maximum,
    )


def judge_empty_files(connection: Connection, catalog: Catalog) -> Iterator[Result]:
    """Warn of the newest files of a source that have a header and no record; reads `meta.loads`.

    So comes a month whose export went wrong. It is warned of until the file holds records, or a
    later one does: in a month that is closed nothing may have been spent. Of the only file of a
    source its volume says whether it may be empty.
    """
    found = select(LOADS.c.source, LOADS.c.file, LOADS.c.records)
    loads = state_of(connection).execute(found).all()
    for name, source in catalog.sources.items():
        files = {it.file: it.records for it in loads if it.source == name}
        filled = [in_order(file) for file, records in files.items() if records]
        # A file of events need not have any of the table.
        if not filled or source.guards.empty_files or source.layout.is_of_events:
            continue
        newest = max(filled)
        for file in sorted(files, key=in_order):
            if in_order(file) > newest:
                yield Result(
                    "empty_file",
                    name,
                    "warn",
                    f"{printable(file)} has a header and no records. "
                    "Send it again if its export failed; the warning ends with the records of it "
                    "or of a later file. If files may be empty, write guards: {empty_files: true} "
                    f"under {name}.metadata",
                    f"the {len(filled):,} files of the source that have records",
                    printable(file),
                    value=0,
                    lower=1,
                )


def judge_cut_off_files(connection: Connection, catalog: Catalog) -> Iterator[Result]:
    """Warn of each file that ends within a record, as one of which only a part was copied.

    Reads `raw.rejected_rows` and `meta.loads`. Nobody knows how much is missing; it is warned of
    until the file comes again.
    """
    if REJECTED not in engine_of(connection).relations():
        return
    cut_off = connection.exec_driver_sql(
        f"select distinct _source_file from {REJECTED} where reason = ?",  # noqa: S608
        (CUT_OFF,),
    )
    files = set(cut_off.scalars())
    if not files:
        return
    found = select(LOADS.c.source, LOADS.c.file).where(LOADS.c.file.in_(files))
    for source, file in state_of(connection).execute(found):
        if source in catalog.sources:
            yield Result(
                "cut_off_file",
                source,
                "warn",
                f"{printable(file)} ends within a record: what came after it is missing, however "
                "much that is. Get the whole file",
                "a file that is whole ends with the end of a line, or with all fields of a record",
                printable(file),
            )
