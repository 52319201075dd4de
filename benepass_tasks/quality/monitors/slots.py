"""Databases that keep much of their log for us: their disk fills up, and nothing is read."""

from collections.abc import Iterator

from benepass_tasks.catalog import Catalog
from benepass_tasks.catalog.extracts import TableExtract
from benepass_tasks.config.settings import Settings
from benepass_tasks.quality.monitors.results import Result
from benepass_tasks.state.slots import Position


def judge_slots(catalog: Catalog, settings: Settings) -> Iterator[Result]:
    """Warn of each source whose slot kept more than it may when it was read last.

    Args:
        catalog: The sources.
        settings: Those of the run, with the folder that says how far each was read.
    """
    for source in catalog.sources.values():
        extract = source.extract
        if not isinstance(extract, TableExtract) or extract.mode != "cdc":
            continue
        position = Position.of(settings.extracts_dir, extract.credentials)
        if position is not None and position.lag > extract.max_lag:
            yield Result(
                "slot_lag",
                source.name,
                "warn",
                f"{extract.credentials} kept {position.lag >> 20:,} MB of its log for slot "
                f"{position.slot}: run more often, or drop it by benepass source drop-slot",
                f"the catalog: max_lag {extract.max_lag >> 20:,} MB",
            )
