"""What analysts get: all that the catalog says they should, nothing else, and never half of it."""

from __future__ import annotations

import os
import shutil
import stat
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import duckdb
import pytest
from examples import at_night
from projects import ROOT
from projects import catalog_of as effective_catalog

from benepass_tasks.config.project import MIN_GROUP_SIZE
from benepass_tasks.engine import disk
from benepass_tasks.pipeline.nodes.publication import PublicationNode
from benepass_tasks.publish import public_files, publishing
from benepass_tasks.state.publication import file_state

if TYPE_CHECKING:
    from pathlib import Path

    from workspace import Workspace

    from benepass_tasks.catalog import Catalog, Table
    from benepass_tasks.engine.measure import Measure
    from benepass_tasks.engine.session import Run

DATABASE = "published:benepass.duckdb"
RELATIONS = {table.relation for table in effective_catalog(ROOT).tables.values() if table.published}


def parquet(*relations: str) -> set[str]:
    """The markers of the tables' Parquet files."""
    return {f"published:parquet/{relation}.parquet" for relation in relations}


EVERYTHING = {"published", DATABASE, *parquet(*RELATIONS)}


def publish(workspace: Workspace, **settings: str) -> set[str]:
    """Publish; returns what of it was made, without the tests that come before."""
    return {name for name in workspace.run("Publish", **settings) if name.startswith("published")}


def catalog_of(workspace: Workspace) -> Catalog:
    return effective_catalog(workspace.root)


def declared(table: Table) -> list[tuple[str, str]]:
    seen = (it for it in table.columns.values() if it.pii.class_ != "identifier")
    return [(it.name, it.type) for it in seen if it.published]


def in_parquet(workspace: Workspace, relation: str) -> str:
    return f"read_parquet('{workspace.published}/parquet/{relation}.parquet')"


def contents(folder: Path) -> dict[str, Any]:
    """What a reader finds: the rows of each file, read as a whole."""
    found: dict[str, Any] = {}
    if (folder / "benepass.duckdb").exists():
        with duckdb.connect(str(folder / "benepass.duckdb"), read_only=True) as connection:
            names = connection.execute(
                "select schema_name || '.' || table_name from duckdb_tables() order by all"
            ).fetchall()
            found["benepass.duckdb"] = {
                name: connection.execute(f"from {name}").fetchall() for (name,) in names
            }
    for path in sorted((folder / "parquet").glob("*.parquet")):
        found[path.name] = duckdb.execute(f"from read_parquet('{path}')").fetchall()
    return found


# ------------------------------------------------------------------------------- what is published


@pytest.mark.usefixtures("finished")
def test_the_tables_that_are_published_are_those_that_the_catalog_names(
    workspace: Workspace,
) -> None:
    assert publish(workspace) == EVERYTHING
    tables = workspace.query_published(
        "select schema_name || '.' || table_name from duckdb_tables()"
    )
    assert {name for (name,) in tables} == RELATIONS
    assert {path.name for path in (workspace.published / "parquet").iterdir()} == {
        f"{relation}.parquet" for relation in RELATIONS
    }
    assert {path.name for path in workspace.published.iterdir()} == {"benepass.duckdb", "parquet"}


@pytest.mark.usefixtures("published")
def test_each_has_its_published_columns_in_order_and_with_their_types(
    workspace: Workspace,
) -> None:
    for relation in RELATIONS:
        expected = declared(catalog_of(workspace).tables[relation])
        for source in (relation, in_parquet(workspace, relation)):
            found = workspace.query_published(f"describe from {source}")
            assert [(name, kind) for name, kind, *_ in found] == expected, source


@pytest.mark.usefixtures("published")
def test_nothing_is_published_as_the_file_wrote_it(workspace: Workspace) -> None:
    columns = workspace.query_published("select column_name from duckdb_columns()")
    assert not [name for (name,) in columns if name.startswith("raw_") or name == "raw_record"]


