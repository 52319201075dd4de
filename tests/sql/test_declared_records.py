"""What a source declares of its records decides which are one, which are spend, and refunds."""

from __future__ import annotations

from contextlib import contextmanager
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest
from casebook import USUAL, read_case
from examples import at_night, examples
from hypothesis import given
from hypothesis import strategies as st
from promises import broken

from benepass_tasks.config.errors import CatalogError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    import duckdb
    from workbench import RawRows, Row, Workbench

    Declared = Callable[[str], Workbench]
    Changed = Callable[..., Workbench]

KEY = "    key: [transaction_id]\n    resends: supersede\n"
SUPERSEDE = "key: [transaction_id]\nresends: supersede"
CATEGORY = (
    '      category: {description: "Spending category, such as gym or groceries.", required: false}'
)


@pytest.fixture(scope="session")
def declared(changed: Changed) -> Declared:
    """The project, of whose transactions something else is declared."""
    columns = "".join(
        f"\n      {name}: {{description: Said of the charge., required: false}}"
        for name in ("status", "type", "sent_at")
    )

    def workbench(words: str) -> Workbench:
        said = "".join(f"    {line}\n" for line in words.splitlines())
        return changed((KEY, said), (CATEGORY, CATEGORY + columns))

    return workbench


@contextmanager
def built(workbench: Workbench, transactions: Sequence[Row]) -> Iterator[duckdb.DuckDBPyConnection]:
    """The usual company with these transactions, in which nothing is lost and no promise broken."""
    with workbench.built(company(workbench, transactions)) as connection:
        assert broken(connection, workbench) == []
        (balance,) = connection.execute("""
            select
                (select sum(amount) from staging.stg_transactions)
                is not distinct from (
                    select sum(amount)
                    from (
                        select amount from marts.fact_transactions
                        union all select amount from quality.quarantine_transactions
                        union all select amount from quality.uncounted_transactions
                    )
                ),
                (select count(*) from raw.transactions) = (
                    (select count(*) from marts.fact_transactions)
                    + (select count(*) from quality.quarantine_transactions)
                    + (select count(*) from quality.uncounted_transactions)
                )
        """).fetchall()
        assert balance == (True, True)
        yield connection


def company(workbench: Workbench, transactions: Sequence[Row]) -> RawRows:
    usual = read_case(USUAL, workbench)
    rows = [usual.usual["raw.transactions"] | row for row in transactions]
    return usual.raw_rows() | {"raw.transactions": rows}


def rows_of(table: str, *columns: str) -> Callable[[duckdb.DuckDBPyConnection], Any]:
    def read(connection: duckdb.DuckDBPyConnection) -> list[tuple[object, ...]]:
        texts = ", ".join(f"cast({it} as varchar)" for it in columns)
        return connection.execute(f"select {texts} from {table} order by all").fetchall()

    return read


fact = rows_of("marts.fact_transactions", "transaction_id", "amount")
flags = rows_of("marts.fact_transactions", "transaction_id", "dq_flags")
quarantine = rows_of("quality.quarantine_transactions", "transaction_id", "rejection_reason")
uncounted = rows_of("quality.uncounted_transactions", "transaction_id", "reason")
links = rows_of("marts.fact_transactions where amount < 0", "transaction_id", "refund_of")


def charge(id_: str, amount: str, **others: str) -> Row:
    return {"transaction_id": id_, "amount": amount, **others}


# ------------------------------------------------------------------------- words that mean NULL


def test_the_quarantine_shows_the_words_that_mean_null_as_the_file_has_them(
    changed: Changed,
) -> None:
    args = '{dtype: str, keep_default_na: false, na_values: [n/a, "-"]}'
    path = "  filepath: data/transactions*.csv\n"
    workbench = changed((path, f"{path}  load_args: {args}\n"))
    when = {"transaction_timestamp": " - "}
    transactions = [charge("T1", "n/a", merchant="-"), charge("T2", "5.00", **when)]
    with built(workbench, transactions) as connection:
        read = rows_of(
            "quality.quarantine_transactions", "rejection_reason", "merchant", "raw_merchant",
            "amount", "raw_amount", "transaction_timestamp", "raw_transaction_timestamp",
        )  # fmt: skip
        first, second = read(connection)
        assert first[:5] == ("invalid_amount", None, "-", None, "n/a")
        assert second[0] == "invalid_timestamp"
        assert second[5:] == (None, " - ")
        kept = rows_of("staging.stg_transactions", "amount_as_written")
        assert kept(connection) == [(None,), (None,)]


