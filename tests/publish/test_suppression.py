"""What is withheld cannot be worked out: not by hand, and not by solving for it."""

from __future__ import annotations

import dataclasses
from collections import defaultdict
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import duckdb
import pytest
from examples import examples
from hypothesis import given
from hypothesis import strategies as st
from projects import definitions
from rendered import written_rows

from benepass_tasks.config.project import MIN_GROUP_SIZE
from benepass_tasks.publish import suppression
from benepass_tasks.publish.suppression import UNTOLD, find_withheld, withhold, withhold_for
from benepass_tasks.state.publication import Publication, PublishedTable, withheld_groups

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterable, Mapping
    from random import Random

    from workspace import Workspace

    from benepass_tasks.catalog import Catalog
    from benepass_tasks.publish.suppression import Group

ROOT = Path(__file__).resolve().parents[2]

# -------------------------------------------------------------------------- which are withheld


def test_nothing_is_withheld_where_every_group_is_large_enough() -> None:
    groups: dict[Group, int | None] = {("meals", "A"): 5, ("meals", "B"): 6, ("wfh", "C"): 5}
    assert withhold(groups, least=5) == {}


def test_small_groups_that_are_enough_together_cover_each_other() -> None:
    groups: dict[Group, int | None] = {("meals", "A"): 2, ("meals", "B"): 3, ("meals", "C"): 9}
    assert withhold(groups, least=5) == {("meals", "A"): 1, ("meals", "B"): 1}


def test_a_small_group_is_covered_by_the_smallest_beside_it() -> None:
    groups: dict[Group, int | None] = {
        ("meals", "A"): 1,
        ("meals", "B"): 9,
        ("meals", "C"): 8,
        ("wfh", "D"): 5,
    }
    assert withhold(groups, least=5) == {("meals", "A"): 1, ("meals", "C"): 1}


def test_small_groups_that_are_too_few_people_together_are_covered_by_another() -> None:
    groups: dict[Group, int | None] = {("meals", "A"): 1, ("meals", "B"): 2, ("meals", "C"): 8}
    assert withhold(groups, least=5) == dict.fromkeys(groups, 1)


def test_a_type_of_one_small_group_is_covered_by_the_smallest_of_another_type() -> None:
    groups: dict[Group, int | None] = {
        ("meals", "A"): 1,
        ("wfh", "B"): 9,
        ("wfh", "C"): 8,
        ("gym", "D"): 7,
    }
    assert withhold(groups, least=5) == {("meals", "A"): 0, ("gym", "D"): 0}


def test_groups_that_cover_each_other_already_cover_another_all_together() -> None:
    groups: dict[Group, int | None] = {
        ("meals", "A"): 1,
        ("wfh", "B"): 3,
        ("wfh", "C"): 3,
        ("gym", "D"): 7,
    }
    expected = {("meals", "A"): 0, ("wfh", "B"): 0, ("wfh", "C"): 0}
    assert withhold(groups, least=5) == expected


def test_a_programme_that_only_anonymised_charges_have_is_of_nobody_knows_how_many(
    catalog: Catalog,
) -> None:
    published = Publication(catalog, MIN_GROUP_SIZE, is_masked=True)
    programmes = dataclasses.replace(
        published.tables["marts.dim_benefit_programs"], followers=("marts.fact_transactions",)
    )
    with duckdb.connect() as warehouse:
        warehouse.execute("create schema marts")
        for table, values in (
            ("dim_benefit_programs", "('meals', 'Daily', 9), ('meals', 'Team', 8)"),
            ("fact_transactions", "('meals', 'Daily', null), ('meals', 'Old', null)"),
        ):
            columns = "(benefit_type, program_name, employee_count)"
            warehouse.execute(
                f"create table marts.{table} as from (values {values}) as {table} {columns}"
            )
        find_withheld(lambda sql: warehouse.execute(sql).fetchall(), programmes, "memory")
        withheld = warehouse.execute(
            f"select program_name from {withheld_groups(programmes.relation)} order by all"
        ).fetchall()
    assert withheld == [("Old",), ("Team",)]


