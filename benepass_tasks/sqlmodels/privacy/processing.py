"""The record of processing (GDPR, article 30): why each dataset is kept, for whom, how long."""

from collections.abc import Iterator
from dataclasses import dataclass

from benepass_tasks.catalog.datasets import Catalog, PiiClass, Source, Table
from benepass_tasks.catalog.implied import REJECTED
from benepass_tasks.sqlmodels.graph import ModelGraph
from benepass_tasks.sqlmodels.privacy.verdicts import RANK

HEADINGS = ("Dataset", "Class", "Purpose", "Audience", "Retention")

OWNER = "owner of the warehouse"
"""Who sees what is not published: the file is readable by its owner alone."""


@dataclass(frozen=True, slots=True)
class Processing:
    """What is known of the processing of a dataset.

    Attributes:
        dataset: The source or table.
        class_: The class of the column that leads to a person most closely.
        is_sensitive: Whether a column may harm its person.
        purpose: What it is kept for; None where the catalog does not say.
        audience: Who sees it.
        sources: The sources that its records come from.
        retention: How long these are kept, by source; no limit where there is none.
    """

    dataset: str
    class_: PiiClass
    is_sensitive: bool
    purpose: str | None
    audience: str
    sources: tuple[str, ...]
    retention: tuple[tuple[str, str], ...]

    @property
    def cells(self) -> tuple[str, ...]:
        """The texts under `HEADINGS`."""
        kept = [f"{source}: {limit}" for source, limit in self.retention]
        no_limit = "as long as the files have it" if self.sources else "no record of a file"
        return (
            self.dataset,
            f"{self.class_}, sensitive" if self.is_sensitive else self.class_,
            self.purpose or "not declared",
            self.audience,
            "; ".join(kept) or no_limit,
        )

    def as_json(self) -> dict[str, object]:
        """The same as plain data."""
        return {
            "dataset": self.dataset,
            "class": self.class_,
            "sensitive": self.is_sensitive,
            "purpose": self.purpose,
            "audience": self.audience,
            "retention": dict(self.retention),
        }


def processing(catalog: Catalog, graph: ModelGraph) -> Iterator[Processing]:
    """What is known of each dataset, in the order of the catalog."""
    for source in catalog.sources.values():
        yield _of(source, source.name, source.purpose, OWNER, [source])
    made_of = {
        name: graph.downstream(frozenset({catalog.raw_table_of(name).relation}))
        for name in catalog.sources
    }
    for table in catalog.tables.values():
        # A rejected record may be of any source.
        is_of_any = table.relation == REJECTED
        behind = [
            source
            for name, source in catalog.sources.items()
            if is_of_any or table.relation in made_of[name]
        ]
        is_of_one = table.layer in ("raw", "base") and len(behind) == 1
        of_source = behind[0].purpose if is_of_one else None
        purpose = table.purpose or of_source or catalog.purposes.get(table.layer)
        yield _of(table, table.relation, purpose, _audiences(catalog, table), behind)


def _of(
    declared: Source | Table,
    name: str,
    purpose: str | None,
    audience: str,
    behind: list[Source],
) -> Processing:
    columns = declared.columns.values()
    return Processing(
        dataset=name,
        class_=max((it.pii.class_ for it in columns), key=RANK.__getitem__),
        is_sensitive=any(it.pii.sensitive for it in columns),
        purpose=purpose,
        audience=audience,
        sources=tuple(it.name for it in behind),
        retention=tuple((it.name, str(it.retention)) for it in behind if it.retention),
    )


def _audiences(catalog: Catalog, table: Table) -> str:
    """Who gets a table."""
    named = (name for name, it in catalog.audiences.items() if it.gets(table.relation))
    return (", ".join(named) if table.published else "") or OWNER