@pytest.mark.usefixtures("published")
def test_the_rows_are_those_of_the_warehouse_the_same_in_both_forms_and_in_order(
    workspace: Workspace,
) -> None:
    for relation in ("marts.fact_transactions", "quality.quarantine_transactions"):
        columns = ", ".join(name for name, _ in declared(catalog_of(workspace).tables[relation]))
        expected = workspace.query(f"select {columns} from {relation} order by all")
        assert expected
        assert workspace.query_published(f"from {relation}") == expected
        assert duckdb.execute(f"from {in_parquet(workspace, relation)}").fetchall() == expected


@pytest.mark.usefixtures("published")
def test_tables_and_columns_say_what_they_mean(workspace: Workspace) -> None:
    tables = dict(workspace.query_published("select table_name, comment from duckdb_tables()"))
    assert tables["dim_merchants"] == (
        "Merchants where money was spent. Grain: one row per merchant."
    )
    columns = workspace.query_published("select comment from duckdb_columns() where not internal")
    assert all(comment for (comment,) in columns)


@pytest.mark.usefixtures("finished")
def test_a_description_may_hold_any_text(workspace: Workspace) -> None:
    text = "it's'; drop table x; -- 100 % :name %s {} \\n \\ „Größe“ \u2028 🙂 a\n\nb"
    quoted = text.replace("\\", "\\\\").replace("\n", "\\n").replace("\u2028", "\\u2028")
    workspace.replace("catalog.yaml", "Merchants where money was spent.", f'"{quoted}"')
    workspace.replace("catalog.yaml", "Accepted transactions at the merchant.", f'"{quoted}"')
    workspace.run("Publish")
    comments = workspace.query_published(
        "select comment from duckdb_tables() where table_name = 'dim_merchants' union all "
        "select comment from duckdb_columns() where column_name = 'transaction_count'"
    )
    assert comments == [(f"{text} Grain: one row per merchant.",), (text,)]


@pytest.mark.usefixtures("published")
def test_a_parquet_file_is_compressed_and_says_what_it_is(workspace: Workspace) -> None:
    path = workspace.published / "parquet" / "marts.dim_merchants.parquet"
    facts = duckdb.execute(f"select key, value from parquet_kv_metadata('{path}')").fetchall()
    known = {key.decode(): value.decode() for key, value in facts}
    assert known["relation"] == "marts.dim_merchants"
    assert known["published_at"].endswith("+00:00")
    assert len(known["run_id"]) == 32
    codecs = f"select distinct compression from parquet_metadata('{path}')"
    assert duckdb.execute(codecs).fetchall() == [("ZSTD",)]


@pytest.mark.usefixtures("published")
def test_the_database_is_in_the_format_of_an_older_duckdb(workspace: Workspace) -> None:
    tags = workspace.query_published(
        "select tags['storage_version'] from duckdb_databases() where database_name = 'benepass'"
    )
    assert tags == [("v1.4.0+",)]


@pytest.mark.usefixtures("finished")
@pytest.mark.parametrize("umask", [0o077, *at_night(0o000)])
def test_the_warehouse_is_private_and_what_is_published_is_not_whatever_the_umask(
    workspace: Workspace, umask: int
) -> None:
    before = os.umask(umask)
    try:
        workspace.run("Publish")
    finally:
        os.umask(before)
    modes = {
        path.name: stat.S_IMODE(path.stat().st_mode)
        for path in (workspace.warehouse, workspace.published, *workspace.published.rglob("*"))
    }
    assert modes.pop("warehouse.duckdb") == 0o600
    assert modes.pop("published") == modes.pop("parquet") == 0o755
    assert set(modes.values()) == {0o644}


@pytest.mark.nightly
@pytest.mark.usefixtures("finished")
def test_the_folder_is_a_setting(workspace: Workspace, tmp_path: Path) -> None:
    workspace.run("Publish", published_dir=str(tmp_path / "for all" / "it's here"))
    assert (tmp_path / "for all" / "it's here" / "benepass.duckdb").exists()
    assert not workspace.published.exists()


# ------------------------------------------------------------------------------------ small groups

UTILIZATION = "select * exclude (spend_month) from marts.program_utilization"
PROGRAMMES = "from marts.dim_benefit_programs"


