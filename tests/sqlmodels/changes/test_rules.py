"""Each rule by a model that needs it: by changes, the table becomes what a full build makes."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pytest
from changing import Changing, connected

from benepass_tasks.sqlmodels.changes import ByChanges, InFull

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from sqlalchemy import Connection

TABLES = {
    "raw.charges": {"id": "integer", "card": "integer", "shop": "varchar", "cents": "integer"},
    "raw.cards": {"card": "integer", "owner": "varchar", "kind": "varchar"},
    "raw.owners": {"owner": "varchar", "town": "varchar"},
}
ROWS = {
    "raw.charges": "(1, 1, 'x', 5), (2, 1, 'y', 5), (3, 2, 'x', 7), (4, 2, null, 0), "
    "(5, 3, 'x', 9), (5, 3, 'x', 9), (6, null, 'x', 2), (7, 4, 'z', 1), (8, 9, 'z', 3)",
    "raw.cards": "(1, 'ann', 'k'), (2, 'bob', 'k'), (3, 'cid', null), (4, null, 'm'), "
    "(null, 'dot', 'm')",
    "raw.owners": "('ann', 'rome'), ('bob', 'oslo'), ('cid', null), (null, 'bonn')",
}


@dataclass(frozen=True)
class Change:
    """Rows of one table that go, by a condition, and rows that come, as VALUES."""

    table: str
    gone: str = "false"
    come: str = ""


ANOTHER_CHARGE = Change("raw.charges", come="(9, 2, 'y', 4)")
NO_CARD = Change("raw.charges", come="(9, null, 'y', 4)")
A_CHARGE_LESS = Change("raw.charges", gone="id = 1")
A_COPY_LESS = Change("raw.charges", gone="id = 5", come="(5, 3, 'x', 9)")
OF_ANOTHER = Change("raw.cards", gone="card = 1", come="(1, 'cid', 'm')")
NO_OWNER = Change("raw.cards", gone="card = 1")
KNOWN_AT_LAST = Change("raw.cards", come="(9, 'ann', 'k')")
NO_CARD_NUMBER = Change("raw.cards", gone="card is null", come="(null, 'ann', 'k')")
MOVED = Change("raw.owners", gone="owner = 'ann'", come="('ann', 'bonn')")
EMPTIED = Change("raw.owners", gone="true")

CHARGES = (ANOTHER_CHARGE, NO_CARD, A_CHARGE_LESS, A_COPY_LESS)
CARDS = (OF_ANOTHER, NO_OWNER, KNOWN_AT_LAST, NO_CARD_NUMBER)
OWNERS = (MOVED, EMPTIED)


@dataclass(frozen=True)
class Case:
    """A model, perhaps over views, its key, and what changes."""

    sql: str
    changes: tuple[Change, ...]
    key: tuple[str, ...] = ("id",)
    views: Mapping[str, str] = field(default_factory=dict)


CASES = {
    "columns and conditions": Case(
        "select id, cents * 2 as twice from raw.charges where cents > 4", CHARGES
    ),
    "rows alike": Case("select card, shop from raw.charges", CHARGES, ("card",)),
    "a view": Case(
        "select id, big from marts.v where big > 6",
        CHARGES,
        views={"marts.v": "select id, cents + 1 as big from raw.charges"},
    ),
    "a subquery in FROM": Case("select s.id from (select id from raw.charges) as s", CHARGES),
    "UNION ALL": Case(
        "select id, 'cheap' as what from raw.charges where cents < 5 union all "
        "select id, 'x' as what from raw.charges where shop = 'x'",
        CHARGES,
    ),
    "UNION of names by position": Case(
        "select id as a from raw.charges where cents < 5 union select card as b from raw.cards",
        (*CHARGES, *CARDS),
        ("a",),
    ),
    "EXCEPT": Case(
        "select card from raw.charges except select card from raw.cards",
        (*CHARGES, *CARDS),
        ("card",),
    ),
    "INTERSECT ALL": Case(
        "select card from raw.charges intersect all select card from raw.cards",
        (*CHARGES, *CARDS),
        ("card",),
    ),
    "DISTINCT": Case("select distinct card, shop from raw.charges", CHARGES, ("card",)),
    "GROUP BY": Case(
        "select card, count(*) as n, sum(cents) as total, min(shop) as shop "
        "from raw.charges group by card having sum(cents) > 4",
        CHARGES,
        ("card",),
    ),
    "GROUP BY an alias and a number": Case(
        "select upper(shop) as name, cents > 4 as is_big, count(*) as n "
        "from raw.charges group by name, 2",
        CHARGES,
        ("name",),
    ),
    "GROUP BY ALL": Case(
        "select card, shop, max(cents) as most from raw.charges group by all", CHARGES, ("card",)
    ),
    "groups of groups": Case(
        "with by_card as (select card, shop, sum(cents) as cents from raw.charges group by all) "
        "select shop, max(cents) as most from by_card group by shop",
        CHARGES,
        ("shop",),
    ),
    "JOIN": Case(
        "select c.id, k.owner from raw.charges as c join raw.cards as k on c.card = k.card",
        (*CHARGES, *CARDS),
    ),
    "JOIN in WHERE": Case(
        "select c.id, k.owner from raw.charges as c, raw.cards as k where c.card = k.card",
        (*CHARGES, *CARDS),
    ),
    "JOIN by NULL": Case(
        "select c.id, k.owner from raw.charges as c "
        "join raw.cards as k on c.card is not distinct from k.card",
        (*CHARGES, *CARDS),
    ),
    "JOIN with the key of the other side": Case(
        "select k.card, c.shop from raw.charges as c join raw.cards as k on c.card = k.card",
        (*CHARGES, *CARDS),
        ("card",),
    ),
    "JOIN with an equal key of both sides": Case(
        "select k.card, c.shop from raw.charges as c join raw.cards as k on c.card = k.card",
        (*CHARGES, *CARDS),
        ("card", "shop"),
    ),
    "JOIN over two tables": Case(
        "select c.id, o.town from raw.charges as c join raw.cards as k on c.card = k.card "
        "join raw.owners as o on k.owner = o.owner",
        (*CHARGES, *CARDS, *OWNERS),
    ),
    "JOIN on more than an equality": Case(
        "select c.id, k.owner from raw.charges as c join raw.cards as k "
        "on c.card = k.card and c.cents > 4 and k.kind = 'k'",
        (*CHARGES, *CARDS),
    ),
    "LEFT JOIN": Case(
        "select c.id, c.card, k.owner from raw.charges as c left join raw.cards as k "
        "on c.card = k.card",
        (*CHARGES, *CARDS),
    ),
    "LEFT JOIN of those without": Case(
        "select c.id, c.card from raw.charges as c left join raw.cards as k on c.card = k.card "
        "where k.owner is null",
        (*CHARGES, *CARDS),
    ),
    "LEFT JOIN on a condition on the left": Case(
        "select c.id, k.owner from raw.charges as c left join raw.cards as k "
        "on c.card = k.card and c.cents > 4",
        (*CHARGES, *CARDS),
    ),
    "LEFT JOIN that a condition follows": Case(
        "select c.id, c.card, k.owner from raw.charges as c left join raw.cards as k "
        "on c.card = k.card where c.cents + 0 > 4",
        (Change("raw.cards", gone="card = 3", come="(3, 'dot', 'm')"), *CHARGES),
    ),
    "LEFT JOIN of a LEFT JOIN": Case(
        "select c.id, o.town from raw.charges as c left join raw.cards as k on c.card = k.card "
        "left join raw.owners as o on k.owner = o.owner",
        (*CHARGES, *CARDS, *OWNERS),
    ),
    "LEFT JOIN of what may be absent, by NULL": Case(
        "select c.id, o.town from raw.charges as c left join raw.cards as k on c.card = k.card "
        "left join raw.owners as o on k.owner is not distinct from o.owner",
        (*CHARGES, *CARDS),
    ),
    "LEFT JOIN of what may be absent, by another word": Case(
        "select c.id, o.town from raw.charges as c left join raw.cards as k on c.card = k.card "
        "left join raw.owners as o on coalesce(k.owner, 'ann') = o.owner",
        (*CHARGES, *CARDS),
    ),
    "SEMI JOIN": Case(
        "select c.id from raw.charges as c semi join raw.cards as k on c.card = k.card",
        (*CHARGES, *CARDS),
    ),
    "ANTI JOIN": Case(
        "select c.id from raw.charges as c anti join raw.cards as k "
        "on c.card = k.card and k.kind = 'k'",
        (*CHARGES, *CARDS),
    ),
    "what nothing joins, untouched": Case(
        "select c.id, o.n from raw.charges as c "
        "cross join (select count(*) as n from raw.owners) as o",
        CHARGES,
    ),
    "what nothing joins, beside rows of the same table that something does": Case(
        "select c.id, k.owner, o.kind from raw.charges as c join raw.cards as k on c.card = k.card "
        "cross join (select distinct kind from raw.cards) as o",
        CHARGES,
    ),
    "the same rows under several conditions": Case(
        "select c.id, k.owner, 'dear' as what from raw.charges as c "
        "join raw.cards as k on c.card = k.card where c.cents > 4 union all "
        "select c.id, k.owner, 'x' as what from raw.charges as c "
        "join raw.cards as k on c.card = k.card where c.shop = 'y'",
        (*CHARGES, *CARDS),
    ),
    "the same rows under more conditions": Case(
        "select c.id, k.owner, 'dear' as what from raw.charges as c "
        "join raw.cards as k on c.card = k.card where c.cents > 4 union all "
        "select c.id, k.owner, 'x' as what from raw.charges as c "
        "join raw.cards as k on c.card = k.card where c.cents > 4 and c.shop = 'y'",
        (*CHARGES, *CARDS),
    ),
    "a figure of a table that stays what it was": Case(
        "select c.id, f.most from raw.charges as c cross join "
        "(select max(card) as most from raw.cards where card < 100) as f "
        "join raw.cards as k on c.card = k.card",
        (*CHARGES, OF_ANOTHER, NO_CARD_NUMBER),
    ),
    "a figure that is another": Case(
        "select c.id, f.most from raw.charges as c "
        "cross join (select max(card) as most from raw.cards) as f",
        (KNOWN_AT_LAST, NO_CARD_NUMBER, *CHARGES),
    ),
    "a figure that is a key": Case(
        "select k.card, f.day, k.kind from raw.cards as k "
        "cross join (select max(cents) as day from raw.charges) as f",
        (*CARDS, Change("raw.charges", gone="cents = 9"), *CHARGES),
        ("card", "day"),
    ),
    "a figure that decides about groups": Case(
        "with latest as (select max(cents) as cents from raw.charges), "
        "days as (select card, cents from raw.charges union all "
        "select k.card, latest.cents from raw.cards as k cross join latest "
        "where latest.cents is not null), "
        "groups as (select card, cents, count(*) as n from days group by card, cents) "
        "select g.card, g.cents, g.n, if(g.cents = latest.cents, k.kind, null) as kind "
        "from groups as g join raw.cards as k on g.card = k.card cross join latest",
        (Change("raw.charges", gone="cents = 9"), *CHARGES, *CARDS, Change("raw.charges", "true")),
        ("card", "cents"),
    ),
    "a figure in a condition": Case(
        "select c.id from raw.charges as c, (select min(cents) as least from raw.charges) as f "
        "where c.cents > f.least + 2",
        (Change("raw.charges", gone="cents = 0"), *CHARGES),
    ),
    "a figure joined by less": Case(
        "select c.id, k.kind from raw.charges as c "
        "join (select max(card) as most from raw.cards) as f on c.cents < f.most "
        "join raw.cards as k on c.card = k.card and k.card <> f.most",
        (KNOWN_AT_LAST, *CARDS, *CHARGES),
    ),
    "a figure beside a window": Case(
        "select c.id, count(*) filter (c.cents > f.least) over (partition by c.card) as n "
        "from raw.charges as c cross join (select min(card) as least from raw.cards) as f",
        (Change("raw.cards", gone="card = 1"), *CHARGES),
    ),
    "a figure of text that stays what it was": Case(
        "select c.id from raw.charges as c "
        "cross join (select max(shop) as last from raw.charges where cents < 3) as f "
        "where c.shop < f.last",
        (ANOTHER_CHARGE, A_CHARGE_LESS),
    ),
    "a window": Case(
        "select id, card, sum(cents) over (partition by card order by cents) as so_far "
        "from raw.charges",
        CHARGES,
    ),
    "a window that the key decides": Case(
        "select card, rank() over (partition by card order by cents) as place from raw.charges",
        CHARGES,
        ("card",),
    ),
    "two windows": Case(
        "select id, count(*) over (partition by card, shop) as n, "
        "rank() over (partition by card order by cents, id) as place from raw.charges",
        CHARGES,
    ),
    "two windows with nothing in common": Case(
        "select id, count(*) over (partition by card) as n, "
        "count(*) over (partition by shop) as m from raw.charges",
        CHARGES,
    ),
    "a window by what a window says": Case(
        "with counted as (select *, count(*) over (partition by card) as n from raw.charges) "
        "select id, rank() over (partition by card, n order by id) as place from counted",
        CHARGES,
    ),
    "a window of which only some rows are wanted": Case(
        "with ranked as (select id, shop, rank() over (partition by card order by cents) as place "
        "from raw.charges) select id, place from ranked where shop = 'x'",
        CHARGES,
    ),
    "a window that the key decides, of which only some rows are wanted": Case(
        "with ranked as (select card, shop, "
        "rank() over (partition by card order by cents) as place "
        "from raw.charges) select card, place from ranked where shop = 'x'",
        CHARGES,
        ("card",),
    ),
    "QUALIFY": Case(
        "select id, card from raw.charges "
        "qualify rank() over (partition by card order by cents desc) = 1",
        CHARGES,
    ),
    "a window over groups": Case(
        "select card, shop, rank() over (partition by card order by sum(cents)) as place "
        "from raw.charges group by card, shop",
        CHARGES,
        ("card",),
    ),
    "UNNEST beside the key": Case(
        "select id, unnest([cents, card]) as number from raw.charges", CHARGES
    ),
    "a lambda": Case(
        "select id, list_transform([cents, 1], lambda x: x + cents) as sums from raw.charges",
        CHARGES,
    ),
    "a field of a struct": Case(
        "with packed as (select id, {'shop': shop, 'cents': cents} as it from raw.charges) "
        "select id, it.cents as cents from packed where it.shop = 'x'",
        CHARGES,
    ),
}
"""By what is special about them."""


@pytest.fixture(scope="module")
def connection() -> Iterator[Connection]:
    with connected() as connection:
        yield connection


def start(connection: Connection, case: Case, **settings: str) -> Changing:
    for table, columns in TABLES.items():
        typed = ", ".join(f"cast({it} as {kind}) as {it}" for it, kind in columns.items())
        connection.exec_driver_sql(
            f"create or replace table {table} as select {typed} "
            f"from (values {ROWS[table]}) as v({', '.join(columns)})"
        )
    models = {**case.views, "marts.m": case.sql}
    return Changing(connection, TABLES, models, [case.key], settings)


def made(case: Changing, *changes: Change) -> dict[str, str]:
    """Make changes; by relation, the tables of what they touched."""
    touched = {}
    for it in changes:
        columns = ", ".join(TABLES[it.table])
        come = f"select * from (values {it.come}) as v({columns})" if it.come else None
        empty = f"select {columns} from {it.table} limit 0"
        touched[it.table] = case.touch(it.table, it.gone, come or empty)
    return touched


@pytest.mark.parametrize("name", CASES)
def test_by_its_changes_a_table_becomes_what_a_full_build_makes(
    connection: Connection, name: str
) -> None:
    case = start(connection, CASES[name])
    for change in CASES[name].changes:
        plan = case.plan(made(case, change))
        assert isinstance(plan, ByChanges), plan
        assert case.refresh(plan) is None
        case.compare()


@pytest.mark.parametrize("name", CASES)
def test_what_is_small_is_read_whole(connection: Connection, name: str) -> None:
    case = start(connection, CASES[name])
    plan = case.plan(made(case, CASES[name].changes[0]), TABLES.keys())
    assert isinstance(plan, ByChanges), plan
    case.refresh(plan)
    case.compare()


def test_all_inputs_may_change_at_once(connection: Connection) -> None:
    case = start(connection, CASES["JOIN over two tables"])
    plan = case.plan(made(case, A_CHARGE_LESS, OF_ANOTHER, MOVED))
    assert isinstance(plan, ByChanges)
    case.refresh(plan)
    case.compare()


def test_what_cannot_count_affects_no_row(connection: Connection) -> None:
    case = start(connection, CASES["columns and conditions"])
    plan = case.plan(made(case, Change("raw.charges", come="(9, 1, 'x', 1)")))
    assert isinstance(plan, ByChanges)
    case.refresh(plan)
    (found,) = plan.finding
    assert case.run(found.sql) == []


SETTING = "getvariable('as_of_date')"
MOVED_SETTINGS = {
    "in WHERE": Case(f"select id from raw.charges where cents > {SETTING}", CHARGES),
    "in WHERE of a view": Case(
        "select card, count(*) as n from marts.v group by card",
        CHARGES,
        ("card",),
        {"marts.v": f"select card from raw.charges where cents > {SETTING} and shop = 'x'"},
    ),
    "below a window": Case(
        "select id, rank() over (partition by card order by cents, id) as place "
        f"from raw.charges where cents <> {SETTING}",
        CHARGES,
    ),
    "of the joined side": Case(
        f"with few as (select card, owner from raw.cards where card < {SETTING}) "
        "select c.id, s.owner from raw.charges as c left join few as s on c.card = s.card",
        (*CHARGES, *CARDS),
    ),
    "in the list": Case(
        f"select id, if(cents > {SETTING}, 'much', shop) as what from raw.charges", CHARGES
    ),
    "in a key": Case(f"select id, cents + {SETTING} as more from raw.charges", CHARGES, ("more",)),
    "in an aggregate": Case(
        f"select card, sum(greatest(cents, {SETTING})) as total from raw.charges group by card",
        CHARGES,
        ("card",),
    ),
    "in a figure": Case(
        "select c.id, f.most from raw.charges as c cross join "
        f"(select max(cents) as most from raw.charges where cents < 2 * {SETTING}) as f",
        CHARGES,
    ),
    "in the order of a window": Case(
        "select id, rank() over (partition by card order by cents % "
        f"{SETTING}, id) as place from raw.charges",
        CHARGES,
    ),
    "in WHERE of a joined table": Case(
        "select c.id from raw.charges as c join raw.cards as k on c.card = k.card "
        f"where k.card * 2 < {SETTING}",
        (*CHARGES, *CARDS),
    ),
    "in a condition of a join": Case(
        "select c.id from raw.charges as c join raw.cards as k "
        f"on c.card = k.card and k.card * 2 < {SETTING}",
        (*CHARGES, *CARDS),
    ),
    "beside columns of two tables": Case(
        f"select c.id, c.cents > k.card * {SETTING} as is_much from raw.charges as c "
        "join raw.cards as k on c.card = k.card",
        (*CHARGES, *CARDS),
    ),
    "in a figure that stays what it was": Case(
        "select c.id, f.most from raw.charges as c cross join "
        f"(select max(cents) as most from raw.charges where cents < 20 + {SETTING}) as f",
        (ANOTHER_CHARGE, A_CHARGE_LESS),
    ),
}


@pytest.mark.parametrize("name", MOVED_SETTINGS)
def test_a_setting_that_moves_affects_the_rows_that_it_decides(
    connection: Connection, name: str
) -> None:
    case = start(connection, MOVED_SETTINGS[name], as_of_date="5")
    for number, change in enumerate(MOVED_SETTINGS[name].changes):
        case.move(as_of_date=str(5 - number % 2))
        plan = case.plan(made(case, change))
        assert isinstance(plan, ByChanges), plan
        assert case.refresh(plan) is None
        case.compare()


REFUSED_SETTINGS = {
    f"select id from raw.charges qualify rank() over (partition by card order by id) = {SETTING}": (
        "not in WHERE or SELECT alone"
    ),
    "select card, count(*) as n from raw.charges group by card "
    f"having count(*) > {SETTING}": "not in WHERE or SELECT alone",
    f"select id, count(*) over (partition by cents % {SETTING}) as n from raw.charges": (
        "not in WHERE or SELECT alone"
    ),
    f"select cents > {SETTING} as is_much, count(*) as n from raw.charges group by all": (
        "not in WHERE or SELECT alone"
    ),
    "select c.id from raw.charges as c left join raw.cards as k "
    f"on c.card = k.card and k.card < {SETTING}": "not in WHERE or SELECT alone",
    f"select c.id, coalesce(k.card, {SETTING}) as card from raw.charges as c "
    "left join raw.cards as k on c.card = k.card": "decides about a joined table",
    f"select c.id, k.card < {SETTING} and c.cents > 1 as is_low from raw.charges as c "
    "join raw.cards as k on c.cents < k.card": ("decides about a joined table"),
    f"select c.id, list_transform([c.cents], lambda it: it + k.card + {SETTING}) as it "
    "from raw.charges as c join raw.cards as k on c.card = k.card": "a setting in a lambda",
}


@pytest.mark.parametrize("sql", REFUSED_SETTINGS)
def test_elsewhere_a_setting_that_moves_has_no_rule(connection: Connection, sql: str) -> None:
    case = start(connection, Case(sql, ()), as_of_date="5")
    assert isinstance(case.plan({"raw.charges": "changes.raw_charges"}), ByChanges)
    case.move(as_of_date="4")
    plan = case.plan({"raw.charges": "changes.raw_charges"})
    assert isinstance(plan, InFull)
    assert REFUSED_SETTINGS[sql] in plan.why


TWO_ALIKE = Change("raw.charges", gone="id = 1", come="(9, 2, 'x', 3), (9, 2, 'x', 3)")
ADDED_UP = {
    "counts and sums": Case(
        "select card, count(*) as n, count(cents) as paid, sum(cents) as total, "
        "coalesce(sum(cents) filter (where shop = 'x'), 0) as at_x, "
        "count(*) filter (where cents > 4) as big from raw.charges where id > 1 group by card",
        (*CHARGES, TWO_ALIKE),
        ("card",),
    ),
    "over a view and a CTE": Case(
        "with big as (select * from marts.v where twice > 4) "
        "select upper(shop) as name, twice % 2 as odd, count(*) as n from big group by all",
        CHARGES,
        ("name",),
        views={"marts.v": "select shop, cents * 2 as twice from raw.charges"},
    ),
    "the last value of a group goes": Case(
        "select card, count(*) as n, sum(cents) as total, count(cents) as paid "
        "from raw.charges group by card",
        (Change("raw.charges", gone="id = 6", come="(6, null, 'x', null)"),),
        ("card",),
    ),
}


@pytest.mark.parametrize("name", ADDED_UP)
def test_what_is_added_up_follows_from_what_went_and_came(
    connection: Connection, name: str
) -> None:
    for change in ADDED_UP[name].changes:
        case = start(connection, ADDED_UP[name])
        plan = case.plan(made(case, change))
        assert isinstance(plan, ByChanges)
        assert not _reads_all_charges(plan)
        assert case.refresh(plan) is None
        case.compare()


NOT_ADDED_UP = {
    "the least": "select card, count(*) as n, min(cents) as least from raw.charges group by card",
    "different values": "select card, count(*) as n, count(distinct cents) as m from raw.charges "
    "group by card",
    "a sum that may be NULL": "select card, count(*) as n, sum(cents) as m from raw.charges "
    "group by card",
    "a count of other values": "select card, count(*) as n, sum(cents) as m, "
    "count(cents) filter (where id > 1) as k from raw.charges group by card",
    "a sum that depends on the order": "select card, count(*) as n, "
    "coalesce(sum(cents / 3), 0) as m from raw.charges group by card",
    "no count of all rows": "select card, count(*) filter (where id > 1) as n from raw.charges "
    "group by card",
    "a condition on the group": "select card, count(*) as n from raw.charges group by card "
    "having count(*) > 1",
    "several groups in one": "select card, count(*) as n from raw.charges group by card, shop",
    "another value for none": "select card, count(*) as n, coalesce(sum(cents), 1) as m "
    "from raw.charges group by card",
    "rows that are there once": "select card, count(*) as n "
    "from (select distinct card, shop from raw.charges) group by card",
    "rows of rows": "select card, count(*) as n "
    "from (select card, shop, count(*) as k from raw.charges group by all) group by card",
    "a row in two parts": "select card, count(*) as n from (select card from raw.charges "
    "union select card from raw.charges where id > 4) group by card",
    "rows with a number": "select card, count(*) as n from (select card, row_number() over "
    "(partition by card order by id) as place from raw.charges) where place = 1 group by card",
    "another table": "select k.owner, count(*) as n from raw.charges as c "
    "join raw.cards as k on c.card = k.card group by k.owner",
}


@pytest.mark.parametrize("name", NOT_ADDED_UP)
def test_what_is_not_added_up_is_told_from_the_rows(connection: Connection, name: str) -> None:
    for change in CHARGES:
        case = start(connection, Case(NOT_ADDED_UP[name], ()))
        plan = case.plan(made(case, change))
        assert isinstance(plan, ByChanges)
        assert _reads_all_charges(plan)
        assert case.refresh(plan) is None
        case.compare()


def test_a_setting_that_moves_decides_about_rows_that_stay(connection: Connection) -> None:
    sql = f"select card, count(*) as n from raw.charges where cents < {SETTING} group by card"
    case = start(connection, Case(sql, ()), as_of_date="5")
    touched = made(case, ANOTHER_CHARGE)
    case.move(as_of_date="8")
    plan = case.plan(touched)
    assert isinstance(plan, ByChanges)
    assert _reads_all_charges(plan)
    assert case.refresh(plan) is None
    case.compare()


def _reads_all_charges(plan: ByChanges) -> bool:
    written = [it.sql for it in (*plan.finding, *plan.computing)]
    return any('"raw"."charges"' in it or "raw.charges" in it for it in [*written, plan.new])


IN_FULL = {
    "select count(*) as n from raw.charges": "a key that an aggregate",
    "select id, 1 as one from raw.charges limit 3": "LIMIT",
    "select distinct on (card) card, id from raw.charges order by card, id": "DISTINCT ON",
    "select id, (select max(card) from raw.cards) as most from raw.charges": "a subquery",
    "select id from raw.charges join raw.cards using (card)": "a join without ON",
    "select c.id from raw.cards as k full join raw.charges as c on c.card = k.card": "a FULL JOIN",
    "select k.card from raw.charges as c left join raw.cards as k on c.card = k.card": (
        "a key of the optional side of a LEFT JOIN"
    ),
    "select card, first(shop) as shop from raw.charges group by card": "first without ORDER BY",
    "select card, sum(cents) as n from raw.charges group by rollup(card)": "GROUPING SETS",
    "select c.id + k.card as it from raw.charges as c join raw.cards as k on c.card < k.card": (
        "a key of more than one table"
    ),
}
"""What no rule covers, and how the reason begins."""


@pytest.mark.parametrize("sql", IN_FULL)
def test_what_no_rule_covers_says_why(connection: Connection, sql: str) -> None:
    case = start(connection, Case(sql, ()))
    plan = case.plan({"raw.charges": "changes.raw_charges"})
    assert isinstance(plan, InFull)
    assert plan.why.startswith(IN_FULL[sql])


UNBOUND = {
    "a cross join": (
        "select c.id, o.town from raw.charges as c cross join raw.owners as o",
        EMPTIED,
    ),
    "a row that may be missing": (
        (
            "select c.id, o.n from raw.charges as c cross join "
            "(select count(*) as n from raw.owners having count(*) > 0) as o"
        ),
        EMPTIED,
    ),
    "a join by less": (
        "select c.id, k.owner from raw.charges as c join raw.cards as k on c.cents < k.card",
        OF_ANOTHER,
    ),
    "a window over all rows": (
        "select id, count(*) over () as n from raw.charges",
        ANOTHER_CHARGE,
    ),
}


@pytest.mark.parametrize("name", UNBOUND)
def test_what_all_rows_depend_on_may_not_be_touched(connection: Connection, name: str) -> None:
    sql, change = UNBOUND[name]
    case = start(connection, Case(sql, ()))
    plan = case.plan(made(case, change))
    assert isinstance(plan, ByChanges)
    assert case.refresh(plan) in ("what no equality joins is touched", "a window over all rows")
