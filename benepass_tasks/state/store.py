"""Where schema `meta` is kept: by default in the file of the warehouse, beside what it is about.

Whoever reads or writes a table of `meta` asks `state_of` a session of the warehouse for the
connection, and says what it wants in SQLAlchemy Core. Only the SQL of the project, in `sql/`,
reads `meta` in the warehouse itself.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, fields
from functools import cached_property
from typing import Any, TypeVar, cast

from sqlalchemy import Connection, Engine, Table, create_engine, delete, insert, inspect, select
from sqlalchemy.schema import CreateSchema, CreateTable

from benepass_tasks.config.environments import refuse_other
from benepass_tasks.config.errors import ParentMovedError
from benepass_tasks.engine.session import ALIAS, seen_in
from benepass_tasks.state.meta import (
    CHECK_RESULTS,
    ENVIRONMENT,
    MARKERS,
    MASKING,
    METADATA,
    PARENT_STATE,
    PROPERTIES,
    UNVERSIONED,
    VERSION,
    VERSIONS,
)
from benepass_tasks.state.nodes import TESTING

SCHEMA = str(METADATA.schema)

PARENT = "parent"
"""The name of the database of the parent in a session of a branch."""

_STATE = "state"

T = TypeVar("T")


@dataclass(frozen=True)
class StateStore:
    """The database of schema `meta`, of one version.

    Attributes:
        url: Its SQLAlchemy URL. None is the file of the warehouse, where a record is written in the
            transaction that makes its table.
        environment: The environment whose state it is; empty where it is none.
        warehouse: What errors call the warehouse.
    """

    url: str | None = None
    environment: str = ""
    warehouse: str = "the warehouse"

    VERSION = VERSION

    @cached_property
    def engine(self) -> Engine:
        """The engine on its URL."""
        return create_engine(str(self.url))

    @contextmanager
    def joined(self, session: AbstractContextManager[Connection]) -> Iterator[Connection]:
        """A session of the warehouse in which the state is read and written, too.

        Args:
            session: The session, or one transaction of it, which is not open yet.
        """
        if self.url is None:
            with session as opened:
                yield opened
            return
        # The state is committed last: a table that lacks its record is only made again.
        with self.engine.begin() as state, session as opened:
            yield opened.execution_options(**{_STATE: state})

    def version_of(self, session: Connection) -> str | None:
        """Its version; None where nothing was ever written.

        Raises:
            OwnershipError: the warehouse is that of another environment.
        """
        present = present_tables(session)
        owner = property_of(session, ENVIRONMENT) or ""
        refuse_other(self.warehouse, "warehouse", owner, self.environment)
        if VERSIONS.name not in present:
            return UNVERSIONED if present else None
        return _once(session, VERSIONS.name, _read_version)

    def _ensure_schema(self, state: Connection) -> None:
        # Beside a branch, SQLAlchemy would take that of its parent for its own.
        if self.url is None or not inspect(state).has_schema(SCHEMA):
            state.execute(CreateSchema(SCHEMA, if_not_exists=self.url is None))

    def refuse_moved(self, session: Connection) -> None:
        """Stop where the parent of a branch holds something else than the branch knows of it.

        Raises:
            ParentMovedError: it does.
        """
        known = property_of(session, PARENT_STATE)
        if known is not None and known != state_digest(session, PARENT):
            raise ParentMovedError(
                f"the parent of branch {self.environment} has moved on since: "
                f"`benepass run --benepass-env {self.environment}` goes on from where it is now"
            )

    def prepare_tables(self, session: Connection, variables: Mapping[str, str]) -> None:
        """Create the tables, or bring them to this version, and create what is missing of them.

        Where the results of tests are missing, the word that the tests passed goes with them.

        Args:
            session: A session that writes.
            variables: Those of the run: whether personal data is masked is remembered, unless the
                warehouse already has an answer.

        Raises:
            OwnershipError: the warehouse is that of another environment.
        """
        state, version = state_of(session), self.version_of(session)
        if version is None:
            self._ensure_schema(state)
        elif version != VERSION:
            from benepass_tasks.state.migrations import upgrade  # noqa: PLC0415 - rarely needed

            upgrade(state)
            _look_again(session)
        _create_missing(session)
        if version is None:
            state.execute(insert(VERSIONS), {"version_num": VERSION})
        if property_of(session, MASKING) is None:
            write_properties(session, {MASKING: variables[MASKING]})


def state_digest(session: Connection, database: str = ALIAS) -> str:
    """Digest of what an attached warehouse holds: its tables and views, and what it has loaded."""
    meta = f"{database}.{SCHEMA}"
    records = f"select name, recipe, content from {meta}.markers where kind = 'relation'"  # noqa: S608
    loads = f"select source || '/' || file, recipe, load_id from {meta}.loads"  # noqa: S608
    query = (
        "select coalesce(md5(string_agg(concat_ws(' ', name, recipe, content), ';' order by name)"  # noqa: S608
        f"), '') from ({records} union all {loads})"
    )
    return str(session.exec_driver_sql(query).scalar_one())


def state_of(session: Connection) -> Connection:
    """The connection on which the state is read and written in a session of the warehouse."""
    state: Connection = session.get_execution_options().get(_STATE, session)
    return state


def property_of(session: Connection, name: str) -> str | None:
    """What the warehouse remembers under a name; None where that is nothing."""
    return _once(session, PROPERTIES.name, _read_properties).get(name)


def _read_properties(session: Connection) -> Mapping[str, str]:
    if PROPERTIES.name not in present_tables(session):
        return {}
    of = PROPERTIES.c
    return {it.name: it.value for it in state_of(session).execute(select(of.name, of.value))}


def _read_version(session: Connection) -> str:
    return state_of(session).execute(select(VERSIONS.c.version_num)).scalar() or UNVERSIONED


def is_branch(session: Connection) -> bool:
    """Whether the warehouse is that of a branch, which remembers what its parent held."""
    return property_of(session, PARENT_STATE) is not None


def write_properties(session: Connection, values: Mapping[str, str]) -> None:
    """Let the warehouse remember something under some names, in place of what it did before."""
    rows = [{"name": name, "value": value} for name, value in values.items()]
    if rows:
        state = state_of(session)
        state.execute(delete(PROPERTIES).where(PROPERTIES.c.name.in_(values)))
        state.execute(insert(PROPERTIES), rows)
        _look_again(session)


def read_all(session: Connection, table: Table, kind: type[T]) -> list[T]:
    """All rows of a table of `meta`, each as a dataclass; none where the table is not there yet."""
    if table.name not in present_tables(session):
        return []
    columns = [table.c[it.name] for it in fields(cast("Any", kind))]
    return [kind(*row) for row in state_of(session).execute(select(*columns))]


def present_tables(session: Connection) -> frozenset[str]:
    """The names of the tables of `meta` that there are in the database in use."""
    return _once(session, "tables", _read_names)


def _read_names(session: Connection) -> frozenset[str]:
    return frozenset(inspect(state_of(session)).get_table_names(schema=SCHEMA))


def _once(session: Connection, what: str, read: Callable[[Connection], T]) -> T:
    """What is read of the state; once, where it is in the warehouse and nobody else writes that."""
    is_within = state_of(session) is session
    seen: dict[str, T] = seen_in(session).setdefault(SCHEMA, {}) if is_within else {}
    if what not in seen:
        seen[what] = read(session)
    return seen[what]


def _look_again(session: Connection) -> None:
    seen_in(session).pop(SCHEMA, None)


def missing_tables(session: Connection) -> list[str]:
    """The names of the tables that are not there, as in a warehouse that was never written."""
    present = present_tables(session)
    return [table.name for table in METADATA.sorted_tables if table.name not in present]


def _create_missing(session: Connection) -> None:
    state, missing = state_of(session), missing_tables(session)
    for name in missing:
        state.execute(CreateTable(METADATA.tables[f"{SCHEMA}.{name}"]))
    _look_again(session)
    if CHECK_RESULTS.name in missing:
        state.execute(delete(MARKERS).where(MARKERS.c.kind.in_(TESTING)))