@pytest.mark.usefixtures("finished")
def test_of_a_group_of_too_few_employees_only_its_name_is_published(workspace: Workspace) -> None:
    workspace.run("Publish", min_group_size="2")
    # Of two programmes, the one would be what the other leaves.
    assert workspace.query_published(UTILIZATION) == [
        ("meals", "Daily Meals", None, None, None, None, None),
        ("wellness", "Wellness Plus", None, None, None, None, None),
    ]
    assert workspace.query_published(PROGRAMMES) == [
        ("meals", "Daily Meals", 150, None, None),
        ("wellness", "Wellness Plus", 100, None, None),
    ]
    assert workspace.query_published(
        "select transaction_id, amount, coalesce(employee_id, benefit_account_id, merchant, "
        "category, benefit_type, program_name) from marts.fact_transactions order by all"
    ) == [("T1", 60, None), ("T2", 50, None), ("T5", 20, None)]
    assert duckdb.execute(
        f"select count(spend) from {in_parquet(workspace, 'marts.program_utilization')}"
    ).fetchall() == [(0,)]
    # The warehouse, which its owner alone can read, keeps everything.
    assert workspace.query("select count(spend) from marts.program_utilization") == [(2,)]


@pytest.mark.usefixtures("finished")
@pytest.mark.parametrize(("employees", "told"), [(5, 5), (4, None)])
def test_five_employees_are_enough_unless_it_is_set(
    workspace: Workspace, employees: int, told: int | None
) -> None:
    workspace.change(f"update marts.dim_benefit_programs set employee_count = {employees}")
    workspace.run("Publish", min_group_size=str(MIN_GROUP_SIZE))
    assert MIN_GROUP_SIZE == 5
    assert workspace.query_published(f"select employee_count {PROGRAMMES}") == [(told,)] * 2


@pytest.mark.usefixtures("tested")
def test_a_group_of_unknown_size_counts_as_too_small(workspace: Workspace) -> None:
    workspace.change("update marts.dim_benefit_programs set employee_count = null")
    workspace.run("Publish", min_group_size="1")
    assert workspace.query_published(f"select account_count {PROGRAMMES}") == [(None,), (None,)]


@pytest.mark.nightly
@pytest.mark.usefixtures("published")
def test_another_size_publishes_what_it_concerns_and_says_so(workspace: Workspace) -> None:
    concerned = (
        "marts.program_utilization",
        "marts.program_balances",
        "marts.dim_benefit_programs",
        "marts.fact_transactions",
        "quality.quarantine_benefit_accounts",
    )
    spend = "select count(spend) from marts.program_utilization"
    assert workspace.query_published(spend) == [(2,)]
    made = workspace.run("Publish", min_group_size="2")
    assert made == {"published", DATABASE, *parquet(*concerned)}
    assert workspace.query_published(spend) == [(0,)]
    comment = (
        "select comment from duckdb_columns() "
        "where table_name = 'program_utilization' and column_name = 'spend'"
    )
    workspace.run("Publish", min_group_size="7")
    ((said,),) = workspace.query_published(comment)
    assert said == (
        "What the programme's accounts spent in the month, less what was given back in it, USD. "
        "NULL where the row speaks of fewer than 7 employees, or would give such a row away."
    )


# ----------------------------------------------------------------------------- when it is published


@pytest.mark.nightly
@pytest.mark.usefixtures("finished")
def test_building_the_marts_publishes_nothing(workspace: Workspace) -> None:
    assert workspace.run("BuildMarts") == set()
    assert not workspace.published.exists()
    assert publish(workspace) == EVERYTHING


@pytest.mark.usefixtures("published")
def test_nothing_is_published_while_the_books_do_not_balance(workspace: Workspace) -> None:
    before = contents(workspace.published)
    workspace.replace("sql/marts/fact_transactions.sql", "left join flags", "inner join flags")
    made, succeeded = workspace.attempt("Publish")
    assert not succeeded
    assert "marts.fact_transactions" in made
    assert "published" not in made
    assert contents(workspace.published) == before


@pytest.mark.usefixtures("published")
def test_a_second_time_there_is_nothing_to_do(workspace: Workspace) -> None:
    before = {path: file_state(path) for path in workspace.published.rglob("*")}
    assert workspace.run("Publish") == set()
    assert {path: file_state(path) for path in workspace.published.rglob("*")} == before


