"""All monitors of a run, over the history in schema meta."""

import random
import time
from dataclasses import fields
from datetime import date, timedelta
from pathlib import Path
from typing import Any, get_args

import pytest
from examples import examples
from hypothesis import given
from hypothesis import strategies as st
from past import MONDAY, History
from projects import definitions
from sqlalchemy import Connection, create_engine, select

from benepass_tasks.catalog import Catalog
from benepass_tasks.config.errors import WarehouseError
from benepass_tasks.config.project import Project, open_project
from benepass_tasks.quality.monitors import Result, is_watched, keep_results, observe
from benepass_tasks.quality.monitors.results import Monitor
from benepass_tasks.state.meta import MONITOR_RESULTS
from benepass_tasks.state.store import StateStore

ROOT = Path(__file__).resolve().parents[3]
RAW = "raw.transactions"
WINDOW = 30


@pytest.fixture(scope="module")
def project() -> Project:
    return open_project(ROOT)


@pytest.fixture(scope="module")
def catalog() -> Catalog:
    return definitions().catalog


@pytest.fixture
def observed(meta: Connection, project: Project, catalog: Catalog) -> "Observed":
    return Observed(meta, project, catalog)


class Observed:
    """What all monitors say now."""

    def __init__(self, meta: Connection, project: Project, catalog: Catalog) -> None:
        self.given = meta, project, catalog

    def __call__(self) -> list[Result]:
        return self.over(WINDOW)

    def over(self, window: int) -> list[Result]:
        results = observe(*self.given, date(2026, 4, 1), window)
        keep_results(self.given[0], "this", results)
        return results

    def odd(self) -> dict[tuple[str, str, str | None], Result]:
        return {(it.monitor, it.dataset, it.name): it for it in self() if it.status != "ok"}

    def one(self, monitor: str, dataset: str, name: str | None = None) -> Result:
        (found,) = (
            it for it in self() if (it.monitor, it.dataset, it.name) == (monitor, dataset, name)
        )
        return found


def grow(history: History, days: int, *, nulls: float = 0.01, bad: float = 0.01) -> int:
    """Rows that arrive each day, of which some have no category and some are quarantined."""
    chance, total, empty, quarantined = random.Random(1), 0, 0.0, 0  # noqa: S311
    for number in range(days):
        arrived = chance.randint(380, 420)
        total += arrived
        is_last = number == days - 1
        empty += arrived * (nulls if is_last else 0.01)
        new = round(arrived * (bad if is_last else 0.01))
        quarantined += new
        history.run(
            rows={RAW: total},
            nulls={(RAW, "category"): round(empty), (RAW, "amount"): 0},
            figures={
                ("transactions", "records", None): total,
                ("transactions", "rejected", None): 0,
                ("transactions", "quarantined_by_reason", "invalid_amount"): quarantined,
                ("transactions", "new_records", None): arrived,
                ("transactions", "new_quarantined_by_reason", "invalid_amount"): new,
            },
        )
    return total


def test_nothing_is_said_of_a_warehouse_without_runs(observed: Observed) -> None:
    assert observed() == []


def test_normal_days_raise_no_alarm(history: History, observed: Observed) -> None:
    for _ in range(3):
        grow(history, 12)
    found = {(it.monitor, it.name) for it in observed()}
    assert found == {
        ("row_count", None),
        ("null_rate", "category"),
        ("null_rate", "amount"),
        ("quarantine_rate", "invalid_amount"),
        ("rejected_rate", None),
    }
    grow(history, 30)
    assert observed.odd() == {}


def test_rows_that_have_no_value_any_more_are_odd(history: History, observed: Observed) -> None:
    grow(history, 20, nulls=0.5)
    assert observed.odd().keys() == {("null_rate", RAW, "category")}
    found = observed.one("null_rate", RAW, "category")
    assert found.value == pytest.approx(0.5, abs=0.01)
    assert found.message.startswith("50.")
    assert " of the new rows have no category; normal is at most " in found.message
    assert found.compared_with == "median 1.0 % of 18 runs since 2026-01-07"


