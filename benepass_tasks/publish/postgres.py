"""A schema of a Postgres database for an audience: tables, comments, and who may read them.

What an audience must not see is not in its schema, so no statement, view or statistic of its role
finds it there; what is for others is in schemas that the role may not use. All of it is one
transaction: a reader sees the tables before or the new ones, with the grants that belong to them.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy.exc import ArgumentError

from benepass_tasks.catalog.audiences import PostgresPlace
from benepass_tasks.catalog.wording import printable
from benepass_tasks.config.database_address import database_address, unset_address
from benepass_tasks.config.digests import digest
from benepass_tasks.config.errors import PublicationError
from benepass_tasks.engine.session import Run
from benepass_tasks.publish.pieces import pieces_of
from benepass_tasks.state.publication import Part, Publication, PublishedTable

if TYPE_CHECKING:
    import psycopg

CONNECTING: Final = 10
"""Seconds that a database may take to answer at all."""

WAITING: Final = "60s"
"""How long readers may keep the tables that are to go."""

ROWS: Final = 50_000
"""Rows that are copied at once."""

MARK: Final = "benepass-tasks, audience "
"""What the comment of a schema of ours begins with."""

_TYPES: Final = {
    "VARCHAR": "text",
    "DOUBLE": "double precision",
    "TIMESTAMP": "timestamp without time zone",
    "TIMESTAMP WITH TIME ZONE": "timestamp with time zone",
    "BLOB": "bytea",
}
"""What Postgres calls a type that it does not call as DuckDB does."""

_ALL_POWERFUL: Final = """
select rolsuper or exists (
    select from pg_roles as other
    where other.rolname = any(%(other)s) and pg_has_role(role.oid, other.oid, 'member')
)
from pg_roles as role where role.rolname = %(role)s
"""

POWERS: Final = ("pg_read_all_data", "pg_read_server_files", "pg_execute_server_program")
"""Roles of Postgres that may read whatever there is."""

_THERE: Final = """
select relname, array(
    select array[attname::text, format_type(atttypid, atttypmod), attacl::text]
    from pg_attribute where attrelid = it.oid and attnum > 0 and not attisdropped order by attnum
)
from pg_class as it where relnamespace = %(schema)s::regnamespace and relkind = 'r'
"""
"""The tables of a schema, with names, types and grants of their columns."""

_GRANTS: Final = """
select distinct kind, name, coalesce(pg_get_userbyid(nullif(grantee, 0::oid)), 'public')
from (
    select 'schema' as kind, nspname as name, nspacl as acl, nspowner as owner
    from pg_namespace where nspname = %(schema)s
    union all
    select 'table', relname, relacl, relowner
    from pg_class where relnamespace = %(schema)s::regnamespace and relkind = 'r'
) as ours, aclexplode(acl) as granted
where grantee <> owner
"""

_OTHERS: Final = """
select nspname from pg_namespace
where nspname <> %(schema)s and obj_description(oid, 'pg_namespace') like %(mark)s || '%%'
and has_schema_privilege(%(role)s, oid, 'usage')
"""


class Schema:
    """A schema that is being filled, in a transaction that is not committed yet."""

    def __init__(
        self, connection: "psycopg.Connection[Any]", place: PostgresPlace, audience: str, env: str
    ) -> None:
        """Take the connection, and nothing yet of what is there."""
        self._connection, self.place = connection, place
        self._comment = f"{MARK}{audience}" + (f" of {env}" if env else "")
        self._version = ""

    def fill(self, run: Run, part: Part) -> None:
        """As `Filling.fill`: tables take the place of all that it has, and the role reads them.

        Raises:
            PublicationError: the schema is somebody else's, its role may read what is for others,
                or the database refuses.
        """
        rows = (piece.rows for it in part.tables for piece in pieces_of(run, it, None))
        self._version = digest(part.code_version, *rows)[:32]
        with _told(self.place):
            self._take()
            kept = self._empty(part.tables)
            for table in part.tables:
                self._create(table, is_there=table.table.name in kept)
                self._copy(run, table)
            self._let_read()

    def commit(self) -> Mapping[str, str]:
        """As `Filling.commit`; its state is what its comment says of it."""
        with _told(self.place):
            self._connection.commit()
        return {self.place.name: self._version}

    def _run(self, statement: str, *names: str, **values: object) -> list[tuple[Any, ...]]:
        """Run a statement, in which each {} is a name and each %(value)s a value."""
        from psycopg import sql  # noqa: PLC0415 - of the extra

        composed = sql.SQL(statement).format(*map(sql.Identifier, names))
        cursor = self._connection.execute(composed, values or None)
        return cursor.fetchall() if cursor.description else []

    def _take(self) -> None:
        """Make the schema, or make sure that it is ours."""
        schema = self.place.schema
        self._connection.execute(f"set local lock_timeout = '{WAITING}'")
        self._run("select pg_advisory_xact_lock(hashtext(%(name)s))", name=f"{MARK}{schema}")
        self._require_role()
        said = _comment_of(self._connection, schema)
        if said is None:
            self._run("create schema {}", schema)
        elif said.partition(":")[0] != self._comment:
            raise PublicationError(
                f"{self.place.credentials}: schema {schema} is there and is not that of this "
                "audience and environment, and nothing of it was touched: name another one, or "
                "drop it"
            )

    def _empty(self, tables: Sequence[PublishedTable]) -> set[str]:
        """Drop all tables but those that have the columns they should; these have no rows then.

        Views that somebody made of such a table stay. Unlike deleted rows, what is truncated is
        gone from the disk as well.
        """
        wanted = {
            it.table.name: [[column.name, type_of(column.type), None] for column in it.columns]
            for it in tables
        }
        kept = set()
        for table, columns in self._run(_THERE, schema=self.place.schema):
            if columns == wanted.get(table):
                self._run("truncate {}.{}", self.place.schema, table)
                kept.add(table)
            else:
                self._run("drop table {}.{}", self.place.schema, table)
        return kept

    def _require_role(self) -> None:
        """Make the role if it is not there; one that may read everything is refused."""
        role = self.place.role
        others = [*POWERS, self._connection.info.user]
        found = self._run(_ALL_POWERFUL, role=role, other=others)
        if not found:
            self._run("create role {} nologin", role)
        elif found[0][0]:
            raise PublicationError(
                f"{self.place.credentials}: role {role} may read whatever is in the database, so "
                "nothing is withheld from it: name a role without such rights"
            )

    def _create(self, table: PublishedTable, *, is_there: bool) -> None:
        schema, name = self.place.schema, table.table.name
        if not is_there:
            columns = ", ".join(f"{{}} {type_of(column.type)}" for column in table.columns)
            self._run(f"create table {{}}.{{}} ({columns})", schema, name, *table.comments)
        self._comment_on("table {}.{}", table.comment, schema, name)
        for column, comment in table.comments.items():
            self._comment_on("column {}.{}.{}", comment, schema, name, column)

    def _comment_on(self, what: str, comment: str, *names: str) -> None:
        from psycopg import sql  # noqa: PLC0415 - of the extra

        named = sql.SQL(what).format(*map(sql.Identifier, names))
        self._connection.execute(sql.SQL("comment on {} is {}").format(named, sql.Literal(comment)))

    def _copy(self, run: Run, table: PublishedTable) -> None:
        from psycopg import sql  # noqa: PLC0415 - of the extra

        target = sql.Identifier(self.place.schema, table.table.name)
        cursor = self._connection.cursor()
        with cursor.copy(sql.SQL("copy {} from stdin").format(target)) as copy:
            for begin in range(0, _rows(run, table.written), ROWS):
                within = f"rowid >= {begin} and rowid < {begin + ROWS}"
                for row in run(f"from {table.written} where {within}"):
                    copy.write_row(row)

    def _let_read(self) -> None:
        """Let the role read the tables, and nobody whom the database lets read by default."""
        schema, role = self.place.schema, self.place.role
        for kind, name, grantee in self._run(_GRANTS, schema=schema):
            names = [schema] if kind == "schema" else [schema, name]
            dotted = ".".join(["{}"] * len(names))
            if grantee == "public":
                self._run(f"revoke all on {kind} {dotted} from public", *names)
            else:
                self._run(f"revoke all on {kind} {dotted} from {{}}", *names, grantee)
        self._run("grant usage on schema {} to {}", schema, role)
        self._run("grant select on all tables in schema {} to {}", schema, role)
        others = self._run(_OTHERS, schema=schema, role=role, mark=MARK)
        if others:
            raise PublicationError(
                f"{self.place.credentials}: role {role} may use schema {others[0][0]} as well, "
                "which is for another audience: take that from it"
            )
        self._comment_on("schema {}", f"{self._comment}: {self._version}", schema)


@dataclass(frozen=True)
class PostgresTarget:
    """A schema, as somewhere that an audience reads: it is one part."""

    place: PostgresPlace

    def states(self) -> Mapping[str, str] | None:
        """As `Target.states`: what the comment of the schema says of it."""
        try:
            with _told(self.place), _connected(self.place) as connection:
                said = _comment_of(connection, self.place.schema)
        except PublicationError:
            return None
        return {self.place.name: (said or "").rpartition(": ")[2]}

    @contextmanager
    def filling(self, publication: Publication, run_id: str, aside: Path) -> Iterator[Schema]:  # noqa: ARG002 - nothing is written on the way
        """As `Target.filling`; the data of another environment is left alone."""
        with _told(self.place):
            connection = _connected(self.place)
        with _told(self.place), connection:
            try:
                yield Schema(connection, self.place, publication.audience.name, publication.env)
            finally:
                connection.rollback()

    def drop(self) -> None:
        """As `Target.drop`."""
        from psycopg import sql  # noqa: PLC0415 - of the extra

        with _told(self.place), _connected(self.place) as connection:
            if (_comment_of(connection, self.place.schema) or "").startswith(MARK):
                schema = sql.Identifier(self.place.schema)
                connection.execute(sql.SQL("drop schema {} cascade").format(schema))

    def forget_past(self) -> None:
        """As `Target.forget_past`: a schema has none."""

    def texts(self) -> Iterator[tuple[str, bytes]]:
        """As `Target.texts`."""
        from psycopg import sql  # noqa: PLC0415 - of the extra

        where = f"{self.place.credentials}: schema {self.place.schema}"
        with _told(self.place), _connected(self.place) as connection:
            tables = connection.execute(
                "select tablename from pg_tables where schemaname = %s", [self.place.schema]
            ).fetchall()
            for (table,) in tables:
                name = sql.Identifier(self.place.schema, table)
                with connection.cursor().copy(sql.SQL("copy {} to stdout").format(name)) as copy:
                    yield from ((where, bytes(it)) for it in copy)


def _comment_of(connection: "psycopg.Connection[Any]", schema: str) -> str | None:
    """The comment of a schema, or empty; None where there is no such schema."""
    found = connection.execute(
        "select obj_description(oid, 'pg_namespace') from pg_namespace where nspname = %s",
        [schema],
    ).fetchone()
    return None if found is None else found[0] or ""


def _connected(place: PostgresPlace) -> "psycopg.Connection[Any]":
    import psycopg  # noqa: PLC0415 - of the extra

    url = database_address(place.credentials)
    if url is None:
        raise PublicationError(unset_address(place.credentials))
    if url.get_backend_name() != "postgresql":
        raise PublicationError(f"{place.credentials} is the address of no Postgres database")
    address = url.set(drivername="postgresql").render_as_string(hide_password=False)
    connection = psycopg.connect(address, connect_timeout=CONNECTING)
    # Names of tables and functions are those of Postgres, whatever somebody put elsewhere.
    connection.execute("set search_path = pg_catalog, pg_temp")
    return connection


@contextmanager
def _told(place: PostgresPlace) -> Iterator[None]:
    """Word what a database or its driver says, without a secret and without a value of the data."""
    try:
        import psycopg  # noqa: PLC0415 - of the extra
    except ModuleNotFoundError:
        raise PublicationError(
            f"{place.credentials}: the driver of Postgres is not installed: "
            "pip install 'benepass-tasks[sql]'"
        ) from None
    try:
        yield
    except ArgumentError as error:
        raise PublicationError(str(error)) from None
    except psycopg.errors.DependentObjectsStillExist:
        raise PublicationError(
            f"{place.credentials}: something depends on a table of schema {place.schema}, such as "
            "a view, and would be lost with it: make it in another way, or drop it. What was "
            "published before is still there"
        ) from None
    except psycopg.Error as error:
        raise PublicationError(
            f"schema {place.schema} of {place.credentials} cannot be written: "
            f"{_worded(error, place)}. What was published before is still there"
        ) from None


def _worded(error: "psycopg.Error", place: PostgresPlace) -> str:
    """What may be said: that something is not there or not allowed, but no value."""
    from psycopg import OperationalError, ProgrammingError  # noqa: PLC0415 - of the extra

    if not isinstance(error, OperationalError | ProgrammingError):
        return type(error).__name__
    lines = [it.strip() for it in str(error).splitlines() if it.strip()] or ["no reason given"]
    url = database_address(place.credentials)
    password = str(url.password or "") if url else ""
    said = printable(lines[0], 300)
    return said.replace(password, "****") if password else said


def type_of(type_: str) -> str:
    """What Postgres calls a type of DuckDB's."""
    item = type_.removesuffix("[]")
    name = _TYPES.get(item, item.lower().replace("decimal", "numeric"))
    return f"{name}[]" if type_.endswith("[]") else name


def _rows(run: Run, name: str) -> int:
    return int(run(f"select count(*) from {name}")[0][0])  # noqa: S608 - a quoted name