@pytest.mark.usefixtures("published")
@pytest.mark.parametrize(
    "name", ["parquet/marts.dim_merchants.parquet", *at_night("benepass.duckdb")]
)
@pytest.mark.parametrize(
    "damage", ["changed", *at_night("deleted", "truncated", "hidden from others")]
)
def test_a_file_that_is_not_as_it_was_published_is_published_again_and_no_other(
    workspace: Workspace, name: str, damage: str
) -> None:
    before = contents(workspace.published)
    path = workspace.published / name
    state = path.stat()
    if damage == "deleted":
        path.unlink()
    elif damage == "truncated":
        os.truncate(path, 100)
    elif damage == "changed":
        path.write_bytes(path.read_bytes()[:-1] + b"?")
        os.utime(path, ns=(state.st_atime_ns, state.st_mtime_ns))
    else:
        path.chmod(0o600)
    assert workspace.run("Publish") == {"published", f"published:{name}"}
    assert contents(workspace.published) == before
    assert stat.S_IMODE(path.stat().st_mode) == 0o644


@pytest.mark.usefixtures("published")
def test_changed_rows_are_published_and_files_with_the_same_rows_stay(workspace: Workspace) -> None:
    before = {path.name: path.stat().st_ino for path in workspace.published.rglob("*.*")}
    workspace.replace("data/transactions.csv", "T5,E3,A3,Plum Crate,20.00", "T5,E3,A3,Fig,21.00")
    made = {name for name in workspace.run("Publish") if name.startswith("published")}
    assert made == {
        "published",
        DATABASE,
        *parquet(
            "marts.fact_transactions",
            "marts.dim_merchants",
            "marts.program_utilization",
            "marts.program_balances",
        ),
    }
    assert workspace.query_published("select merchant from marts.dim_merchants") == [
        ("Fig",),
        ("Iron Heron Gym",),
    ]
    after = {path.name: path.stat().st_ino for path in workspace.published.rglob("*.*")}
    assert after["marts.dim_employees.parquet"] == before["marts.dim_employees.parquet"]


@pytest.mark.nightly
@pytest.mark.usefixtures("published")
@pytest.mark.parametrize(
    "text",
    ["Merchants where money was spent.", *at_night("Accepted transactions at the merchant.")],
)
def test_a_changed_description_is_published(workspace: Workspace, text: str) -> None:
    workspace.replace("catalog.yaml", text, "Where.")
    assert workspace.run("Publish") == {"published", DATABASE, *parquet("marts.dim_merchants")}


@pytest.mark.usefixtures("published")
def test_what_is_published_no_longer_is_removed_and_what_is_not_ours_stays(
    workspace: Workspace,
) -> None:
    (workspace.published / "parquet" / "notes.parquet").write_text("not ours")
    (workspace.published / "README").write_text("not ours")
    grain = "    grain: one row per merchant\n"
    workspace.replace("catalog.yaml", f"{grain}    published: true\n", grain)
    assert workspace.run("Publish") == {"published", DATABASE}
    left = {path.name for path in (workspace.published / "parquet").iterdir()}
    assert "marts.dim_merchants.parquet" not in left
    assert "notes.parquet" in left
    assert (workspace.published / "README").exists()
    assert not workspace.query("from meta.markers where name like 'published:%merchants%'")
    assert workspace.run("Publish") == set()


@pytest.mark.nightly
@pytest.mark.usefixtures("published")
def test_a_warehouse_that_published_nothing_yet_removes_what_another_one_left(
    workspace: Workspace,
) -> None:
    (workspace.published / "parquet" / "marts.gone.parquet").write_text("of an older catalog")
    workspace.change("delete from meta.markers where name like 'published%'")
    assert workspace.run("Publish") == EVERYTHING
    assert not (workspace.published / "parquet" / "marts.gone.parquet").exists()


# ------------------------------------------------------------------------------ what must not leave