def test_a_column_that_no_file_has_any_more_is_not_watched(
    history: History, observed: Observed
) -> None:
    total = grow(history, 20, nulls=0.5)
    assert observed.odd().keys() == {("null_rate", RAW, "category")}
    history.run(rows={RAW: total}, nulls={(RAW, "amount"): 0})
    assert [it.name for it in observed() if it.monitor == "null_rate"] == ["amount"]


def test_quarantine_for_a_reason_is_odd(history: History, observed: Observed) -> None:
    grow(history, 20, bad=0.5)
    assert observed.odd().keys() == {("quarantine_rate", "transactions", "invalid_amount")}
    found = observed.one("quarantine_rate", "transactions", "invalid_amount")
    assert found.value == pytest.approx(0.5, abs=0.01)
    assert " of the new records are quarantined as invalid_amount; " in found.message


def test_old_records_that_turn_bad_are_odd(history: History, observed: Observed) -> None:
    total = grow(history, 20)
    for bad, status in ((300, "ok"), (2_000, "fail")):
        figures: dict[tuple[str, str, str | None], float] = {
            ("transactions", "records", None): total,
            ("transactions", "quarantined_by_reason", "invalid_amount"): bad,
            ("transactions", "new_records", None): 400,
            ("transactions", "new_quarantined_by_reason", "invalid_amount"): 4,
        }
        history.run(rows={"marts.fact_transactions": total - bad}, figures=figures)
        found = observed.one("quarantine_rate", "transactions", "invalid_amount")
        assert found.status == status
        assert " of the records are quarantined as invalid_amount; " in found.message


def test_a_reason_that_was_never_seen_counts_as_zero(history: History, observed: Observed) -> None:
    total = grow(history, 20)
    figures = {
        ("transactions", "records", None): total + 400,
        ("transactions", "quarantined_by_reason", "duplicate_transaction"): 100,
        ("transactions", "new_records", None): 400,
        ("transactions", "new_quarantined_by_reason", "duplicate_transaction"): 100,
    }
    history.run(rows={RAW: total + 400}, figures=figures)
    found = observed.one("quarantine_rate", "transactions", "duplicate_transaction")
    assert (found.status, found.value) == ("fail", 0.25)
    assert found.compared_with.startswith("median 0.0 % of 20 runs")


def test_too_few_runs_are_told_as_such(history: History, observed: Observed) -> None:
    grow(history, 3)
    found = observed.one("row_count", RAW)
    assert found.status == "ok"
    assert found.message.endswith(" rows; too early to tell")
    assert found.compared_with == "nothing: needs 7 figures, has 2"
    assert (found.lower, found.upper) == (None, None)


def test_a_run_with_the_same_figure_does_not_count_as_another_figure(
    history: History, observed: Observed
) -> None:
    for total in (*[300] * 20, 600):
        history.run(rows={"raw.employees": total})
    found = observed.one("row_count", "raw.employees")
    assert (found.status, found.upper) == ("ok", pytest.approx(900))
    assert found.compared_with.startswith("median 300 of 20 runs since ")


def test_the_worst_comes_first(history: History, observed: Observed) -> None:
    grow(history, 20, nulls=0.5)
    statuses = [it.status for it in observed()]
    assert statuses == ["fail", *["ok"] * (len(statuses) - 1)]


def test_what_is_said_is_kept_once_a_run(
    history: History, observed: Observed, meta: Connection
) -> None:
    grow(history, 20, nulls=0.5)
    said = [observed(), observed()][-1]
    columns = [field.name for field in fields(Result)]
    rows = meta.execute(select(*(MONITOR_RESULTS.c[name] for name in columns))).all()
    assert [Result(**row._mapping) for row in rows] == said  # noqa: SLF001