# ------------------------------------------------------------------------- which records are one


@pytest.mark.parametrize(
    ("words", "ids"),
    [
        (
            "key: [transaction_id, {month_of: transaction_timestamp}]\nresends: supersede",
            ["1 / 2025-01", "1 / 2025-02"],
        ),
        *at_night(
            ("key: [transaction_id, _source_file]", ["1 / t_01.csv", "1 / t_02.csv"]),
            ("key: [transaction_id, merchant]", ["1 / Deli", "1 / Gym"]),
        ),
    ],
)
def test_ids_that_begin_anew_are_told_apart_by_the_rest_of_their_key(
    words: str, ids: list[str], declared: Declared
) -> None:
    january = {"transaction_timestamp": "2025-01-05T10:00:00Z", "_source_file": "t_01.csv"}
    february = {"transaction_timestamp": "2025-02-05T10:00:00Z", "_source_file": "t_02.csv"}
    charges = [
        charge("1", "10", merchant="Gym", **january),
        charge("1", "20", merchant="Deli", **february),
    ]
    with built(declared(words), charges) as connection:
        assert [id_ for id_, _ in fact(connection)] == ids
        assert quarantine(connection) == []


def test_no_two_keys_of_several_parts_are_alike(declared: Declared) -> None:
    charges = [charge("a / b", "10", merchant="c"), charge("a", "20", merchant="b / c")]
    with built(declared("key: [transaction_id, merchant]"), charges) as connection:
        assert fact(connection) == [("a / b // c", "20.00"), ("a // b / c", "10.00")]


def test_an_id_that_is_missing_is_missing_whatever_else_is_in_the_key(declared: Declared) -> None:
    with built(declared("key: [transaction_id, _source_file]"), [charge(" ", "10")]) as connection:
        assert quarantine(connection) == [(None, "missing_transaction_id")]


RESENT = [charge("T1", "10", _source_file="t_1.csv"), charge("T1", "12", _source_file="t_2.csv")]


def test_resends_that_conflict_are_all_kept_out(declared: Declared) -> None:
    with built(declared("resends: conflict"), RESENT) as connection:
        assert fact(connection) == []
        assert quarantine(connection) == [("T1", "conflicting_transaction_id")] * 2


def test_a_column_says_which_record_is_the_later_one(declared: Declared) -> None:
    """Within one file, too; an instant is compared as such, and a missing one is the earliest."""
    words = f"{SUPERSEDE}\nordered_by: sent_at"
    charges = [
        charge("T1", "10", sent_at="2025-03-02T01:00:00+02:00", _source_file="t_2.csv"),
        charge("T1", "11", sent_at="2025-03-01T23:30:00Z", _source_file="t_1.csv"),
        charge("T1", "12", _source_file="t_3.csv"),
        charge("T2", "20", sent_at="10"),
        charge("T2", "21", sent_at="9"),
        charge("T3", "30", sent_at="1"),
        charge("T3", "31", sent_at="1"),
    ]
    with built(declared(words), charges) as connection:
        assert fact(connection) == [("T1", "11.00"), ("T2", "20.00")]


VERSIONS = st.lists(
    st.tuples(
        st.sampled_from(["T1", "T2", "T3"]), st.sampled_from(["10.00", "11.00", "12.00", "lots"])
    ),
    max_size=12,
)


@pytest.mark.nightly
@given(VERSIONS, st.data())
@examples(5)
def test_the_last_valid_version_counts_however_records_arrive_in_files(
    workbench: Workbench, versions: list[tuple[str, str]], data: st.DataObject
) -> None:
    """A file holds an id once; a new file begins where it would come again, and at some others."""
    file, held, placed = 8, set[str](), []
    for id_, amount in versions:
        if id_ in held or data.draw(st.booleans()):
            file, held = file + 1, set()
        held.add(id_)
        placed.append(charge(id_, amount, _source_file=f"t_{file}.csv", _row_number=str(len(held))))
    expected = {id_: amount for id_, amount in versions if amount != "lots"}
    arrived = data.draw(st.permutations(placed))
    with built(workbench, arrived) as connection:
        assert dict(fact(connection)) == expected
        found = contents(connection)
    with built(workbench, placed) as connection:
        assert contents(connection) == found