def test_a_company_of_few_people_has_nothing_told_of_its_programmes() -> None:
    groups: dict[Group, int | None] = {("meals", "A"): 1, ("wfh", "B"): 1}
    assert withhold(groups, least=5) == {("meals", "A"): 0, ("wfh", "B"): 0}


def test_of_the_only_group_there_is_not_even_the_sum_is_told() -> None:
    assert withhold({("meals", "A"): 4}, least=5) == {("meals", "A"): UNTOLD}


@pytest.mark.parametrize("names", [(None, "B"), ("A", None), ("A", "B")])
def test_a_group_of_unknown_size_or_name_counts_as_any_other(names: tuple[str, str]) -> None:
    first, second = names
    groups: dict[Group, int | None] = {("meals", first): None, ("meals", second): 7}
    assert withhold(groups, least=1) == {("meals", first): 1, ("meals", second): 1}


group_sizes = st.dictionaries(
    st.tuples(st.sampled_from("abc"), st.sampled_from("xyz") | st.none()),
    st.integers(0, 9) | st.none(),
    max_size=8,
)


@given(group_sizes, st.integers(1, 9), st.randoms())
def test_each_withheld_group_is_covered_by_others_whatever_the_order(
    groups: dict[Group, int | None], least: int, random: Random
) -> None:
    told = withhold(groups, least)
    small = {group for group, size in groups.items() if (size or 0) < least}
    assert small <= told.keys() <= groups.keys()
    covers = defaultdict(set)
    for group, shown in told.items():
        covers[group[: max(shown, 0)]].add(group)
    for cover in covers.values():
        assert len(cover) > 1 or len(groups) == 1
        people = sum(groups[group] or 0 for group in cover)
        assert people >= least or cover == set(groups)
    shuffled = list(groups.items())
    random.shuffle(shuffled)
    assert withhold(dict(shuffled), least) == told


@given(group_sizes, st.lists(st.integers(1, 9), min_size=1, max_size=3, unique=True))
def test_who_asks_for_larger_groups_is_told_nothing_that_others_are_not(
    groups: dict[Group, int | None], sizes: list[int]
) -> None:
    less: dict[Group, int] = {}
    for place, least in enumerate(sorted(sizes), 1):
        told = withhold_for(groups, sorted(sizes)[:place])
        assert all(told[group] <= shown for group, shown in less.items())
        assert {group for group, size in groups.items() if (size or 0) < least} <= told.keys()
        covers = defaultdict(set)
        for group, shown in told.items():
            covers[shown, group[: max(shown, 0)]].add(group)
        for cover in covers.values():
            people = sum(groups[group] or 0 for group in cover)
            assert (len(cover) > 1 and people >= least) or cover == set(groups)
        less = told


def test_groups_that_cover_each_other_for_one_audience_do_for_all() -> None:
    groups: dict[Group, int | None] = {("meals", "A"): 2, ("meals", "B"): 4, ("meals", "C"): 9}
    assert withhold(groups, least=3) == {("meals", "A"): 1, ("meals", "B"): 1}
    assert withhold(groups, least=7) == dict.fromkeys(groups, 1)
    wide: dict[Group, int | None] = {("meals", "A"): 1, ("wfh", "B"): 3, ("wfh", "C"): 9}
    assert withhold(wide, least=2) == {("meals", "A"): 0, ("wfh", "B"): 0}
    assert withhold_for(wide, [2, 4]) == dict.fromkeys(wide, 0)


@given(group_sizes)
def test_nothing_is_withheld_where_one_person_is_enough(groups: dict[Group, int | None]) -> None:
    assert withhold({group: (size or 0) + 1 for group, size in groups.items()}, least=1) == {}


# --------------------------------------------------------------------------- solving for it


class Account(NamedTuple):
    """An account, whether a second record of it is quarantined, and its charges in cents."""

    benefit_type: str
    program: str
    employee: int
    is_repeated: bool
    charges: tuple[tuple[int, int, bool], ...]
    """Month, cents, and whether a second record of the charge is quarantined."""


accounts = st.builds(
    Account,
    st.sampled_from(["commuter", "meals", "wfh"]),
    st.sampled_from(["One", "Two"]),
    st.integers(1, 6),
    st.booleans(),
    st.lists(st.tuples(st.integers(1, 2), st.integers(1, 9999), st.booleans()), max_size=3).map(
        tuple
    ),
)
companies = st.lists(accounts, min_size=1, max_size=9)