def test_the_rows_of_a_table_of_months_are_not_watched(
    history: History, observed: Observed, catalog: Catalog
) -> None:
    marts = [it.relation for it in catalog.tables.values() if it.layer == "marts"]
    history.run(rows=dict.fromkeys([*marts, "quality.transaction_issues", "marts.gone"], 10))
    of_months = {
        "marts.daily_spend",
        "marts.program_utilization",
        "marts.account_balances",
        "marts.monthly_balances",
        "marts.program_balances",
    }
    assert of_months < {*marts}
    assert {it.dataset for it in observed()} == {*marts} - of_months


# ----------------------------------------------------------------------------- spend by day


def spend(history: History, newest: date, amount: float, as_of: date | None = None) -> None:
    days = {newest - timedelta(days=it): 1_000.0 for it in range(1, 35)} | {newest: amount}
    figures: dict[tuple[str, str, str | None], float] = {
        ("marts.fact_transactions", "spend_by_day", f"{day}"): value for day, value in days.items()
    }
    history.run(
        rows={RAW: 100 + history.runs},
        figures=figures,
        as_of=as_of or newest + timedelta(days=1),
    )


def test_the_spend_of_the_newest_day_is_judged_in_the_first_run(
    history: History, observed: Observed
) -> None:
    spend(history, MONDAY, 400.0)
    found = observed.one("spend_per_day", "marts.fact_transactions")
    assert (found.status, found.value) == ("warn", 400)
    assert found.message == (
        "USD 400.00 spent on Monday, 2026-01-05; "
        "normal is at least USD 644.04 and at most USD 1,552.71"
    )
    assert found.compared_with == "median USD 1,000.00 of 34 days since 2025-12-02"


def test_the_spend_of_a_day_that_is_not_over_is_not_judged(
    history: History, observed: Observed
) -> None:
    spend(history, MONDAY, 100.0, as_of=MONDAY)
    assert observed.odd() == {}


def test_the_days_since_the_last_run_are_judged(history: History, observed: Observed) -> None:
    spend(history, MONDAY, 1_000.0)
    days = {MONDAY + timedelta(days=it): 1_000.0 for it in range(-30, 4)}
    days[MONDAY + timedelta(days=1)] = 9_000.0
    figures: dict[tuple[str, str, str | None], float] = {
        ("marts.fact_transactions", "spend_by_day", f"{day}"): value for day, value in days.items()
    }
    history.run(rows={RAW: 500}, figures=figures, as_of=MONDAY + timedelta(days=4))
    found = observed.one("spend_per_day", "marts.fact_transactions")
    assert (found.status, found.value) == ("fail", 9_000)


# ------------------------------------------------------------------------- nothing has changed


def said(results: list[Result]) -> list[tuple[object, ...]]:
    return [(it.monitor, it.dataset, it.name, it.status, it.value, it.message) for it in results]


@pytest.mark.nightly
@given(
    st.lists(
        st.tuples(st.integers(0, 900), st.floats(0, 1), st.integers(0, 2)),
        min_size=1,
        max_size=12,
    )
)
@examples(3)
def test_a_rerun_that_changes_nothing_says_the_same(
    catalog: Catalog, days: list[tuple[int, float, int]]
) -> None:
    """Nor do some of them between two days change what the days are compared with."""
    engines = []
    found: list[list[tuple[object, ...]]] = []
    for reruns in (0, 4):
        engines.append(create_engine("duckdb:///:memory:"))
        with engines[-1].connect() as connection:
            StateStore().prepare_tables(connection, {"pii_masking": "true"})
            history, total, bad, day = History(connection), 0, 0, MONDAY
            for arrived, part, gap in days:
                total, bad = total + arrived, bad + round(arrived * part)
                day += timedelta(days=gap)
                figures: dict[tuple[str, str, str | None], float] = {
                    ("transactions", "records", None): total,
                    ("transactions", "quarantined_by_reason", "zero_amount"): bad,
                }
                rows, nulls = {RAW: total}, {(RAW, "category"): bad}
                content = f"{total} {bad}"
                given_: dict[str, Any] = {
                    "rows": rows,
                    "nulls": nulls,
                    "figures": figures,
                    "content": content,
                }
                history.run(**given_, as_of=day)
                for number in range(reruns):
                    history.run(as_of=day, **(given_ if number % 3 == 0 else {}))
            found.append(said(observe(connection, open_project(ROOT), catalog, day, WINDOW)))
    for engine in engines:
        engine.dispose()
    assert found[0] == found[1]


