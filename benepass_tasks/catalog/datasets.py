"""What the catalog says, as plain data: sources, tables, columns and their PII.

Nothing here reads or checks anything; whoever holds one of these objects holds a declaration that
already passed every rule of the catalog.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

Layer = Literal["raw", "staging", "intermediate", "quality", "marts"]
Domain = Literal["people", "benefits", "quality"]
Materialized = Literal["table", "view"]
PiiClass = Literal["none", "quasi_identifier", "pseudonym", "identifier"]
Treatment = Literal["mask", "hash", "drop", "clear"]


@dataclass(frozen=True, slots=True)
class Pii:
    """How personal a column's values are, and what is done about it.

    Attributes:
        class_: How closely a value leads to a person; `class` in the catalog.
        sensitive: Whether a value may harm its person if known, whatever its class.
        kind: What the values are, as an infoType such as `EMAIL_ADDRESS`; None where they are
            neither personal nor sensitive.
        treatment: What happens to the values on their way to the marts; None where nothing does.
        reason: Why the treatment is right; always given for an identifier left in clear.
    """

    class_: PiiClass
    sensitive: bool = False
    kind: str | None = None
    treatment: Treatment | None = None
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a source or of a table.

    Attributes:
        name: The column's name, as the warehouse knows it.
        description: What the values mean.
        type: A DuckDB type in its canonical spelling, such as `DECIMAL(18,2)` or `VARCHAR[]`.
        domain: Who the column belongs to: its own domain, or else its dataset's.
        pii: How personal the values are.
        required: Whether a source's file must have the column; true for a table's columns.
    """

    name: str
    description: str
    type: str
    domain: Domain
    pii: Pii
    required: bool = True


@dataclass(frozen=True, slots=True)
class Source:
    """The files of one kind that arrive from outside.

    Attributes:
        name: The dataset's name, without a dot.
        filepath: Where the files are, below `data/`; the file name may be a glob.
        description: What the files hold.
        domain: The default domain of the columns; None where each column gives its own.
        columns: The columns by name, in the catalog's order; read-only.
    """

    name: str
    filepath: str
    description: str
    domain: Domain | None
    columns: Mapping[str, Column]


@dataclass(frozen=True, slots=True)
class Table:
    """One table or view of the warehouse.

    Attributes:
        layer: The schema the table is in.
        name: The table's name within its layer.
        description: What the table holds.
        grain: What one row is, if the catalog says so.
        materialized: Whether the rows are stored or computed at each read.
        domain: The default domain of the columns; None where each column gives its own.
        source: For a raw table, the name of the source it is loaded from.
        columns: The columns by name, in the catalog's order; read-only.
    """

    layer: Layer
    name: str
    description: str
    grain: str | None
    materialized: Materialized
    domain: Domain | None
    source: str | None
    columns: Mapping[str, Column]

    @property
    def relation(self) -> str:
        """The table's name in SQL and in the catalog, such as `marts.fact_transactions`."""
        return f"{self.layer}.{self.name}"


@dataclass(frozen=True, slots=True)
class Mask:
    """A macro that counts as masking, as it was approved.

    Attributes:
        macro: The macro's name; its SQL is in `sql/macros/`.
        treatment: What a column that passes it may declare: `mask` or `hash`.
        kinds: The kinds of values it masks; none given means any.
        fingerprint: Digest of the macro's SQL and of the macros it calls, when it was approved.
    """

    macro: str
    treatment: Treatment
    kinds: tuple[str, ...]
    fingerprint: str


@dataclass(frozen=True, slots=True)
class Catalog:
    """Everything `catalog.yaml` declares.

    Attributes:
        path: The file it was read from.
        sources: The sources by name, in the file's order; read-only.
        tables: The tables by relation, such as `raw.members`, in the file's order; read-only.
        masks: The masking policy by macro; read-only.
    """

    path: Path
    sources: Mapping[str, Source]
    tables: Mapping[str, Table]
    masks: Mapping[str, Mask]

    def raw_table_of(self, source: str) -> Table:
        """Find the raw table a source is loaded into.

        Args:
            source: The name of a source of this catalog.

        Returns:
            The one raw table whose `source` it is.

        Raises:
            KeyError: The catalog has no such source.
        """
        for table in self.tables.values():
            if table.source == source:
                return table
        raise KeyError(source)