INPUTS = """
create table intermediate.accepted_benefit_accounts (
    benefit_account_id varchar, employee_id varchar, benefit_type varchar, program_name varchar,
    monthly_allowance decimal(18, 2), open_from date, open_until date, has_allowance boolean
);
create table marts.fact_transactions (
    transaction_id varchar, employee_id varchar, benefit_account_id varchar, merchant varchar,
    amount decimal(18, 2), transaction_timestamp timestamp, category varchar,
    benefit_type varchar, program_name varchar, employee_status varchar, dq_flags varchar[],
    refund_of varchar
);
"""
BALANCES = """
create table marts.account_balances as
select
    benefit_account_id,
    cast(date_trunc('month', transaction_timestamp) as date) as balance_month,
    benefit_type,
    program_name,
    sum(amount) as spend,
    0 as refunds,
    0 as quarantined,
    0 as uncounted,
    7 as stated_balance,
    1 as difference,
    balance_month as differs_since
from marts.fact_transactions
group by all
"""
SUMS = ("marts.daily_spend", "marts.merchant_categories", "marts.monthly_balances")
"""Tables that others are made of, and that nobody else sees."""

MODELS = (
    "marts.dim_benefit_programs",
    "marts.program_utilization",
    "marts.dim_merchants",
    "marts.program_balances",
)
QUARANTINE = {
    "quality.quarantine_benefit_accounts": (
        "intermediate.accepted_benefit_accounts",
        "benefit_account_id",
    ),
    "quality.quarantine_transactions": ("marts.fact_transactions", "transaction_id"),
}


@pytest.fixture(scope="module")
def catalog() -> Catalog:
    return definitions().catalog


def built(company: Iterable[Account], catalog: Catalog) -> duckdb.DuckDBPyConnection:
    """A warehouse of the company: its accepted records, and the tables made from them."""
    warehouse = duckdb.connect(config={"threads": 1})
    for layer in ("intermediate", "marts", "quality"):
        warehouse.execute(f"create schema {layer}")
    warehouse.execute(INPUTS)
    repeated: dict[str, list[str]] = {relation: [] for relation in QUARANTINE}
    number = 0
    for place, it in enumerate(company):
        account = (
            f"('A{place}', 'E{it.employee}', '{it.benefit_type}', '{it.program}', 50, "
            "null, null, true)"
        )
        warehouse.execute(f"insert into intermediate.accepted_benefit_accounts values {account}")
        if it.is_repeated:
            repeated["quality.quarantine_benefit_accounts"].append(f"A{place}")
        for month, cents, is_repeated in it.charges:
            number += 1
            warehouse.execute(
                f"insert into marts.fact_transactions values ('T{number}', 'E{it.employee}', "
                f"'A{place}', 'At {it.program}', {cents / 100:.2f}, '2025-{month:02}-01', "
                f"'{it.benefit_type}', '{it.benefit_type}', '{it.program}', 'active', [], null)"
            )
            if is_repeated:
                repeated["quality.quarantine_transactions"].append(f"T{number}")
    warehouse.execute(BALANCES)
    for relation in (*SUMS, *MODELS):
        sql = (ROOT / "sql" / f"{relation.replace('.', '/')}.sql").read_text(encoding="utf-8")
        warehouse.execute(f"create table {relation} as {sql}")
    for relation, (origin, key) in QUARANTINE.items():
        known = {name for name, *_ in warehouse.execute(f"describe {origin}").fetchall()}
        columns = ", ".join(
            it.name if it.name in known else f"cast(null as {it.type}) as {it.name}"
            for it in catalog.tables[relation].columns.values()
        )
        ids = ", ".join(f"'{it}'" for it in repeated[relation]) or "''"
        warehouse.execute(
            f"create table {relation} as select {columns} from {origin} where {key} in ({ids})"
        )
    return warehouse