def test_a_verdict_stands_while_there_is_no_more_history(
    history: History, observed: Observed, meta: Connection
) -> None:
    grow(history, 20, nulls=0.5)
    before = said(observed())
    history.run()
    meta.exec_driver_sql("delete from meta.column_profiles")
    assert said(observed()) == before
    history.run(rows={"raw.employees": 3})
    assert {it[0] for it in said(observed())} == {it[0] for it in before} - {"null_rate"}


def test_a_verdict_falls_with_another_window(history: History, observed: Observed) -> None:
    grow(history, 20)
    known = [{it.compared_with for it in observed.over(window)} for window in (30, 7)]
    assert known[0].isdisjoint(known[1])


# ------------------------------------------------------------------------------------- cost


def test_a_long_history_is_judged_in_no_time(observed: Observed, meta: Connection) -> None:
    """A thousand runs with forty series; what a run with nothing to do pays for."""
    meta.exec_driver_sql("""
        insert into meta.runs (run_id, started_at, status, as_of, versions, settings)
        select 'r' || i, timestamptz '2026-01-01' + to_hours(i), 'succeeded',
            date '2026-01-01' + cast(i // 24 as int), '{}', '{}' from range(1000) as t(i)
    """)
    meta.exec_driver_sql("""
        insert into meta.materializations (run_id, node, outcome, row_count, content, recorded_at)
        select 'r' || i, node, 'built', 1000 + i, i, timestamptz '2026-01-01' + to_hours(i)
        from range(1000) as t(i), unnest(['raw.transactions', 'raw.employees']) as n(node)
    """)
    meta.exec_driver_sql("""
        insert into meta.column_profiles (run_id, relation, column_name, row_count, null_count)
        select 'r' || i, 'raw.employees', c, 1000 + i, i % 7
        from range(1000) as t(i), unnest(['email', 'status', 'first_name', 'last_name']) as n(c)
    """)
    meta.exec_driver_sql("""
        insert into meta.quality_figures
        select 'r' || i, 'transactions', if(k = 0, 'records', 'quarantined_by_reason'),
            if(k = 0, null, 'reason ' || k), if(k = 0, 1000 + i, i % 5)
        from range(1000) as t(i), range(30) as n(k)
    """)
    observed()
    started = time.process_time()
    assert len(observed()) > 30
    assert time.process_time() - started < 0.5


def test_sql_that_does_not_run_is_an_error_with_its_file(
    meta: Connection, catalog: Catalog, tmp_path: Path
) -> None:
    (tmp_path / "sql" / "reports").mkdir(parents=True)
    (tmp_path / "catalog.yaml").touch()
    (tmp_path / "sql" / "reports" / "monitored_figures.sql").write_text("select nothing")
    with pytest.raises(WarehouseError) as caught:
        observe(meta, Project(tmp_path), catalog, MONDAY, WINDOW)
    assert str(caught.value).startswith("sql/reports/monitored_figures.sql: ")


@pytest.mark.parametrize("monitor", get_args(Monitor))
def test_what_a_monitor_says_stays_open_while_its_dataset_exists(
    monitor: str, catalog: Catalog
) -> None:
    """What nobody watches is resolved as something that is gone."""
    datasets = [*catalog.sources, *catalog.tables]
    assert any(
        is_watched(catalog, monitor, it, name) for it in datasets for name in (None, "email")
    )
    assert not is_watched(catalog, monitor, "nothing", None)
