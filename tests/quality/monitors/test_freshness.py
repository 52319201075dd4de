"""A dataset is as fresh as its newest load, or the newest row that is not in the future."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from types import MappingProxyType

import pytest
from projects import definitions
from sqlalchemy import Connection, insert

from benepass_tasks.catalog import Catalog, Freshness
from benepass_tasks.config.errors import WarehouseError
from benepass_tasks.quality.monitors.freshness import instant_of, judge_age, judge_freshness
from benepass_tasks.quality.monitors.results import Result
from benepass_tasks.quality.monitors.wording import span
from benepass_tasks.state.meta import LOADS, MARKERS

ROOT = Path(__file__).resolve().parents[3]
NOON = datetime(2026, 3, 10, 12, tzinfo=UTC)
HOURS_36 = timedelta(hours=36)
BY_LOAD = Freshness(None, HOURS_36, timedelta(days=7))
BY_DAY = Freshness("transaction_timestamp", HOURS_36, timedelta(days=7))
FACTS = "marts.fact_transactions"


@pytest.mark.parametrize(
    ("hours", "status"), [(0, "ok"), (36, "ok"), (36.1, "warn"), (168, "warn"), (169, "fail")]
)
def test_age_warns_and_then_fails(hours: float, status: str) -> None:
    result = judge_age("claims", BY_LOAD, NOON - timedelta(hours=hours), NOON)
    assert (result.status, result.value, result.upper) == (status, pytest.approx(hours), 36)


def test_the_message_says_how_old_and_what_is_declared() -> None:
    result = judge_age("claims", BY_LOAD, NOON - timedelta(days=2, hours=3), NOON)
    assert str(result) == "claims: newest load 2 d 3 h ago, 2026-03-08 09:00 UTC"
    assert result.compared_with == "the catalog: warn after 1 d 12 h, fail after 7 d"


def test_a_load_after_the_as_of_day_is_fresh() -> None:
    result = judge_age("claims", BY_LOAD, NOON + timedelta(days=90), NOON)
    assert (result.status, result.value) == ("ok", 0)


@pytest.mark.parametrize(
    ("freshness", "status"),
    [(replace(BY_LOAD, fail_after=None), "warn"), (replace(BY_LOAD, warn_after=None), "fail")],
)
def test_one_limit_is_enough(freshness: Freshness, status: str) -> None:
    assert judge_age("claims", freshness, NOON - timedelta(days=30), NOON).status == status


def test_a_past_as_of_day_is_judged_as_of_its_end() -> None:
    assert instant_of(date(2026, 3, 9), NOON) == datetime(2026, 3, 10, tzinfo=UTC)
    for today_or_later in (NOON.date(), date(2026, 3, 11), date.max):
        assert instant_of(today_or_later, NOON) == NOON


@pytest.mark.parametrize(
    ("time", "words"),
    [
        (timedelta(), "0 min"),
        (timedelta(seconds=59), "0 min"),
        (timedelta(minutes=90), "1 h 30 min"),
        (timedelta(hours=36), "1 d 12 h"),
        (timedelta(days=7), "7 d"),
        (timedelta(days=2, minutes=5), "2 d"),
        (timedelta(days=1_000, hours=1), "1,000 d 1 h"),
    ],
)
def test_a_time_span_has_two_units(time: timedelta, words: str) -> None:
    assert span(time) == words


# ----------------------------------------------------------------------------- in a warehouse


@pytest.fixture(scope="module")
def project_catalog() -> Catalog:
    catalog = definitions().catalog
    sources = {name: replace(it, freshness=None) for name, it in catalog.sources.items()}
    return replace(catalog, sources=MappingProxyType(sources))


def watching_column(catalog: Catalog) -> Catalog:
    table = replace(catalog.tables[FACTS], freshness=BY_DAY)
    return replace(catalog, tables=MappingProxyType({**catalog.tables, FACTS: table}))


def has_rows(meta: Connection, *instants: str) -> None:
    """Build the fact table with rows of some instants."""
    meta.exec_driver_sql("create schema if not exists marts")
    meta.exec_driver_sql(f"create or replace table {FACTS} (transaction_timestamp timestamp)")
    for instant in instants:
        meta.exec_driver_sql(f"insert into {FACTS} values (?)", (instant,))


def is_built(meta: Connection, content: str) -> None:
    meta.exec_driver_sql("delete from meta.markers")
    record = {"name": FACTS, "code_version": "", "fingerprint": "", "data_hash": content}
    made = {"seconds": 0, "run_id": "run", "built_at": NOON}
    meta.execute(insert(MARKERS), {**record, "row_count": 1, **made})


def has_loaded(meta: Connection, file: str, loaded_at: datetime) -> None:
    load = {
        "source": "transactions",
        "file": file,
        "code_version": "",
        "sha256": "",
        "file_state": "",
    }
    counts = {"load_id": "1", "lines": 1, "records": 1, "parsed": 1, "rejected": 0, "seconds": 0}
    meta.execute(insert(LOADS), {**load, **counts, "run_id": "run", "loaded_at": loaded_at})


def judged(meta: Connection, catalog: Catalog, instant: datetime = NOON) -> list[Result]:
    return list(judge_freshness(meta, catalog, instant))


def test_the_newest_of_several_files_counts(meta: Connection, project_catalog: Catalog) -> None:
    source = replace(project_catalog.sources["transactions"], freshness=BY_LOAD)
    raw = replace(project_catalog.tables["raw.transactions"], freshness=BY_LOAD)
    catalog = replace(
        project_catalog,
        sources=MappingProxyType({**project_catalog.sources, "transactions": source}),
        tables=MappingProxyType({**project_catalog.tables, "raw.transactions": raw}),
    )
    assert judged(meta, catalog) == []
    has_loaded(meta, "transactions-1.csv", NOON - timedelta(days=8))
    assert [(it.dataset, it.status) for it in judged(meta, catalog)] == [
        ("transactions", "fail"),
        ("raw.transactions", "fail"),
    ]
    has_loaded(meta, "transactions-2.csv", NOON - timedelta(hours=1))
    assert [it.status for it in judged(meta, catalog)] == ["ok", "ok"]


def test_a_table_that_is_not_built_yet_is_not_judged(
    meta: Connection, project_catalog: Catalog
) -> None:
    assert judged(meta, watching_column(project_catalog)) == []


def test_a_timestamp_of_the_future_makes_nothing_fresh(
    meta: Connection, project_catalog: Catalog
) -> None:
    has_rows(meta, "2026-03-01 00:00", "2099-01-01 00:00", "infinity")
    is_built(meta, "a")
    (result,) = judged(meta, watching_column(project_catalog))
    assert (result.status, result.value) == ("fail", 9.5 * 24)
    assert result.message == "newest transaction_timestamp 9 d 12 h ago, 2026-03-01 00:00 UTC"


@pytest.mark.parametrize("rows", [(), ("-infinity",), ("2099-01-01 00:00", "infinity")])
def test_a_table_without_a_row_to_go_by_fails_in_words_of_its_own(
    rows: tuple[str, ...], meta: Connection, project_catalog: Catalog
) -> None:
    has_rows(meta, *rows)
    is_built(meta, "a")
    (result,) = judged(meta, watching_column(project_catalog))
    assert (result.status, result.value) == ("fail", None)
    assert result.message == "no transaction_timestamp up to now: the table has no rows to go by"


def test_a_column_is_scanned_only_when_its_table_has_other_rows(
    meta: Connection, project_catalog: Catalog
) -> None:
    catalog = watching_column(project_catalog)
    has_rows(meta, "2026-03-10 00:00")
    is_built(meta, "a")
    assert [it.value for it in judged(meta, catalog)] == [12]
    meta.exec_driver_sql(f"drop table {FACTS}")
    assert [it.value for it in judged(meta, catalog, NOON + timedelta(hours=30))] == [42]
    assert [it.status for it in judged(meta, catalog, NOON + timedelta(days=30))] == ["fail"]
    has_rows(meta, "2026-03-10 06:00")
    assert [it.value for it in judged(meta, catalog)] == [12]
    is_built(meta, "b")
    assert [it.value for it in judged(meta, catalog)] == [6]


def test_what_was_in_the_future_counts_when_it_comes(
    meta: Connection, project_catalog: Catalog
) -> None:
    catalog = watching_column(project_catalog)
    has_rows(meta, "2026-03-10 00:00", "2026-03-11 00:00")
    is_built(meta, "a")
    assert [it.value for it in judged(meta, catalog)] == [12]
    assert [it.value for it in judged(meta, catalog, NOON + timedelta(days=1))] == [12]
    assert [it.value for it in judged(meta, catalog, NOON)] == [12]


def test_a_column_that_cannot_be_read_is_an_error_without_a_value(
    meta: Connection, project_catalog: Catalog
) -> None:
    meta.exec_driver_sql("create schema marts")
    meta.exec_driver_sql(f"create table {FACTS} as select 'secret' as transaction_timestamp")
    is_built(meta, "a")
    with pytest.raises(WarehouseError) as caught:
        judged(meta, watching_column(project_catalog))
    assert str(caught.value).startswith(f"{FACTS}.transaction_timestamp cannot be read: ")
    assert "secret" not in str(caught.value)