def publish(
    warehouse: duckdb.DuckDBPyConnection, tables: Mapping[str, PublishedTable]
) -> dict[str, list[dict[str, Any]]]:
    """The rows of the published tables."""

    def run(sql: str) -> list[tuple[Any, ...]]:
        return warehouse.execute(sql).fetchall()

    for table in tables.values():
        if table.has_groups:
            find_withheld(run, table, "memory")
    published = {}
    for relation in (*MODELS, *QUARANTINE, "marts.fact_transactions"):
        found = warehouse.execute(tables[relation].select("memory"))
        names = [name for name, *_ in found.description]
        published[relation] = [dict(zip(names, row, strict=True)) for row in found.fetchall()]
    return published


def group_of(row: Mapping[str, Any]) -> Group:
    return row["benefit_type"], row["program_name"]


class Equations:
    """Linear equations over unknown figures, kept in echelon form."""

    def __init__(self) -> None:
        self.rows: dict[Hashable, dict[Hashable, Fraction]] = {}

    def reduced(self, sums: Mapping[Hashable, Fraction | int]) -> dict[Hashable, Fraction]:
        """What of a sum of unknowns is left when all that is known of it is taken away."""
        left = {name: Fraction(factor) for name, factor in sums.items() if factor}
        while known := next((name for name in left if name in self.rows), None):
            factor = left[known]
            for name, other in self.rows[known].items():
                left[name] = left.get(name, Fraction(0)) - factor * other
                if not left[name]:
                    del left[name]
        return left

    def know(self, sums: Mapping[Hashable, Fraction | int]) -> None:
        """Take in that a sum of unknowns is published."""
        left = self.reduced(sums)
        if left:
            pivot, factor = next(iter(left.items()))
            row = {name: other / factor for name, other in left.items()}
            for kept in self.rows.values():
                if pivot in kept:
                    by = kept[pivot]
                    for name, other in row.items():
                        kept[name] = kept.get(name, Fraction(0)) - by * other
                        if not kept[name]:
                            del kept[name]
            self.rows[pivot] = row

    def determine(self, sums: Mapping[Hashable, Fraction | int]) -> bool:
        """Whether the equations have one value for a sum of unknowns."""
        return not self.reduced(sums)


def know_programmes(
    equations: Equations,
    published: Mapping[str, list[dict[str, Any]]],
    spend: Mapping[tuple[object, Group], Mapping[Hashable, Fraction | int]],
) -> None:
    """Take in what is published of the programmes' months."""
    for row in published["marts.program_utilization"]:
        if row["spend"] is not None:
            equations.know(spend[row["spend_month"], group_of(row)])
    for row in published["marts.program_balances"]:
        if row["spend"] is not None or row["expected_balance"] is not None:
            equations.know(spend[row["balance_month"], group_of(row)])
        if row["differing_accounts"] is not None:
            # As if each account had a balance that is not expected: there are that many.
            equations.know({("accounts", group_of(row)): 1})


def worked_out(
    published: Mapping[str, list[dict[str, Any]]], told: Mapping[Group, int]
) -> set[tuple[object, ...]]:
    """The withheld figures that follow from what is published.

    The unknowns are how much of each transaction went to which programme, and how many accounts
    each programme has. Who tries knows how groups are withheld, so which programmes are covered by
    which others; and follows ids from table to table.
    """
    programmes = {group_of(row): row for row in published["marts.dim_benefit_programs"]}
    withheld = {group for group, row in programmes.items() if row["account_count"] is None}
    facts = published["marts.fact_transactions"]
    account_of = {
        row["transaction_id"]: row["benefit_account_id"]
        for row in (*published["quality.quarantine_transactions"], *facts)
        if row["benefit_account_id"]
    }
    programme_of = {
        row["benefit_account_id"]: group_of(row)
        for row in (*published["quality.quarantine_benefit_accounts"], *facts)
        if row["benefit_account_id"] and row["program_name"]
    }
    equations = Equations()
    spend: dict[tuple[object, Group], dict[Hashable, Fraction | int]] = defaultdict(dict)
    for row in facts:
        known = programme_of.get(account_of.get(row["transaction_id"]))
        if row["program_name"]:
            known = group_of(row)
        candidates = (
            {known}
            if known
            else {
                it for it in withheld if (it[0] if told[it] == 1 else None) == row["benefit_type"]
            }
        )
        shares: dict[Hashable, Fraction | int] = {
            ("share", row["transaction_id"], it): 1 for it in candidates
        }
        if row["amount"] is not None:
            equations.know(shares)
        month = row["transaction_timestamp"].date().replace(day=1)
        for group in candidates:
            spend[month, group]["share", row["transaction_id"], group] = 1
    know_programmes(equations, published, spend)
    # The pages say how many records of accounts were accepted.
    equations.know({("accounts", it): 1 for it in withheld})
    found: set[tuple[object, ...]] = set()
    for (month, group), spent in spend.items():
        if group in withheld and equations.determine(spent):
            found.add(("spend", month, group))
    if len(programmes) > 1:
        found.update(
            ("accounts", it) for it in withheld if equations.determine({("accounts", it): 1})
        )
    return found


