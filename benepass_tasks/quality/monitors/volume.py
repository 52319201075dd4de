"""Whether a dataset has as many rows as its declaration says."""

from collections.abc import Iterator

from sqlalchemy import Connection, select

from benepass_tasks.catalog import Catalog, Volume
from benepass_tasks.quality.monitors.results import Result
from benepass_tasks.state.meta import MARKERS
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