def contents(connection: duckdb.DuckDBPyConnection) -> list[list[tuple[object, ...]]]:
    tables = ("marts.fact_transactions", "quality.quarantine_transactions")
    return [connection.execute(f"select * from {it} order by all").fetchall() for it in tables]


def test_records_that_a_later_file_lacks_stay(workbench: Workbench) -> None:
    charges = [
        charge("T1", "10", _source_file="t_1.csv"),
        charge("T2", "20", _source_file="t_1.csv"),
        charge("T2", "20", _source_file="t_2.csv"),
    ]
    with built(workbench, charges) as connection:
        assert fact(connection) == [("T1", "10.00"), ("T2", "20.00")]


# ------------------------------------------------------------------------------ which are spend

COUNTED = f"{SUPERSEDE}\ncounts_when: {{status: [Posted, settled]}}"


def test_what_is_not_among_the_values_is_kept_with_its_reason(declared: Declared) -> None:
    charges = [
        charge("T1", "10", status=" POSTED"),
        charge("T2", "20", status="Denied"),
        charge("T3", "lots", status="pending"),
        charge("T4", "40"),
        charge("T5", "50", status="ask ann@x.example"),
    ]
    with built(declared(COUNTED), charges) as connection:
        assert fact(connection) == [("T1", "10.00")]
        assert quarantine(connection) == []
        assert uncounted(connection) == [
            ("T2", "status is denied"),
            ("T3", "status is pending"),
            ("T4", "status is missing"),
            ("T5", "status is none of those that count"),
        ]


def test_where_no_value_counts_the_parts_of_a_charge_do_not(declared: Declared) -> None:
    charges = [
        charge("T1", "10"),
        charge("T2", "4", status="T1"),
        charge("T3", "6", status="T1"),
        charge("T4", "5", status=" "),
    ]
    with built(declared(f"{SUPERSEDE}\ncounts_when: {{status: [null]}}"), charges) as connection:
        assert fact(connection) == [("T1", "10.00"), ("T4", "5.00")]
        assert uncounted(connection) == [("T2", "status is filled"), ("T3", "status is filled")]


def test_authorization_and_capture_of_an_id_count_once(declared: Declared) -> None:
    """In one file, and over two, in which the first state is no version of the second."""
    charges = [
        charge("T1", "10", status="pending"),
        charge("T1", "10", status="posted"),
        charge("T2", "20", status="pending", _source_file="t_1.csv"),
        charge("T2", "21", status="posted", _source_file="t_2.csv"),
    ]
    with built(declared(COUNTED), charges) as connection:
        assert flags(connection) == [("T1", "[]"), ("T2", "[]")]
        assert len(uncounted(connection)) == 2


def test_a_charge_that_a_later_file_declines_is_not_spend(declared: Declared) -> None:
    """What a file before it declined is: the later one speaks."""
    charges = [
        charge("T1", "10", status="posted", _source_file="t_1.csv"),
        charge("T1", "10", status="declined", _source_file="t_2.csv"),
        charge("T2", "20", status="declined", _source_file="t_1.csv"),
        charge("T2", "20", status="posted", _source_file="t_2.csv"),
    ]
    with built(declared(COUNTED), charges) as connection:
        assert fact(connection) == [("T2", "20.00")]
        assert quarantine(connection) == [("T1", "superseded_transaction")]


# ---------------------------------------------------------------------------------- refunds

NET = f"{SUPERSEDE}\nrefunds: net"


def on(day: int) -> str:
    return f"2025-06-{day:02}T12:00:00Z"


def lines(*said: tuple[str, str, int], **others: str) -> list[Row]:
    return [
        charge(id_, amount, transaction_timestamp=on(day), **others) for id_, amount, day in said
    ]