def attacked(
    company: list[Account], catalog: Catalog, least: int, *unsuppressed: str
) -> set[tuple[object, ...]]:
    """What can be worked out of a company; of some tables nothing is withheld."""
    tables = {
        relation: table
        if relation not in unsuppressed
        else dataclasses.replace(table, table=dataclasses.replace(table.table, suppression=None))
        for relation, table in Publication(catalog, least, is_masked=True).tables.items()
    }
    with built(company, catalog) as warehouse:
        published = publish(warehouse, tables)
        sizes = warehouse.execute(
            "select benefit_type, program_name, employee_count from marts.dim_benefit_programs"
        ).fetchall()
    told = suppression.withhold({(kind, name): size for kind, name, size in sizes}, least)
    return worked_out(published, told)


@given(companies, st.integers(1, 7))
@examples(15)
def test_no_withheld_figure_follows_from_what_is_published(
    catalog: Catalog, company: list[Account], least: int
) -> None:
    assert attacked(company, catalog, least) == set()


def with_one_charge(program: tuple[str, str], employee: int, cents: int) -> Account:
    """An account of which, and of whose charge, a second record is quarantined."""
    return Account(*program, employee, is_repeated=True, charges=((1, cents, True),))


KEYS = {
    "marts.fact_transactions": ("transaction_id",),
    "quality.quarantine_benefit_accounts": ("benefit_account_id",),
    "quality.quarantine_transactions": ("transaction_id",),
    "marts.program_utilization": ("spend_month", "benefit_type", "program_name"),
    "marts.program_balances": ("balance_month", "benefit_type", "program_name"),
    "marts.dim_benefit_programs": ("benefit_type", "program_name"),
}
"""By what somebody finds a row of one audience among those of another."""


def attacked_by_both(
    company: list[Account], catalog: Catalog, sizes: tuple[int, int], *, is_alone: bool = False
) -> set[tuple[object, ...]]:
    """What somebody can work out who belongs to two audiences, of which each has its own size.

    Where each is alone, it is withheld from the one without a thought of the other.
    """
    low, high = sorted(sizes)
    asked = [[low], [high] if is_alone else [low, high]]
    with built(company, catalog) as warehouse:
        first, second = (
            publish(
                warehouse,
                Publication(catalog, it[-1], is_masked=True, group_sizes=tuple(it)).tables,
            )
            for it in asked
        )
        found = warehouse.execute(
            "select benefit_type, program_name, employee_count from marts.dim_benefit_programs"
        ).fetchall()
    known = dict(first)
    for relation, key in KEYS.items():
        others = {tuple(row[it] for it in key): row for row in second[relation]}
        known[relation] = [
            {
                name: others[tuple(row[it] for it in key)][name] if value is None else value
                for name, value in row.items()
            }
            for row in first[relation]
        ]
    groups: dict[Group, int | None] = {(kind, name): size for kind, name, size in found}
    less, more = (suppression.withhold_for(groups, it) for it in asked)
    # Of a row somebody knows its benefit type who is told it as a member of either.
    told = {group: max(less[group], more[group]) for group in less if group in more}
    return worked_out(known, told)


@given(companies, st.tuples(st.integers(1, 7), st.integers(1, 7)))
@examples(10)
def test_nothing_withheld_follows_from_what_two_audiences_get_together(
    catalog: Catalog, company: list[Account], sizes: tuple[int, int]
) -> None:
    assert attacked_by_both(company, catalog, sizes) == set()


