"""Where people are: the ids that lead to them alone, and the rows that are theirs.

Nothing here knows a source by its name: what an id is, and of what, says the class and the kind of
a column. A row is a person's whose id of an employee it has, compared as staging compares ids; a
row without one is of the person whose account or transaction it has.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Self

from sqlalchemy import Connection

from benepass_tasks.catalog import Catalog, Table
from benepass_tasks.catalog.datasets import PERSON
from benepass_tasks.config.errors import ProjectError
from benepass_tasks.engine.quoting import quote_name, quote_relation, quote_text
from benepass_tasks.engine.tables import engine_of
from benepass_tasks.sqlmodels import ModelGraph

CLEANING = "clean_id"
"""The macro by which ids are compared."""

IDS = "ids_of_people"
"""The session's table of ids that lead to the people alone: `kind`, `value` as compared."""

PLACES = "places_of_people"
"""The session's table of their rows in raw: `relation`, `_source_file`, `_row_number`."""


@dataclass(frozen=True, slots=True)
class IdColumns:
    """The columns of a table that hold ids.

    Attributes:
        relation: The table.
        person: The column that says whose a row is, if there is one.
        kinds: The kind of each column.
    """

    relation: str
    person: str | None
    kinds: tuple[tuple[str, str], ...]

    @classmethod
    def of(cls, table: Table) -> Self:
        """Those of a table, as the catalog has its columns."""
        columns = [it for it in table.columns.values() if it.pii.class_ == "pseudonym"]
        texts = [it for it in columns if it.type == "VARCHAR"]
        kinds = tuple((it.name, str(it.pii.kind)) for it in texts)
        person = next((name for name, kind in kinds if kind == PERSON), None)
        return cls(table.relation, person, kinds)

    @property
    def home_of(self) -> str | None:
        """The kind of ids that the rows of the table are about: that of its first id."""
        return self.kinds[0][1] if self.kinds else None

    def of_kind(self, kind: str) -> list[str]:
        """The columns of a kind."""
        return [name for name, it in self.kinds if it == kind]

    @property
    def are_theirs(self) -> str | None:
        """The condition under which a row is that of one of the people; None where none can be."""
        others = [(name, kind) for name, kind in self.kinds if kind != PERSON]
        by_others = " or ".join(is_theirs(name, kind) for name, kind in others)
        if self.person is None:
            return f"({by_others})" if others else None
        by_id = is_theirs(self.person, PERSON)
        if not others:
            return by_id
        return f"({by_id} or ({cleaned(self.person)} is null and ({by_others})))"


def cleaned(column: str) -> str:
    """A column of ids as they are compared, as SQL."""
    return f"{CLEANING}({quote_name(column)})"


def is_theirs(column: str, kind: str) -> str:
    """Whether a column has an id that leads to one of the people alone, as SQL."""
    return f"{cleaned(column)} in (select value from {IDS} where kind = {quote_text(kind)})"  # noqa: S608


def raw_ids(catalog: Catalog) -> list[IdColumns]:
    """The id columns of the raw tables, in the order of the sources."""
    return [IdColumns.of(catalog.raw_table_of(it)) for it in catalog.sources]


def locate(
    connection: Connection, catalog: Catalog, graph: ModelGraph, people: Sequence[str]
) -> None:
    """Make the session's tables of the ids and of the rows of people, `IDS` and `PLACES`.

    Args:
        connection: A session.
        catalog: The effective catalog.
        graph: The models, whose macros say how ids are compared.
        people: The ids of the people, however they are written.

    Raises:
        ProjectError: the project has no macro that cleans ids.
    """
    define_cleaning(connection, graph)
    engine = engine_of(connection)
    given = " union ".join(f"select {CLEANING}({quote_text(it)}) as value" for it in people)
    engine.hold(IDS, f"select {quote_text(PERSON)} as kind, value from ({given})")  # noqa: S608
    present = engine.relations()
    tables = [it for it in raw_ids(catalog) if it.relation in present]
    for kind in _kinds(tables):
        _add_own(connection, tables, kind)
    found = [
        f"select {quote_text(it.relation)} as relation, _source_file, _row_number "  # noqa: S608
        f"from {quote_relation(it.relation)} where {it.are_theirs}"
        for it in tables
        if it.are_theirs
    ]
    none = "select '' as relation, '' as _source_file, 0 as _row_number where false"
    engine.hold(PLACES, " union all ".join([none, *found]))


def define_cleaning(connection: Connection, graph: ModelGraph) -> None:
    """Make the macro that cleans ids, and what it calls.

    Raises:
        ProjectError: the project has none.
    """
    if CLEANING not in graph.macros:
        raise ProjectError(
            f"sql/macros/{CLEANING}.sql is missing: it says which ids are the same, and without it "
            "nobody can be found"
        )
    for macro in graph.macros_behind([CLEANING]):
        engine_of(connection).define_here(macro.sql)


def _kinds(tables: Sequence[IdColumns]) -> Iterator[str]:
    """The kinds of ids other than those of people, first those that tables are about."""
    homes = [it.home_of for it in tables]
    all_of_them = [kind for it in tables for _, kind in it.kinds]
    return (it for it in dict.fromkeys([*homes, *all_of_them]) if it and it != PERSON)


def _add_own(connection: Connection, tables: Sequence[IdColumns], kind: str) -> None:
    """Add the ids of a kind that are in rows of the people, and lead to nobody else.

    The rows of the table that is about such ids say whose one is; of an id that it does not know,
    all rows that have it. One that others have as well is theirs, too, and stays.
    """
    wanted, owners = [], []
    for table in tables:
        for name in table.of_kind(kind):
            rows, value = quote_relation(table.relation), cleaned(name)
            owner = cleaned(table.person) if table.person else "null"
            is_home = str(table.home_of == kind).lower()
            if table.are_theirs:
                wanted.append(f"select {value} as value from {rows} where {table.are_theirs}")  # noqa: S608
            owners.append(
                f"select {value} as value, {owner} as owner, {is_home} as is_home from {rows} "  # noqa: S608
                f"where {value} in (select value from wanted)"
            )
    if not wanted:
        return
    connection.exec_driver_sql(
        f"insert into {IDS} "  # noqa: S608
        f"with wanted as ({' union '.join(wanted)}), owners as ({' union all '.join(owners)}), "
        f"judged as (select *, owner not in (select value from {IDS} "
        f"where kind = {quote_text(PERSON)}) as is_others from owners where value is not null) "
        f"select {quote_text(kind)}, value from judged group by value having not coalesce("
        "if(bool_or(is_home), bool_or(is_home and is_others), bool_or(is_others)), false)"
    )