@pytest.mark.parametrize(
    ("said", "found"),
    [
        *at_night(
            ([("T1", "10", 1), ("R1", "-10", 2)], [("R1", "T1")]),
            ([("T1", "10", 1), ("R1", "-4", 2), ("R2", "-6", 3)], [("R1", "T1"), ("R2", "T1")]),
        ),
        ([("T1", "10", 1), ("R1", "-10", 2), ("R2", "-0.01", 3)], [("R1", "T1"), ("R2", None)]),
        ([("R1", "-10", 1), ("T1", "10", 2)], [("R1", None)]),
        *at_night(([("T1", "10", 1), ("R1", "-10.01", 2)], [("R1", None)])),
        # That of which exactly as much is left; else the last one.
        ([("T1", "10", 1), ("T2", "20", 2), ("R1", "-10", 3)], [("R1", "T1")]),
        ([("T1", "10", 1), ("T2", "20", 2), ("R1", "-5", 3)], [("R1", "T2")]),
        (
            [("T1", "10", 1), ("T2", "10", 1), ("R2", "-10", 1), ("R1", "-10", 1)],
            [("R1", "T2"), ("R2", "T1")],
        ),
    ],
)
def test_a_refund_belongs_to_a_charge_before_it_of_which_as_much_is_left(
    said: list[tuple[str, str, int]], found: list[tuple[str, str | None]], declared: Declared
) -> None:
    with built(declared(NET), lines(*said)) as connection:
        assert links(connection) == found
        unlinked = [id_ for id_, listed in flags(connection) if "unlinked_refund" in listed]
        assert unlinked == [id_ for id_, charged in found if charged is None]


@pytest.mark.parametrize(
    "other",
    [
        {"merchant": "Deli"},
        *at_night({"merchant": ""}),
        {"employee_id": "E2", "benefit_account_id": "A2"},
        {"transaction_timestamp": "never"},
    ],
)
def test_only_an_accepted_charge_of_the_same_account_and_merchant_is_refunded(
    other: Row, declared: Declared
) -> None:
    charges = [*lines(("T1", "10", 1)), *lines(("R1", "-10", 2))]
    charges[0] |= other
    with built(declared(NET), charges) as connection:
        assert links(connection) == [("R1", None)]


def test_refunds_lower_spend_and_free_the_allowance(declared: Declared) -> None:
    """A charge that is given back before the next one leaves it within the allowance."""
    said = lines(("T1", "80", 1), ("R1", "-80", 2), ("T2", "90", 3), ("T3", "20", 4))
    with built(declared(NET), said) as connection:
        assert flags(connection)[-1] == ("T3", "[over_monthly_allowance]")
        assert all(listed == "[]" for _, listed in flags(connection)[:-1])
        spend = connection.execute(
            "select spend, refunds, expected_balance from marts.account_balances "
            "where benefit_account_id = 'A1'"
        ).fetchall()
        assert spend == [(Decimal("190.00"), Decimal("80.00"), Decimal("-10.00"))]
        used = connection.execute("select max(spend) from marts.program_utilization").fetchall()
        assert used == [(Decimal("110.00"),)]


def test_a_zero_amount_is_not_a_refund(declared: Declared) -> None:
    with built(declared(NET), lines(("T1", "0", 1), ("T2", "-0.00", 2))) as connection:
        assert quarantine(connection) == [("T1", "zero_amount"), ("T2", "zero_amount")]


SAYS_TYPE = f"{SUPERSEDE}\ncounts_when: {{type: [capture, Refund, chargeback]}}"


@pytest.mark.parametrize(
    "words",
    [
        f"{SUPERSEDE}\nrefunds: {{type: [refund, chargeback]}}",
        *at_night(f"{SAYS_TYPE}\nrefunds: net"),
    ],
)
def test_a_refund_may_be_above_zero_where_its_type_says_so(words: str, declared: Declared) -> None:
    charges = [
        *lines(("T1", "10", 1), type="capture"),
        *lines(("R1", "4", 2), type="refund"),
        *lines(("R2", "-6", 3), type="Chargeback"),
    ]
    with built(declared(words), charges) as connection:
        assert fact(connection) == [("R1", "-4.00"), ("R2", "-6.00"), ("T1", "10.00")]
        assert links(connection) == [("R1", "T1"), ("R2", "T1")]


