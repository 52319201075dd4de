"""On a real server of Postgres: a role reads what is for its audience, and nobody's name else."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import duckdb
import psycopg
import pytest
from audiences import NAMED, Publishing
from postgres import PASSWORD, postgres

from benepass_tasks.catalog.audiences import PostgresPlace
from benepass_tasks.config.errors import PublicationError
from benepass_tasks.ingestion.people.traces import Traces
from benepass_tasks.pipeline.erasure.proof import search
from benepass_tasks.publish.postgres import PostgresTarget, Schema
from benepass_tasks.state.publication import Part

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

VARIABLE = "AUDIENCE_DATABASE"
ANALYSTS = {"credentials": VARIABLE, "schema": "for_analysts", "role": "analyst_reader"}
STAFF = {"credentials": VARIABLE, "schema": "for_staff", "role": "staff_reader"}
AUDIENCES = {"analyst": {"postgres": ANALYSTS}, "staff": NAMED | {"postgres": STAFF}}
FOR_STAFF = PostgresTarget(PostgresPlace(**STAFF))
FOR_ANALYSTS = PostgresTarget(PostgresPlace(**ANALYSTS))
STATE = FOR_STAFF.place.name


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    with postgres() as address:
        yield address


@pytest.fixture
def owner(server: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[psycopg.Connection[Any]]:
    monkeypatch.setenv(VARIABLE, server)
    with psycopg.connect(server, autocommit=True) as connection:
        yield connection
        for name in ("for_analysts", "for_staff", "other"):
            connection.execute(f"drop schema if exists {name} cascade")
        for name in ("ann", "analyst_reader", "staff_reader"):
            if connection.execute("select from pg_roles where rolname = %s", [name]).rowcount:
                connection.execute(f"drop owned by {name} cascade")
                connection.execute(f"drop role {name}")


@contextmanager
def as_analyst(owner: psycopg.Connection[Any]) -> Iterator[psycopg.Connection[Any]]:
    """Somebody who may do what analysts may, and nothing else."""
    owner.execute(f"create role ann login password '{PASSWORD}' in role analyst_reader")
    info = owner.info
    address = f"postgresql://ann:{PASSWORD}@127.0.0.1:{info.port}/{info.dbname}"
    with psycopg.connect(address, autocommit=True) as connection:
        yield connection


@pytest.mark.usefixtures("owner")
def published(tmp_path: Path, audiences: dict[str, Any] = AUDIENCES) -> Publishing:
    made = Publishing(tmp_path, audiences)
    made.publish()
    return made


def test_each_audience_has_its_tables_with_types_comments_and_rows(
    tmp_path: Path, owner: psycopg.Connection[Any]
) -> None:
    published(tmp_path)
    types = owner.execute(
        "select column_name, data_type from information_schema.columns "
        "where table_schema = 'for_staff' and table_name = 'people' order by ordinal_position"
    ).fetchall()
    assert types == [
        ("id", "text"),
        ("name", "text"),
        ("email", "text"),
        ("hired", "date"),
        ("days", "bigint"),
        ("tags", "ARRAY"),
    ]
    names = owner.execute("select id, name, tags from for_staff.people order by id").fetchall()
    assert names == [
        ("E1", "Ann", ["a", "it's"]),
        ("E2", "Zoë\n\\.", []),
        ("E3", None, None),
    ]
    amounts = owner.execute("select id, amount::text from for_analysts.spend order by id")
    assert amounts.fetchall() == [("E1", "10.50"), ("E2", "-3.00")]
    said = owner.execute("select obj_description('for_staff.people'::regclass)").fetchone()
    assert said == ("The people.",)


TRIALS = (
    "select name from for_staff.people",
    "select * from for_staff.people",
    "copy for_staff.people to stdout",
    "copy (select name from for_staff.people) to stdout",
    "copy for_analysts.people to program 'cat'",
    "copy for_analysts.people from '/etc/passwd'",
    "table for_staff.people",
    "select count(*) from for_staff.people where name like 'A%'",
    "select 1 / (name = 'Ann')::int from for_staff.people",
    "select name::int from for_staff.people",
    "explain analyze select * from for_staff.people where name = 'Ann'",
    "create view pg_temp.seen as select * from for_staff.people",
    "create temp table seen as select * from for_staff.people",
    "do $$ begin create function pg_temp.f() returns text return (table for_staff.people); end $$",
    "do $$ begin raise '%', (select string_agg(name, ',') from for_staff.people); end $$",
    "select query_to_xml('select * from for_staff.people', true, true, '')",
    "select table_to_xml('for_staff.people'::regclass, true, true, '')",
    "select database_to_xml(true, true, '')",
    "select schema_to_xml('for_staff', true, true, '')",
    "select most_common_vals::text, histogram_bounds::text from pg_stats",
    "select stavalues1 from pg_statistic",
    "select * from pg_stats_ext_exprs",
    "select query from pg_stat_activity",
    "select pg_get_viewdef(oid) from pg_class where relkind = 'v'",
    "select description from pg_description",
    "select pg_read_file('pg_hba.conf')",
    "select pg_relation_filepath('for_staff.people'), pg_read_binary_file('base/1/1259')",
    "select lo_import('/etc/passwd')",
    "lock table for_staff.people",
    "analyze for_staff.people",
    "set role staff_reader",
    "set role hr",
    "set session authorization hr",
    "grant staff_reader to ann",
    "alter schema for_staff rename to mine",
    "create index on for_staff.people (name)",
    "declare seen cursor with hold for select * from for_staff.people",
    "select query_to_xml('table for_staff.people', true, true, '') from for_analysts.people",
    "select currtid2('for_staff.people', '(0,1)')",
    "select pg_notify('names', (select name from for_staff.people limit 1))",
    "select * from information_schema.column_privileges",
    "select * from pg_prepared_statements",
)
"""What somebody tries who wants to know a name."""


def test_the_role_of_analysts_reads_no_name_by_any_statement(
    tmp_path: Path, owner: psycopg.Connection[Any]
) -> None:
    published(tmp_path)
    owner.execute("analyze")
    stats = owner.execute("select most_common_vals::text from pg_stats where tablename = 'people'")
    assert stats.fetchall(), "there are statistics to be read"
    with as_analyst(owner) as analyst:
        allowed = analyst.execute("select id from for_analysts.people order by id").fetchall()
        assert allowed == [("E1",), ("E2",), ("E3",)]
        for trial in TRIALS:
            answer = tried(analyst, trial)
            assert not any(name in answer for name in ("Ann", "Zo", "ann@example")), trial
        assert "permission denied for schema for_staff" in tried(analyst, TRIALS[0])


def test_the_attempts_find_a_name_where_the_role_may_read_it(
    tmp_path: Path, owner: psycopg.Connection[Any]
) -> None:
    """Otherwise that they find none would say nothing."""
    published(tmp_path)
    owner.execute("analyze")
    with as_analyst(owner) as analyst:
        owner.execute("grant usage on schema for_staff to analyst_reader")
        owner.execute("grant select on all tables in schema for_staff to analyst_reader")
        found = [it for it in TRIALS if "Ann" in tried(analyst, it)]
    assert len(found) >= 10


def tried(connection: psycopg.Connection[Any], statement: str) -> str:
    """All that a server answers to a statement: rows, messages, notices."""
    notices: list[str] = []
    connection.add_notice_handler(lambda it: notices.append(str(it.message_primary)))
    try:
        if statement.startswith("copy") and statement.endswith("stdout"):
            with connection.cursor().copy(statement) as copy:
                return b"".join(map(bytes, copy)).decode()
        cursor = connection.execute(statement)
        rows = [str(cursor.fetchall())] if cursor.description else []
        while cursor.nextset():
            rows += [str(cursor.fetchall())] if cursor.description else []
        return "".join([*rows, *notices])
    except psycopg.Error as error:
        # Without the line of the statement, which whoever asks knows already.
        said = (error.diag.message_primary, error.diag.message_detail, error.diag.message_hint)
        return "".join([*filter(None, said), *notices])


def test_nobody_reads_it_whom_the_database_lets_read_by_default(
    tmp_path: Path, owner: psycopg.Connection[Any]
) -> None:
    owner.execute("create role ann login")
    owner.execute("alter default privileges grant select on tables to public")
    owner.execute("alter default privileges grant usage on schemas to ann")
    try:
        published(tmp_path)
        grants = owner.execute(
            "select distinct coalesce(pg_get_userbyid(nullif(grantee, 0::oid)), 'public') "
            "from pg_class, aclexplode(relacl) "
            "where relnamespace = 'for_staff'::regnamespace "
            "union select distinct pg_get_userbyid(grantee) from pg_namespace, aclexplode(nspacl) "
            "where nspname = 'for_staff'"
        ).fetchall()
    finally:
        owner.execute("alter default privileges revoke select on tables from public")
        owner.execute("alter default privileges revoke usage on schemas from ann")
    assert set(grants) == {("hr",), ("staff_reader",)}


def test_a_reader_sees_the_tables_before_or_the_new_ones_never_a_part(
    tmp_path: Path, owner: psycopg.Connection[Any], server: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = published(tmp_path)
    seen = []
    commit = Schema.commit

    def looked_before(schema: Schema) -> Mapping[str, str]:
        with psycopg.connect(server) as reader:
            reader.execute("set lock_timeout = '100ms'")
            comment = reader.execute(
                "select obj_description(oid, 'pg_namespace') from pg_namespace "
                "where nspname = 'for_staff'"
            ).fetchone()
            seen.append(comment)
        return commit(schema)

    before = (FOR_STAFF.states() or {})[STATE]
    made.audiences = {"staff": NAMED | {"postgres": STAFF, "datasets": ["marts.people"]}}
    monkeypatch.setattr(Schema, "commit", looked_before)
    made.publish()
    assert seen == [(f"benepass-tasks, audience staff: {before}",)]
    tables = owner.execute("select tablename from pg_tables where schemaname = 'for_staff'")
    assert tables.fetchall() == [("people",)]


STAFF_WITHOUT_PEOPLE = NAMED | {"postgres": STAFF, "datasets": ["marts.spend"]}


def test_a_view_of_somebody_stays_as_long_as_the_table_has_its_columns(
    tmp_path: Path, owner: psycopg.Connection[Any]
) -> None:
    made = published(tmp_path)
    owner.execute("create schema other")
    owner.execute("create view other.theirs as select name from for_staff.people where id = 'E1'")
    owner.execute("grant select (name) on for_staff.people to public")
    with pytest.raises(PublicationError, match="something depends on a table of schema for_staff"):
        made.publish()
    owner.execute("revoke select (name) on for_staff.people from public")
    with duckdb.connect(str(tmp_path / "warehouse.duckdb")) as connection:
        connection.execute("update marts.people set name = 'Mia' where id = 'E1'")
    made.publish()
    assert owner.execute("table other.theirs").fetchall() == [("Mia",)]


def test_one_database_that_fails_leaves_every_audience_what_it_had(
    tmp_path: Path, owner: psycopg.Connection[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    made = published(tmp_path)
    files = {it: it.stat().st_ino for it in made.told.published_dir.rglob("*.*")}
    owner.execute("create schema other")
    owner.execute("create view other.theirs as select name from for_staff.people")
    made.audiences = AUDIENCES | {"staff": STAFF_WITHOUT_PEOPLE}
    with pytest.raises(PublicationError, match="something depends on a table of schema for_staff"):
        made.publish()
    assert {it: it.stat().st_ino for it in files} == files
    owner.execute("drop view other.theirs")
    made.publish()
    monkeypatch.delenv(VARIABLE)
    with pytest.raises(PublicationError, match="AUDIENCE_DATABASE is not set: export the address"):
        made.publish()


@pytest.mark.parametrize(
    ("before", "refusal"),
    [
        ("create schema for_staff", "schema for_staff is there and is not that of this audience"),
        ("create role staff_reader superuser", "may read whatever is in the database"),
        ("create role staff_reader in role pg_read_all_data", "may read whatever is in the"),
        ("create role staff_reader in role hr", "may read whatever is in the database"),
    ],
)
def test_what_is_somebody_else_s_and_who_may_read_all_is_refused(
    before: str, refusal: str, tmp_path: Path, owner: psycopg.Connection[Any]
) -> None:
    owner.execute(before)
    with pytest.raises(PublicationError, match=refusal):
        published(tmp_path)
    found = owner.execute("select from pg_namespace where nspname = 'for_analysts'")
    assert not found.rowcount


@pytest.mark.usefixtures("owner")
def test_a_schema_that_holds_the_data_of_another_environment_is_left_alone(tmp_path: Path) -> None:
    made = Publishing(tmp_path, AUDIENCES, {"env": "prod"})
    made.publish()
    before = FOR_ANALYSTS.states()
    made.settings["env"] = "dev"
    with pytest.raises(PublicationError, match="not that of this audience and environment"):
        made.publish()
    assert FOR_ANALYSTS.states() == before != {FOR_ANALYSTS.place.name: ""}
    made.settings["env"] = "prod"
    made.publish()


def test_a_role_that_may_read_what_is_for_another_audience_is_refused(
    tmp_path: Path, owner: psycopg.Connection[Any]
) -> None:
    made = published(tmp_path)
    owner.execute("grant usage on schema for_staff to analyst_reader")
    owner.execute("grant staff_reader to analyst_reader")
    with pytest.raises(PublicationError, match="role analyst_reader may use schema for_staff"):
        made.publish()


@pytest.mark.usefixtures("owner")
def test_no_message_has_the_password_or_a_value(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, server: str
) -> None:
    made = Publishing(tmp_path, AUDIENCES)
    monkeypatch.setenv(VARIABLE, server.replace(PASSWORD, "wr0ng-pass"))
    with pytest.raises(PublicationError) as caught:
        made.publish()
    assert "wr0ng-pass" not in str(caught.value)
    assert "cannot be written" in str(caught.value)
    monkeypatch.setenv(VARIABLE, "mysql://u:p@127.0.0.1/d")
    with pytest.raises(PublicationError, match="is the address of no Postgres database"):
        made.publish()


@pytest.mark.usefixtures("owner")
def test_two_runs_fill_a_schema_one_after_the_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = Publishing(tmp_path, AUDIENCES)
    done, commit = [], Schema.commit

    def fill_another() -> None:
        with FOR_STAFF.filling(made.publications["staff"], "run", tmp_path) as schema:
            schema.fill(lambda _: [], Part(STATE, FOR_STAFF.place, (), "another"))
            done.append("another")

    def committed(schema: Schema) -> Mapping[str, str]:
        if not threads and schema.place.schema == "for_staff":
            threads.append(threading.Thread(target=fill_another))
            threads[0].start()
            threads[0].join(timeout=1)
            done.append("first")
        return commit(schema)

    threads: list[threading.Thread] = []
    monkeypatch.setattr(Schema, "commit", committed)
    made.publish()
    threads[0].join(timeout=30)
    assert done == ["first", "another"]


@pytest.mark.usefixtures("owner")
def test_what_is_in_a_schema_can_be_looked_at_searched_and_dropped(tmp_path: Path) -> None:
    made = Publishing(tmp_path, AUDIENCES)
    assert FOR_STAFF.states() == {STATE: ""}
    written = made.publish()["staff"][STATE]
    assert FOR_STAFF.states() == {STATE: written.data_hash}
    assert any(b"Ann" in it for _, it in FOR_STAFF.texts())
    FOR_STAFF.forget_past()
    assert any(b"Ann" in it for _, it in FOR_STAFF.texts())
    FOR_STAFF.drop()
    FOR_STAFF.drop()
    assert FOR_STAFF.states() == {STATE: ""}


@pytest.mark.usefixtures("owner")
def test_the_search_for_an_erased_person_looks_into_every_schema(tmp_path: Path) -> None:
    made = published(tmp_path)
    publications = made.publications.values()
    (tmp_path / "warehouse.duckdb").unlink()
    addresses = frozenset({"ann@example.com"})
    found = search(made.told, Traces({}, addresses, frozenset()), publications)
    assert "AUDIENCE_DATABASE: schema for_staff" in found.hits
    assert "AUDIENCE_DATABASE: schema for_analysts" not in found.hits


def test_a_database_that_cannot_be_reached_says_nothing_of_its_state(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv(VARIABLE, "postgresql://hr:x@127.0.0.1:1/postgres")
    assert FOR_STAFF.states() is None
