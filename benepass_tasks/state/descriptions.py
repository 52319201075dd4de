"""What the columns of a warehouse are said to hold, as of its last run that succeeded.

A warehouse tells of its tables what they hold, but not how personal that is: the catalog and the
SQL do, and those may be others by now.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass

from sqlalchemy import Connection, delete, insert

from benepass_tasks.sqlmodels.effective import Definitions
from benepass_tasks.sqlmodels.privacy.report import sources
from benepass_tasks.sqlmodels.privacy.verdicts import RANK
from benepass_tasks.state.meta import DESCRIBED_COLUMNS
from benepass_tasks.state.store import property_of, read_all, state_of, write_properties

DESCRIBED_BY = "described_by"
"""The property that has the digest of the catalog and the SQL that the descriptions follow from."""

SEPARATOR = ", "


@dataclass(frozen=True, slots=True)
class Described:
    """A row of `meta.described_columns`.

    Attributes:
        relation: The table.
        column_name: The column.
        type: Its type.
        class_: How closely a value leads to a person.
        is_sensitive: Whether a value may harm its person if known.
        kind: What the values are, where they are personal or sensitive.
        treatment: What happens to the values on their way.
        is_published: Whether analysts get it.
        origins: The columns of sources that it derives from, with the masks on the way.
    """

    relation: str
    column_name: str
    type: str
    class_: str
    is_sensitive: bool
    kind: str | None
    treatment: str | None
    is_published: bool
    origins: str

    @property
    def rank(self) -> tuple[int, bool]:
        """How personal it is, to compare."""
        return RANK[self.class_], self.is_sensitive

    @property
    def carries(self) -> str:
        """What it carries, in words; empty where that is nothing personal."""
        found = (self.class_ if self.class_ != "none" else "", "sensitive" * self.is_sensitive)
        return " ".join(filter(None, (*found, self.kind and f"({self.kind})")))


Descriptions = Mapping[tuple[str, str], Described]
"""The columns by table and name."""


def descriptions_of(definitions: Definitions) -> Descriptions:
    """What the catalog and the SQL say of each column.

    Raises:
        ModelError: the lineage of some SQL cannot be followed.
    """
    return _by_place(_described(definitions))


def _described(definitions: Definitions) -> Iterator[Described]:
    tables = definitions.catalog.tables
    for it in definitions.proof.verdicts:
        relation, column = it.column.relation, it.column.column
        said = it.declared
        yield Described(
            relation,
            column,
            tables[relation].columns[column].type,
            said.class_,
            said.sensitive,
            said.kind,
            said.treatment,
            bool(it.audiences),
            SEPARATOR.join(sources(it)),
        )


def describe(connection: Connection, definitions: Definitions) -> None:
    """Keep what the columns are said to hold, where that may be something else than before."""
    key, state = definitions.proof_key, state_of(connection)
    if property_of(connection, DESCRIBED_BY) == key:
        return
    state.execute(delete(DESCRIBED_COLUMNS))
    rows = [asdict(it) for it in _described(definitions)]
    if rows:
        state.execute(insert(DESCRIBED_COLUMNS), rows)
    write_properties(connection, {DESCRIBED_BY: key})


def read_descriptions(connection: Connection) -> Descriptions:
    """What the columns of a warehouse were said to hold; empty where no run has said so yet."""
    return _by_place(read_all(connection, DESCRIBED_COLUMNS, Described))


def _by_place(found: Iterable[Described]) -> Descriptions:
    return {(it.relation, it.column_name): it for it in found}