def test_without_netting_refunds_are_kept_out_whatever_their_sign(declared: Declared) -> None:
    charges = [*lines(("R1", "4", 2), type="refund"), *lines(("R2", "-6", 3), type="capture")]
    with built(declared(SAYS_TYPE), charges) as connection:
        assert quarantine(connection) == [("R1", "negative_amount"), ("R2", "negative_amount")]


def test_an_employee_who_was_hired_again_is_who_the_declared_order_says(changed: Changed) -> None:
    people: RawRows = {
        "raw.employees": [
            {"employee_id": "E1", "hire_date": "2024-02-01", "status": "active"},
            {"employee_id": "E1", "hire_date": "2019-02-01", "status": "terminated"},
        ]
    }
    about = "    description: People who take part"
    ordered = changed((about, f"    ordered_by: hire_date\n{about}"))
    with ordered.built(people, "marts.dim_employees") as connection:
        found = connection.execute("select status from marts.dim_employees").fetchall()
    assert found == [("active",)]


def test_of_an_account_the_record_counts_that_the_declared_order_says(changed: Changed) -> None:
    accounts: RawRows = {
        "raw.employees": [{"employee_id": "E1", "status": "active"}],
        "raw.benefit_accounts": [
            {
                "benefit_account_id": "A1",
                "employee_id": "E1",
                "opened_on": day,
                "benefit_type": name,
            }
            for day, name in (("2024-02-01", "meals"), ("2019-02-01", "wellness"))
        ],
    }
    about = "    description: Accounts that an allowance"
    ordered = changed((about, f"    ordered_by: opened_on\n{about}"))
    relation = "intermediate.accepted_benefit_accounts"
    with ordered.built(accounts, relation) as connection:
        assert connection.execute(f"select benefit_type from {relation}").fetchall() == [("meals",)]


@pytest.mark.parametrize(
    ("source", "word", "unread", "others"),
    [
        ("staging.stg_employees", "refunds: net", "_refunds, _is_refund", "ordered_by, census"),
        *at_night(
            ("staging.stg_employees", "key: [employee_id]", "_record_key", "ordered_by, census"),
            ("staging.stg_benefit_accounts", "census: active_only", "_vanished_on", "ordered_by"),
            ("staging.stg_category_benefit_mappings", "resends: conflict", "_resends", "none"),
            ("staging.stg_transactions", "census: active_only", "_vanished_on", "key, resends, "),
        ),
    ],
)
def test_a_word_that_no_model_reads_is_refused(
    source: str, word: str, unread: str, others: str, changed: Changed
) -> None:
    before = f"    reconciliation: {{staging: {source}"
    with pytest.raises(CatalogError, match=r"catalog\.yaml:\d+ \w+\.metadata\.") as refused:
        changed((before, f"    {word}\n{before}"))
    message = str(refused.value)
    assert f"metadata.{word.partition(':')[0]}: would do nothing" in message
    assert f"no model reads {unread} of base." in message
    assert f"(of such words they read {others}" in message


def test_the_currency_that_is_reported_may_be_said_of_any_source_of_amounts(
    changed: Changed,
) -> None:
    """It decides by itself which headers of amounts are refused."""
    before = "    reconciliation: {staging: staging.stg_"
    word = "    currency: {reporting: EUR}\n"
    changed((f"{before}benefit_accounts", f"{word}{before}benefit_accounts"))
    with pytest.raises(CatalogError, match="would do nothing"):
        changed((f"{before}employees", f"{word}{before}employees"))


def test_balances_leave_out_what_does_not_count_in_another_currency(declared: Declared) -> None:
    words = "counts_when: {status: [posted]}\ncurrency: {column: type}"
    charges = [
        *lines(("T1", "10", 1), status="posted", type="usd"),
        *lines(("T2", "7", 2), status="declined", type="usd"),
        *lines(("T3", "5000", 3), status="declined", type="jpy"),
    ]
    with built(declared(words), charges) as connection:
        assert [id_ for id_, _ in uncounted(connection)] == ["T2", "T3"]
        balances = connection.execute(
            "select spend, uncounted from marts.account_balances where benefit_account_id = 'A1'"
        ).fetchall()
        assert balances == [(Decimal("10.00"), Decimal("7.00"))]
