"""The same declaration as views and grants: on a real server, they show what the files do."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import duckdb
import psycopg
import pytest
import sqlglot
from audiences import NAMED, Publishing
from postgres import PASSWORD, postgres
from projects import definitions

from benepass_tasks.cli import main
from benepass_tasks.config.errors import ModelError, ProjectError
from benepass_tasks.publish.exporters.grants import Dialect, grants
from tests.pipeline.test_audiences import declare
from tests.publish.test_postgres import TRIALS, VARIABLE, tried

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from workspace import Workspace

WHOLE = {"postgres": {"credentials": VARIABLE, "schema": "benepass", "role": "auditor_reader"}}
TREATED = {
    "treatment": {"EMPLOYEE_ID": "hash", "EMAIL_ADDRESS": "mask", "DATE": "generalise"},
    "reason": "they see where people write from",
}
AUDIENCES = {"analyst": TREATED, "auditor": NAMED | WHOLE}
KEY = "k" * 40
"""That of the harness."""


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    with postgres() as address:
        yield address


@pytest.fixture
def owner(server: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[psycopg.Connection[Any]]:
    monkeypatch.setenv(VARIABLE, server)
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute("select set_config('benepass.hash_key', %s, false)", [KEY])
        yield connection
        connection.execute(
            "drop schema if exists benepass, benepass_analyst, benepass_analyst_behind cascade"
        )
        for name in ("ann", "benepass_analyst", "auditor_reader"):
            if connection.execute("select from pg_roles where rolname = %s", [name]).rowcount:
                connection.execute(f"drop owned by {name} cascade")
                connection.execute(f"drop role {name}")


def script(made: Publishing, over: str = "benepass", dialect: Dialect = "postgres") -> str:
    return grants(made.publications["analyst"], definitions().graph, {}, over, dialect)


@pytest.fixture
def made(tmp_path: Path, owner: psycopg.Connection[Any]) -> Publishing:
    """A database that has all tables whole, and what analysts may see of them."""
    made = Publishing(tmp_path, AUDIENCES)
    made.publish()
    owner.execute(script(made))
    return made


@pytest.fixture
def analyst(made: Publishing, owner: psycopg.Connection[Any]) -> Iterator[psycopg.Connection[Any]]:
    """Somebody who may do what analysts may, and nothing else; there are statistics to be read."""
    assert made
    owner.execute("analyze")
    owner.execute(f"create role ann login password '{PASSWORD}' in role benepass_analyst")
    info = owner.info
    address = f"postgresql://ann:{PASSWORD}@127.0.0.1:{info.port}/{info.dbname}"
    with psycopg.connect(address, autocommit=True) as connection:
        yield connection


def test_a_view_shows_what_the_files_of_its_audience_do(
    made: Publishing, analyst: psycopg.Connection[Any]
) -> None:
    for table in ("people", "spend"):
        files = made.read("analyst", table)
        cursor = analyst.execute(f"select * from benepass_analyst.{table} order by id")
        names = [it.name for it in cursor.description or ()]
        assert [dict(zip(names, row, strict=True)) for row in cursor] == files
    assert {len(row["id"]) for row in files} == {64}, "what is hashed has the same hash"


OF_VIEWS = (
    "select hash_key_inner from benepass_analyst_behind.hash_key",
    "select pg_get_viewdef('benepass_analyst.people'::regclass)",
    (
        "create function pg_temp.told(text) returns boolean cost 0.0000001 language plpgsql "
        "as $$ begin raise notice '%', $1; return true; end $$; "
        "select * from benepass_analyst.people where pg_temp.told(email)"
    ),
    (
        "create function pg_temp.seen(benepass_analyst.people) returns boolean cost 0.0000001 "
        "language plpgsql as $$ begin raise notice '%', $1; return true; end $$; "
        "select id from benepass_analyst.people as it where pg_temp.seen(it)"
    ),
    "select email::int from benepass_analyst.people",
    "select 1 / length(replace(email, '*', '')) from benepass_analyst.people",
    "select (it).name from benepass_analyst.people as it",
    "select name from benepass_analyst.people",
    "select to_jsonb(it), it::text from benepass_analyst.people as it",
    "select ctid, xmin, tableoid from benepass_analyst.people",
    "explain (analyze, verbose, buffers) select * from benepass_analyst.people where email > 'a'",
    "prepare it as select name from benepass.people; execute it",
    "prepare it(text) as select * from benepass_analyst.people where email > $1; execute it('A')",
    "create temp table mine () inherits (benepass.people); select * from mine",
    "create temp table mine (like benepass.people including all); select * from mine",
    "create temp table mine (name text references benepass.people)",
    (
        "create temp view mine as select * from benepass_analyst.people; "
        "select pg_get_viewdef('mine'::regclass), string_agg(mine::text, '') from mine"
    ),
    "update benepass_analyst.people set email = email returning *",
    "insert into benepass_analyst.people select * from benepass_analyst.people returning *",
    "delete from benepass_analyst.people returning *",
    (
        "merge into benepass_analyst.people as it using (select 1) as one on true "
        "when matched then delete"
    ),
    (
        "create rule mine as on select to benepass_analyst.people do instead "
        "select * from benepass.people"
    ),
    "alter view benepass_analyst.people set (security_barrier = false)",
    "create or replace view benepass_analyst.people as select * from benepass.people",
    (
        "create trigger mine instead of update on benepass_analyst.people for each row "
        "execute function suppress_redundant_updates_trigger()"
    ),
    "grant select on benepass.people to ann",
    "create schema mine",
    "create statistics mine on id, name from benepass.people",
    "create policy mine on benepass.people using (true)",
    "set row_security = off; select * from benepass.people",
    "set session_replication_role = replica; select * from benepass.people",
    "select * from pg_stats where schemaname like 'benepass%'",
    "select column_name from information_schema.columns where table_schema = 'benepass'",
    "select attname, attmissingval, attoptions from pg_attribute",
    "select pg_get_expr(adbin, adrelid) from pg_attrdef",
    "select setval('benepass.ids', 1)",
    "select lo_get(oid) from pg_largeobject_metadata",
    "select pg_logical_slot_get_changes('s', null, null)",
    "select * from pg_ls_dir('base')",
    "select id from benepass_analyst.people union select name from benepass.people",
    "with recursive it as (select name from benepass.people union select * from it) table it",
    "select (select name from benepass.people limit 1) from benepass_analyst.people",
    "select * from benepass_analyst.people as it, lateral (select it.*, name) as more",
    "select * from benepass_analyst.people tablesample system (100)",
    "select current_setting('benepass.hash_key', true)",
    (
        "do language plpgsql $$ declare it record; begin for it in execute "
        "'select name from benepass.people' loop raise notice '%', it; end loop; end $$"
    ),
)


def test_the_role_reads_no_name_and_no_key_by_any_statement(
    analyst: psycopg.Connection[Any], owner: psycopg.Connection[Any]
) -> None:
    (pads,) = owner.execute("table benepass_analyst_behind.hash_key").fetchall()
    moved = {"for_staff": "benepass", "for_analysts": "benepass_analyst"}
    for trial in (*TRIALS, *OF_VIEWS):
        statement = trial
        for before, after in moved.items():
            statement = statement.replace(before, after)
        answer = tried(analyst, statement)
        for secret in ("Ann", "Zo", "ann@", "zoe@", "2020-03", KEY, pads[0].hex(), pads[1].hex()):
            assert secret not in answer, statement


def test_the_attempts_find_a_name_where_the_role_may_read_the_tables(
    analyst: psycopg.Connection[Any], owner: psycopg.Connection[Any]
) -> None:
    """Otherwise that they find none would say nothing."""
    owner.execute("grant usage on schema benepass to benepass_analyst")
    owner.execute("grant select on all tables in schema benepass to benepass_analyst")
    found = [it for it in OF_VIEWS if "Ann" in tried(analyst, it)]
    assert len(found) >= 7


def test_a_run_fills_the_tables_below_the_views_and_leaves_the_views(
    made: Publishing, analyst: psycopg.Connection[Any], owner: psycopg.Connection[Any]
) -> None:
    with duckdb.connect(str(made.root / "warehouse.duckdb")) as connection:
        connection.execute("update marts.people set email = 'mia@example.org' where id = 'E1'")
    made.publish()
    seen = analyst.execute("select email from benepass_analyst.people order by 1").fetchall()
    assert seen == [("****@example.com",), ("****@example.org",), (None,)]
    owner.execute(script(made))
    assert analyst.execute("select count(*) from benepass_analyst.people").fetchone() == (3,)


LESS = AUDIENCES | {"analyst": TREATED | {"treatment": {"EMPLOYEE_ID": "hash"}}}
"""The analysts do not see any more where people write from."""


def test_what_analysts_have_built_on_a_view_stays_or_is_told(
    made: Publishing, owner: psycopg.Connection[Any], tmp_path: Path
) -> None:
    owner.execute("create view public.mine as select email from benepass_analyst.people")
    owner.execute("create view public.more as select email from public.mine")
    owner.execute(script(made))
    assert owner.execute("select count(*) from public.more").fetchone() == (3,)

    (tmp_path / "less").mkdir()
    less = script(Publishing(tmp_path / "less", LESS))
    with pytest.raises(psycopg.errors.RaiseException) as raised:
        owner.execute(less)
    assert "view benepass_analyst.people has other columns now, and mine is built on it" in str(
        raised.value
    )
    owner.rollback()
    assert owner.execute("select count(email) from public.more").fetchone() == (2,)

    owner.execute("drop view public.more, public.mine")
    owner.execute(less)
    columns = owner.execute("select * from benepass_analyst.people").description
    assert "email" not in [it.name for it in columns or ()]


def test_a_view_that_is_published_no_more_goes_unless_something_is_built_on_it(
    made: Publishing, owner: psycopg.Connection[Any]
) -> None:
    owner.execute("create view benepass_analyst.old as select 1 as one")
    owner.execute("create view public.mine as select * from benepass_analyst.old")
    with pytest.raises(psycopg.errors.RaiseException, match="is published no more, and mine is"):
        owner.execute(script(made))
    owner.rollback()
    assert owner.execute("select one from public.mine").fetchone() == (1,)
    owner.execute("drop view public.mine")
    owner.execute(script(made))
    assert not owner.execute("select from pg_views where viewname = 'old'").rowcount


@pytest.mark.parametrize(
    ("before", "refusal"),
    [
        ("create role benepass_analyst superuser", "may read more than is for it"),
        ("create role benepass_analyst in role pg_read_all_data", "may read more than is for it"),
        ("create role benepass_analyst in role auditor_reader", "may read more than is for it"),
        ("create schema benepass_analyst", "is somebody else's: name another"),
    ],
)
def test_a_role_that_may_read_all_and_a_schema_of_somebody_else_are_refused(
    before: str, refusal: str, tmp_path: Path, owner: psycopg.Connection[Any]
) -> None:
    made = Publishing(tmp_path, AUDIENCES)
    made.publish()
    owner.execute(before)
    with pytest.raises(psycopg.errors.RaiseException, match=refusal):
        owner.execute(script(made))
    owner.rollback()
    views = owner.execute("select from pg_views where schemaname = 'benepass_analyst'")
    assert not views.rowcount


def test_databricks_gets_the_same_views_in_its_own_words(tmp_path: Path) -> None:
    said = script(Publishing(tmp_path, AUDIENCES), dialect="databricks")
    statements = sqlglot.parse(said, read="databricks")
    assert [it.key for it in statements if it] == [
        *("create", "create", "create", "create", "create", "grant", "revoke", "revoke")
    ]
    assert "`name`" not in said, "a name is in no view"


def test_a_name_of_a_schema_that_needs_care_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ProjectError, match="cannot be called so"):
        script(Publishing(tmp_path, AUDIENCES), over='x"; drop table y; --')


def test_a_mask_that_may_mean_something_else_there_is_refused(tmp_path: Path) -> None:
    graph = definitions().graph
    odd = replace(
        graph.macros["mask_email"], sql="create macro mask_email(value) as strip_accents(value)"
    )
    macros = {**graph.macros, "mask_email": odd}
    publication = Publishing(tmp_path, AUDIENCES).publications["analyst"]
    with pytest.raises(ModelError, match="not known to mean the same in postgres"):
        grants(publication, replace(graph, macros=macros), {}, "benepass")


@pytest.mark.nightly
@pytest.mark.usefixtures("published")
def test_a_project_s_views_withhold_small_groups_as_its_files_do(
    workspace: Workspace,
    owner: psycopg.Connection[Any],
    capsys: pytest.CaptureFixture[str],
) -> None:
    place = "{credentials: AUDIENCE_DATABASE, schema: benepass, role: auditor_reader}"
    declare(
        workspace,
        "_audiences:\n  auditor:\n    treatment: {identifier: clear}\n    min_group_size: 1\n"
        f"    reason: the books are audited\n    postgres: {place}\n"
        "  analyst: {min_group_size: 2, reason: the company is small}\n",
    )
    workspace.run("Publish")
    with workspace.configured():
        assert main(["privacy", "grants", "--benepass-project-dir", str(workspace.root)]) == 0
    owner.execute(capsys.readouterr().out)
    views = owner.execute(
        "select viewname from pg_views where schemaname = 'benepass_analyst'"
    ).fetchall()
    assert len(views) == 10
    with duckdb.connect(str(workspace.published / "benepass.duckdb"), read_only=True) as files:
        for table, schema in files.execute(
            "select table_name, schema_name from duckdb_tables()"
        ).fetchall():
            expected = files.execute(f"select * from {schema}.{table} order by all").fetchall()
            found = owner.execute(f"select * from benepass_analyst.{table}").fetchall()
            assert sorted(map(repr, found)) == sorted(map(repr, expected)), table