# No SQL brings any of it here, as is proven before each run; so it is put there by hand.
LEAKS = {
    "an address that is not masked": (
        "update marts.dim_employees set email = 'cy.cole@example.net'",
        "marts.dim_employees.email has EMAIL_ADDRESS in 3 rows",
    ),
    "an address in another column": (
        "update marts.fact_transactions set merchant = ' ANN.Archer@example.com'",
        "marts.fact_transactions.merchant has EMAIL_ADDRESS in 3 rows",
    ),
    "an address in a list": (
        "update marts.fact_transactions set dq_flags = ['x', 'bo.baker@example.org']",
        "marts.fact_transactions.dq_flags has EMAIL_ADDRESS in 3 rows",
    ),
}


@pytest.mark.usefixtures("published")
@pytest.mark.parametrize(
    "leak",
    [
        "an address in another column",
        *at_night("an address that is not masked", "an address in a list"),
    ],
)
def test_no_address_of_the_files_is_ever_published(
    workspace: Workspace, caplog: pytest.LogCaptureFixture, leak: str
) -> None:
    change, message = LEAKS[leak]
    before = contents(workspace.published)
    workspace.change(change)
    workspace.change("delete from meta.markers where name like 'published%'")
    made, succeeded = workspace.attempt("Publish")
    assert not succeeded
    assert made == set()
    assert message in caplog.text
    assert "@example" not in caplog.text.lower()
    assert contents(workspace.published) == before
    assert not (workspace.published / ".publishing").exists()


@pytest.mark.nightly
@pytest.mark.usefixtures("tested")
def test_an_address_that_only_now_is_one_is_found_in_what_was_published_before(
    workspace: Workspace, caplog: pytest.LogCaptureFixture
) -> None:
    workspace.change("update marts.dim_merchants set merchant = ' Info@Example.net '")
    workspace.run("Publish")
    # Masked it is the same as before, so that no published row changes.
    workspace.change("update raw.employees set email = 'info@example.net' where employee_id = 'E3'")
    workspace.change("update meta.markers set content = 'changed' where name = 'raw.employees'")
    assert not workspace.attempt("Publish")[1]
    assert "marts.dim_merchants.merchant has EMAIL_ADDRESS in 2 rows" in caplog.text


@pytest.mark.usefixtures("finished")
def test_what_gives_nobody_away_may_be_published(workspace: Workspace) -> None:
    for address in ("n/a", "****@example.com", "@", "****"):
        workspace.change(f"insert into raw.employees (email) values ('{address}')")
        workspace.change(f"insert into marts.dim_merchants values ('{address}', null, 1)")
    workspace.run("Publish")
    assert workspace.query_published("select count(*) from marts.dim_merchants") == [(6,)]


@pytest.mark.nightly
@pytest.mark.usefixtures("finished")
def test_a_name_may_be_a_word_elsewhere_but_one_that_is_published_nowhere_may_not(
    workspace: Workspace, caplog: pytest.LogCaptureFixture
) -> None:
    workspace.change("update marts.dim_merchants set merchant = 'Archer' where merchant ^@ 'Iron'")
    workspace.run("Publish")
    catalog = (workspace.root / "catalog.yaml").read_text()
    before, at, published = catalog.partition("quality.quarantine_employees:")
    shown, hidden = "last_name: {type: VARCHAR}", "last_name: {type: VARCHAR, published: false}"
    assert published.count(f"{shown}\n") == 2
    workspace.write("catalog.yaml", before + at + published.replace(f"{shown}\n", f"{hidden}\n"))
    assert not workspace.attempt("Publish")[1]
    assert "marts.dim_merchants.merchant has LAST_NAME in 1 rows" in caplog.text
    assert "Archer" not in caplog.text


@pytest.mark.nightly
@pytest.mark.usefixtures("finished")
@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            "alter transaction_count type integer",
            "marts.dim_merchants.transaction_count is INTEGER, and catalog.yaml declares BIGINT",
        ),
        *at_night(
            ("rename transaction_count to n", 'does not have a column named "transaction_count"')
        ),
    ],
)
def test_a_table_whose_columns_were_changed_by_hand_is_not_published(
    workspace: Workspace, caplog: pytest.LogCaptureFixture, change: str, message: str
) -> None:
    workspace.run("CheckContracts")
    workspace.change(f"alter table marts.dim_merchants {change}")
    assert not workspace.attempt("Publish")[1]
    assert message in caplog.text
    assert not (workspace.published / "benepass.duckdb").exists()


