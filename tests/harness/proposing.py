"""Files as they are given to `source inspect`, without a file."""

from collections.abc import Mapping, Sequence
from functools import cache

from projects import ROOT, definitions_of

from benepass_tasks.catalog import load_catalog
from benepass_tasks.catalog.datasets import Declarations
from benepass_tasks.ingestion.proposals.canonical import CanonicalReader
from benepass_tasks.ingestion.proposals.profile import ColumnProfile, FileProfile
from benepass_tasks.ingestion.proposals.proposal import Proposal, Written
from benepass_tasks.ingestion.proposals.propose import Asked, propose
from benepass_tasks.ingestion.proposals.reading import Forms

CSV = Written("pandas.CSVDataset", {}, {})


@cache
def reader() -> CanonicalReader:
    """Reads values by the macros of this project."""
    return CanonicalReader(definitions_of(ROOT).graph)


@cache
def declared() -> Declarations:
    """What this project's catalog says."""
    return load_catalog(ROOT / "catalog.yaml")


def column(header: str, *values: str | None) -> ColumnProfile:
    return ColumnProfile(header, values)


def file_of(text: str, name: str = "it.csv") -> FileProfile:
    """A file of comma-separated values that none of the values holds."""
    header, *records = [line.split(",") for line in text.strip().splitlines()]
    columns = [
        ColumnProfile(name, [record[place].strip() or None for record in records])
        for place, name in enumerate(map(str.strip, header))
    ]
    return FileProfile(name, columns, len(records))


def proposed(
    *profiles: FileProfile,
    answers: Mapping[str, str] | None = None,
    keys: Mapping[str, Sequence[str]] | None = None,
    written: Written = CSV,
    source: str | None = None,
    catalog: Declarations | None = None,
) -> Proposal:
    """What is proposed for files, by this project's catalog or another one."""
    asked = Asked(
        names=[it.file for it in profiles],
        profiles=profiles,
        written=written,
        read=reader(),
        source=source,
        keys=keys or {},
        answers=answers or {},
    )
    return propose(catalog or declared(), asked)


def written_as(proposal: Proposal, name: str) -> Forms:
    """What is proposed as `written_as` of a column."""
    return next(it.form.written_as for it in proposal.columns if it.name == name)


def names_of(proposal: Proposal) -> dict[str, str]:
    """What the source calls each column of the file that it knows."""
    return {it.header: it.name for it in proposal.columns if not it.is_new}