def test_what_two_audiences_get_together_gives_figures_away_unless_each_minds_the_other(
    catalog: Catalog,
) -> None:
    sizes = {("meals", "One"): 2, ("meals", "Two"): 2, ("meals", "Many"): 4, ("wfh", "One"): 1}
    people = iter(range(1, 100))
    company = [
        with_one_charge(group, next(people), 100 * size)
        for group, size in sizes.items()
        for _ in range(size)
    ]
    assert attacked_by_both(company, catalog, (2, 4)) == set()
    found = attacked_by_both(company, catalog, (2, 4), is_alone=True)
    assert found


ONE_SMALL = [
    with_one_charge(("meals", "One"), 1, 1000),
    *(with_one_charge(("meals", "Two"), it, 500) for it in range(1, 5)),
    *(with_one_charge(("wfh", "One"), it, 700) for it in range(1, 5)),
]


def test_the_company_that_the_attacks_are_tried_on_is_safe(catalog: Catalog) -> None:
    assert attacked(ONE_SMALL, catalog, 3) == set()


def test_a_small_group_that_nothing_covers_is_worked_out(
    catalog: Catalog, monkeypatch: pytest.MonkeyPatch
) -> None:
    def small_alone(groups: Mapping[Group, int | None], least: int) -> dict[Group, int]:
        return {group: 1 for group, size in groups.items() if (size or 0) < least}

    monkeypatch.setattr(suppression, "withhold", small_alone)
    found = attacked(ONE_SMALL, catalog, 3)
    assert {kind for kind, *_ in found} == {"spend", "accounts"}
    assert {group for *_, group in found} == {("meals", "One")}


@pytest.mark.parametrize(
    "unsuppressed",
    [
        "marts.fact_transactions",
        "marts.program_balances",
        "quality.quarantine_benefit_accounts",
    ],
)
def test_a_table_that_withholds_nothing_gives_the_others_away(
    unsuppressed: str, catalog: Catalog
) -> None:
    found = attacked(ONE_SMALL, catalog, 3, unsuppressed)
    assert {(kind, group) for kind, *_, group in found} >= {("spend", ("meals", "One"))}


def test_whoever_sets_the_limit_to_one_gets_everything(catalog: Catalog) -> None:
    tables = Publication(catalog, 1, is_masked=True).tables
    with built(ONE_SMALL, catalog) as warehouse:
        published = publish(warehouse, tables)
        for relation, rows in published.items():
            columns = ", ".join(it.name for it in tables[relation].columns)
            expected = warehouse.execute(f"select {columns} from {relation} order by all")
            assert [tuple(row.values()) for row in rows] == expected.fetchall()


def test_no_withheld_figure_of_the_sample_follows_from_its_files_and_pages(
    sample_run: Workspace,
) -> None:
    with duckdb.connect(str(sample_run.published / "benepass.duckdb"), read_only=True) as files:
        published = {}
        for relation in (*MODELS, *QUARANTINE, "marts.fact_transactions"):
            found = files.execute(f"from {relation}")
            names = [name for name, *_ in found.description]
            published[relation] = [dict(zip(names, row, strict=True)) for row in found.fetchall()]
    sizes = sample_run.query(
        "select benefit_type, program_name, employee_count from marts.dim_benefit_programs"
    )
    told = withhold({(kind, name): size for kind, name, size in sizes}, MIN_GROUP_SIZE)
    assert told == {("commuter", "City Bikes"): 1, ("commuter", "City Commute"): 1}
    assert worked_out(published, told) == set()
    # The pages are made of these files, and have their sums: what they say of the programmes is
    # what the files say.
    overview = sample_run.site / "index.html"
    months = [it for it in written_rows(overview, "programs") if it["benefit_type"] == "commuter"]
    assert months
    assert {(it["allowance"], it["spend"]) for it in months} == {(None, None)}
    # The sums that the pages have are whole, whatever is withheld of what they are the sums of.
    spend = sum(Decimal(str(it["spend"])) for it in written_rows(overview, "spend"))
    assert [(spend,)] == sample_run.query("select sum(amount) from marts.fact_transactions")