@pytest.mark.usefixtures("finished")
@pytest.mark.parametrize(
    ("where", "relation"),
    [
        ("_write_table", "quality.issue_types"),
        *at_night(("ParquetFiles", "marts.fact_transactions")),
    ],
)
def test_a_row_that_is_lost_on_the_way_is_missed(
    workspace: Workspace,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
    where: str,
    relation: str,
) -> None:
    rows = workspace.query(f"select count(*) from {relation}")[0][0]
    assert rows > 2
    written = getattr(publishing, where)

    def lossy(run: Run, *rest: Any) -> object:  # noqa: ANN401 - whatever the step takes
        def losing(sql: str) -> object:
            lossy_sql = sql.replace("order by all", "order by all limit 2").replace(
                '(from "published_aside"."marts"."fact_transactions")',
                '(from "published_aside"."marts"."fact_transactions" limit 2)',
            )
            return run(lossy_sql)

        return written(losing, *rest)

    monkeypatch.setattr(publishing, where, lossy)
    assert not workspace.attempt("Publish")[1]
    assert f"{relation}: the warehouse has {rows} rows, and 2 were written" in caplog.text
    assert contents(workspace.published) == {}


@pytest.mark.parametrize("name", ["warehouse", *at_night("", "other.duckdb")])
def test_a_warehouse_without_masks_is_not_published(
    workspace: Workspace, caplog: pytest.LogCaptureFixture, name: str
) -> None:
    workspace.run("raw.employees", pii_masking="false")
    made, succeeded = workspace.attempt("Publish", pii_masking="false", publish_unmasked=name)
    assert not succeeded
    assert made == set()
    assert "--benepass-publish-unmasked warehouse.duckdb" in caplog.text
    assert not workspace.published.exists()


def test_that_is_said_before_anything_runs(workspace: Workspace) -> None:
    done = workspace.run_command("--benepass-pii-masking", "false", task="Publish")
    assert done.returncode == 35
    assert "warehouse.duckdb holds personal data unmasked" in done.stderr
    assert "Traceback" not in done.stderr
    assert not workspace.warehouse.exists()


@pytest.mark.nightly
def test_unless_it_is_named(workspace: Workspace) -> None:
    emails = "select email from marts.dim_employees order by all limit 1"
    named = {"pii_masking": "false", "publish_unmasked": "warehouse.duckdb"}
    workspace.run("Publish", **named)
    assert workspace.query_published(emails) == [("ann.archer@example.com",)]
    assert workspace.run("Publish", **named) == set()
    assert not workspace.attempt("Publish", pii_masking="false")[1]
    workspace.run("Publish", warehouse="data/masked.duckdb")
    assert workspace.query_published(emails) == [("****@example.com",)]


# ------------------------------------------------------------------- readers, failures and crashes


@pytest.mark.nightly
@pytest.mark.usefixtures("published")
def test_who_has_the_old_file_open_keeps_reading_and_who_comes_later_sees_the_new(
    workspace: Workspace,
) -> None:
    reader = subprocess.Popen(
        [sys.executable, "-c", READER, str(workspace.published / "benepass.duckdb")],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert reader.stdin
    assert reader.stdout
    assert reader.stdout.readline() == "2\n"
    workspace.replace("data/transactions.csv", "T5,E3,A3,Plum Crate,20.00", "T5,E3,A3,Fig,-1.00")
    workspace.run("Publish")
    assert workspace.query_published("select count(*) from marts.dim_merchants") == [(1,)]
    said, _ = reader.communicate("again\n", timeout=60)
    assert said == "2\n"


READER = """
import duckdb, sys
connection = duckdb.connect(sys.argv[1], read_only=True)
for _ in range(2):
    print(*connection.execute("select count(*) from marts.dim_merchants").fetchone(), flush=True)
    sys.stdin.readline()
"""


@pytest.mark.nightly
@pytest.mark.usefixtures("published")
def test_what_a_client_wrote_into_the_file_is_gone_with_it(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = contents(workspace.published)
    path = workspace.published / "benepass.duckdb"
    writer = duckdb.connect(str(path))
    writer.execute("set checkpoint_threshold = '1GB'; delete from marts.dim_merchants")
    wal = (workspace.published / "benepass.duckdb.wal").read_bytes()
    writer.close()
    workspace.write("data/published/benepass.duckdb.wal", wal)
    found_beside: list[bool] = []
    replace = os.replace
    monkeypatch.setattr(
        os,
        "replace",
        lambda old, new: (
            found_beside.append(new.with_suffix(".duckdb.wal").exists()) or replace(old, new)
        ),
    )
    assert workspace.run("Publish") == {"published", DATABASE}
    # A reader would take it for a part of the new file.
    assert found_beside == [False]
    assert contents(workspace.published) == before
    assert not (workspace.published / "benepass.duckdb.wal").exists()


@pytest.mark.usefixtures("finished")
def test_what_takes_its_place_is_on_disk_before_and_its_name_after(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    events: list[tuple[str, str]] = []
    sync, replace = disk.sync, os.replace
    monkeypatch.setattr(
        public_files, "sync", lambda path: events.append(("sync", path.name)) or sync(path)
    )
    monkeypatch.setattr(
        os,
        "replace",
        lambda old, new: events.append(("replace", new.name)) or replace(old, new),
    )
    workspace.run("Publish")
    replaced = [name for event, name in events if event == "replace"]
    assert len(replaced) == 1 + len(RELATIONS)
    for name in replaced:
        assert events.index(("sync", name)) < events.index(("replace", name))
    last = max(number for number, (event, _) in enumerate(events) if event == "replace")
    assert {("sync", "published"), ("sync", "parquet")} <= set(events[last:])


@pytest.mark.nightly
@pytest.mark.usefixtures("finished")
def test_a_folder_that_cannot_be_written_is_named(
    workspace: Workspace, caplog: pytest.LogCaptureFixture
) -> None:
    workspace.write("data/published/parquet", "in the way")
    assert not workspace.attempt("Publish")[1]
    assert "data/published cannot be written: File exists" in caplog.text
    (workspace.published / "parquet").unlink()
    assert workspace.attempt("Publish")[1]


# Where a run is killed: before a call that changes a file, or only before one that puts a file in
# its place or records what was published; counted over the run.
KILLER = """
import os, sys
from benepass_tasks.publish import public_files
from benepass_tasks.publish import publishing
from benepass_tasks.pipeline import making
from benepass_tasks.engine import session

where, _, moment = sys.argv.pop(1).rpartition(" ")
remaining = int(moment)

def count():
    global remaining
    remaining -= 1
    if remaining < 0:
        os.kill(os.getpid(), 9)

others = {"os.remove", "os.rmdir", "os.mkdir", "os.chmod"} if where == "anywhere" else set()
sys.addaudithook(lambda event, _: count() if event in {"os.rename", *others} else None)

def counted(function):
    def killed_at_last(*args, **kwargs):
        count()
        return function(*args, **kwargs)
    return killed_at_last

making.write_materializations = counted(making.write_materializations)
if where == "anywhere":
    public_files.sync = publishing.sync = counted(public_files.sync)
    for step in ("_write_table", "check_secrets"):
        setattr(publishing, step, counted(getattr(publishing, step)))
    ParquetFiles = publishing.ParquetFiles
    ParquetFiles._write = counted(ParquetFiles._write)

from luigi.cmdline import luigi_run
luigi_run()
"""


@pytest.mark.nightly
@pytest.mark.sweep
@pytest.mark.usefixtures("published")
def test_killed_between_two_files_a_reader_finds_each_whole_and_the_next_run_finishes(
    workspace: Workspace, tmp_path: Path
) -> None:
    moments = range(0, 1_000, 3)
    assert killed_at_each(workspace, tmp_path, "between two files", moments) == {True, False}


@pytest.mark.usefixtures("published")
@pytest.mark.nightly
@pytest.mark.sweep
@pytest.mark.parametrize("part", range(4))
def test_whenever_it_is_killed_a_reader_finds_each_file_whole_and_the_next_run_finishes(
    workspace: Workspace, tmp_path: Path, part: int
) -> None:
    moments = range(part, 1_000, 4)
    assert killed_at_each(workspace, tmp_path, "anywhere", moments) == {True, False}


FINANCE = """\
  finance:
    datasets: [marts.fact_transactions, marts.dim_merchants]
"""
"""A second audience, whose files take their places after those of analysts."""


def killed_at_each(workspace: Workspace, tmp_path: Path, where: str, moments: range) -> set[bool]:
    """Kill publishing at each moment and let the next run finish.

    Returns:
        Whether a file that a reader found was still the earlier one.
    """
    declare = "_audiences:\n", f"_audiences:\n{FINANCE}"
    workspace.replace("catalog.yaml", *declare)
    workspace.run("Publish")
    folders = (workspace.published, workspace.data / "published.finance")
    old = [contents(it) for it in folders]
    workspace.replace("data/transactions.csv", "T5,E3,A3,Plum Crate,20.00", "T5,E3,A3,Fig,21.00")
    grain = "    grain: one row per employee\n"
    workspace.replace("catalog.yaml", f"{grain}    published: true\n", grain)
    workspace.run("BuildMarts")
    base = tmp_path / "base"
    shutil.copytree(workspace.root, base)
    workspace.run("Publish")
    new = [contents(it) for it in folders]
    assert new[0].keys() == old[0].keys() - {"marts.dim_employees.parquet"}
    assert new[1] != old[1]
    seen = set()
    for moment in moments:
        shutil.rmtree(workspace.root)
        shutil.copytree(base, workspace.root)
        killed = workspace.run_until_killed(KILLER, f"{where} {moment}", "Publish")
        for folder, before, after in zip(folders, old, new, strict=True):
            for name, found in contents(folder).items():
                assert found in (before[name], after.get(name)), (moment, folder.name, name)
                seen.add(found == before[name] != after.get(name))
        workspace.run("Publish")
        assert [contents(it) for it in folders] == new, moment
        assert not any((it / ".publishing").exists() for it in folders), moment
        assert workspace.run("Publish") == set(), moment
        if not killed:
            break
    else:
        pytest.fail("publishing never came to its end; the sweep covers only a part of it")
    return seen


@pytest.mark.usefixtures("finished")
@pytest.mark.parametrize(
    "moment", ["before it records them", *at_night("after it has recorded them")]
)
def test_files_that_another_run_replaces_are_not_a_failure_of_the_run_that_published_them(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch, moment: str
) -> None:
    write = publishing.publish

    def replace_files() -> None:
        for name in ("benepass.duckdb", "parquet/marts.dim_merchants.parquet"):
            path = workspace.published / name
            shutil.copy2(path, path.with_suffix(".other"))
            path.with_suffix(".other").replace(path)
        (workspace.published / "parquet" / "marts.of_the_other.parquet").write_text("another's")

    def write_and_replace(*arguments: Any) -> list[dict[str, Measure]]:  # noqa: ANN401 - whatever it takes
        written = write(*arguments)
        replace_files()
        return written

    with monkeypatch.context() as patched:
        if moment.startswith("before"):
            patched.setattr(publishing, "publish", write_and_replace)
        else:
            patched.setattr(PublicationNode, "finish", lambda *_: replace_files())
        assert publish(workspace) == EVERYTHING
    # The next run sees what the folder holds, and makes it its own.
    assert publish(workspace) == {"published", DATABASE, *parquet("marts.dim_merchants")}
    assert not (workspace.published / "parquet" / "marts.of_the_other.parquet").exists()
    assert publish(workspace) == set()


@pytest.mark.nightly
@pytest.mark.usefixtures("finished")
def test_two_warehouses_take_turns_in_one_folder(workspace: Workspace) -> None:
    shutil.copy2(workspace.warehouse, workspace.data / "other.duckdb")
    runs = [
        subprocess.Popen(
            [*(word.replace("BuildMarts", "Publish") for word in workspace.command), *flags],
            cwd=workspace.root,
            env=workspace.environment,
            stderr=subprocess.PIPE,
            text=True,
        )
        for flags in ([], ["--benepass-warehouse", "data/other.duckdb"])
    ]
    said = [run.communicate(timeout=120)[1] for run in runs]
    assert [run.returncode for run in runs] == [0, 0], said
    assert set(contents(workspace.published)) == {
        "benepass.duckdb",
        *(f"{relation}.parquet" for relation in RELATIONS),
    }
