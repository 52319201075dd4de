"""What decides tells something, too: what spells a name out, and what a usual model may ask."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from small_project import MASKED, NONE, SOURCE, SmallProject

from benepass_tasks.config.errors import CatalogError, ModelError

ID = SOURCE["id"]
NAME = SOURCE["first_name"]
EMAIL = SOURCE["email"]
HIRED = SOURCE["hired"]
MONEY = SOURCE["salary"]
ORDER = {"class": "pseudonym", "kind": "ORDER_ID"}


@pytest.fixture
def small(tmp_path: Path) -> SmallProject:
    small = SmallProject(tmp_path)
    small.policy = small.policy | {"tidy": {"treatment": "tidy"}}
    return small.add(
        "staging.s",
        """
        select
            id, tidy(first_name) as name, tidy(email) as email, hired, salary, team,
            mask_email(tidy(email)) as shown_email,
            nullif(left(first_name, 1), 'A') as initial,
            _row_number
        from raw.people
        """,
        id=ID,
        name=NAME,
        email=EMAIL,
        hired=HIRED,
        salary=MONEY,
        team=NONE,
        shown_email=MASKED,
        initial=NAME,
        _row_number=NONE,
    )


def over_people(sql: str) -> str:
    """The SQL with the table of people for `s`."""
    return re.sub(r"\b(from|join) s\b", r"\1 staging.s as s", sql)


LETTER_BY_LETTER = {
    "a case for each letter": "select case when left(name, 1) = 'A' then 'A' end as it from s",
    "a case of a value": "select case name when 'Ann' then 1 end as it from s",
    "an if": "select if(name > 'M', 1, 0) as it from s",
    "a comparison": "select name > 'M' as it from s",
    "between": "select name between 'A' and 'B' as it from s",
    "a list of names": "select name in ('Ann') as it from s",
    "a pattern": "select name like 'A%' as it from s",
    "a regular expression": "select regexp_matches(name, '^A') as it from s",
    "a beginning": "select starts_with(name, 'A') as it from s",
    "nullif": "select nullif('Ann', name) as it from s",
    "nothing left of it": "select nullif(name, 'Ann') is null as it from s",
    "nothing left of a cast": "select try_cast(name as int) is null as it from s",
    "a list comprehension": "select [l for l in ['A', 'B'] if l = left(name, 1)] as it from s",
    "a filtered list": "select list_filter(['A', 'B'], lambda l: l < name) as it from s",
    "rows by its code": "select 1 as it from s, range(unicode(name))",
    "how many by its code": (
        "select count(*) as it from s, range(unicode(name)) group by s.id having count(*) > 9"
    ),
    "a series by its code": "select g.i as it from s, generate_series(1, unicode(name)) as g(i)",
    "unnested as often": "select unnest(range(unicode(name))) - 1 as it from s",
    "a dictionary": "select l.letter as it from s join raw.letters l on l.letter = left(name, 1)",
    "a dictionary of names": "select l.letter as it from s join raw.letters l on l.letter = name",
    "a dictionary by using": (
        "select place as it from (select name as letter from s) join raw.letters using (letter)"
    ),
    "a dictionary by nature": (
        "select place as it from (select name as letter from s) natural join raw.letters"
    ),
    "a dictionary that is near": (
        "select l.letter as it from s asof join raw.letters l on s.name >= l.letter"
    ),
    "a dictionary in": "select letter as it from raw.letters where letter in (select name from s)",
    "a semi join": "select letter as it from raw.letters l semi join s on s.name = l.letter",
    "an anti join": "select letter as it from raw.letters l anti join s on s.name = l.letter",
    "exists by bit": "select exists(select 1 from s where unicode(name) & 1 = 1) as it",
    "exists of a part": "select exists(select initial from s where initial > 'B') as it",
    "any": "select 'M' < any(select name from s) as it",
    "a lateral join": (
        "select x.it from s, lateral (select letter as it from raw.letters where letter < name) x"
    ),
    "a where": "select team as it from s where name > 'M'",
    "a where in a CTE": (
        "with a as (select team from s where name > 'M'), b as (select team from a) "
        "select team as it from b"
    ),
    "a having": "select team as it from s group by team having max(name) > 'M'",
    "a qualify": "select team as it from s qualify row_number() over (order by name) = 1",
    "a filter": "select string_agg(team, ',') filter (where name < 'M') as it from s",
    "a filtered count": "select count(*) filter (where name < 'M') as it from s group by id",
    "a counted case": "select count(case when name < 'M' then 1 end) as it from s group by id",
    "a counted part": "select count(nullif(left(name, 1), 'A')) as it from s group by id",
    "a count of what is a part": "select count(initial) as it from s group by id",
    "whether a part is there": "select initial is not null as it from s",
    "a sum of ones": "select sum(case when name < 'M' then 1 else 0 end) as it from s",
    "a row number": "select row_number() over (order by name) as it from s",
    "a rank": "select rank() over (order by name) as it from s",
    "a share": "select percent_rank() over (order by name) as it from s",
    "the first of an order": "select first_value(team) over (order by name) as it from s",
    "the order of a list": "select string_agg(team, ',' order by name) as it from s",
    "the order of first": "select first(team order by name) as it from s",
    "at the greatest": "select arg_max(team, name) as it from s",
    "a frame": (
        "select count(*) over (order by id rows between unicode(name) preceding "
        "and current row) as it from s"
    ),
    "a limit": "select letter as it from raw.letters limit (select min(unicode(name)) from s)",
    "an offset": (
        "select letter as it from raw.letters limit 1 offset (select min(unicode(name)) from s)"
    ),
    "the first by an order": "select team as it from s order by name limit 1",
    "the one after": "select distinct on (team) id is null as it from s order by team, name",
    "its place in an order": (
        "select row_number() over () as it from (select team from s order by name)"
    ),
    "its place in a list": "select list(team) as it from (select team from s order by name)",
    "beside a dictionary": (
        "select letter as it from raw.letters positional join (select 1 from s order by name)"
    ),
    "a group by a letter": "select count(*) as it from s group by left(name, 1)",
    "a group by a condition": "select max(team) as it from s group by name = 'Ann'",
    "a partition by a letter": "select count(*) over (partition by left(name, 1)) as it from s",
    "groups of one": "select count(*) as it from s group by name",
    "a group with a known name": (
        "select count(*) over (partition by n) - 1 as it from "
        "(select name as n from s union all select 'Ann')"
    ),
    "a value with a known name": (
        "select max(t) as it from (select name, 0 from s union all values ('Ann', 1)) as a(n, t) "
        "group by n having count(*) > 1"
    ),
    "listed with a known name": (
        "select count(*) over (partition by n) - 1 as it from s, lateral "
        "(values (name), ('Ann')) as v(n)"
    ),
    "the one before, or a known name": (
        "select lag(name, 1, 'Ann') over (order by id) = name as it from s"
    ),
    "a known name, the other way round": ("select [name, 'Ann'] = ['Ann', name] as it from s"),
    "joined with a known name": (
        "select a.id is null as it from (select name || 'Ann' as n, id from s) as a "
        "join (select 'Ann' || name as n, id from s) as b on a.n = b.n and a.id = b.id"
    ),
    "names but one": ("select count(*) as it from (select name from s except select 'Ann')"),
    "names and one": ("select count(*) as it from (select name from s intersect select 'Ann')"),
    "one more name": "select count(*) as it from (select name from s union select 'Ann')",
    "a cast of a comparison": "select (name = 'Ann')::int::varchar || '!' as it from s",
    "nested": (
        "with a as (select id, name < 'M' as low from s), "
        "b as (select id, if(low, 1, 2) as n from a) select list_sum([n, 1]) as it from b"
    ),
    "a known name by using": (
        "select count(*) as it from s join (select 'Ann' as name) as k using (name)"
    ),
    "a known name by nature": (
        "select team as it from (select name, team from s) natural join (select 'Ann' as name)"
    ),
    "whether it has an accent": "select strip_accents(name) = name as it from s",
    "a list of names, hashed": (
        "select l.letter as it from s join raw.letters l on pseudonym(s.name) = pseudonym(l.letter)"
    ),
    "by way of a mask that is none for it": ("select mask_email(name) = 'Ann' as it from s"),
}


@pytest.mark.parametrize("sql", LETTER_BY_LETTER.values(), ids=LETTER_BY_LETTER.keys())
def test_what_spells_a_name_out_is_refused(small: SmallProject, sql: str) -> None:
    small.add("marts.x", over_people(sql), it=NONE)
    assert {it.rule for it in small.prove().findings} & {"decided", "undeclared"}


def test_neither_is_any_of_many_other_ways_passed_over(small: SmallProject) -> None:
    attacks = Path(__file__).with_name("attacks.txt").read_text(encoding="utf-8").splitlines()
    for number, sql in enumerate(attacks):
        small.add(f"marts.x{number}", sql, it=NONE)
    found = {it.subject.split(".")[1] for it in small.prove().findings}
    assert [it for number, it in enumerate(attacks) if f"x{number}" not in found] == []


def test_no_layer_hides_a_decision(small: SmallProject) -> None:
    small.add("intermediate.a", "select id, name > 'M' as low from staging.s", id=ID, low=NAME)
    small.add("intermediate.b", "select id from intermediate.a where low", id=NAME)
    small.add("marts.x", "\nselect count(*) as it\nfrom intermediate.b", it=NONE)
    assert small.rules()["marts.x"] == {"decided"}


def test_a_decision_is_told_once_where_it_is_made(small: SmallProject) -> None:
    small.add("intermediate.a", "select id, name > 'M' as low from staging.s", id=ID, low=NONE)
    small.add("marts.x", "select id from intermediate.a where low", id=ID)
    assert small.rules() == {"intermediate.a.low": {"decided"}}


USUAL = {
    "people with a name": ("select id from s where name is not null", {"id": ID}),
    "people without one": ("select id from s where name is null", {"id": ID}),
    "an email that is not empty": ("select id from s where email <> ''", {"id": ID}),
    "an email that is not blank": ("select id from s where trim(email) <> ''", {"id": ID}),
    "whether there is an email": (
        "select id, email is not null as it from s",
        {"id": ID, "it": NONE},
    ),
    "how many have one": (
        "select team, count(email) as it from s group by team",
        {"team": NONE, "it": NONE},
    ),
    "how many different ones": (
        "select team, count(distinct lower(email)) as it from s group by team",
        {"team": NONE, "it": NONE},
    ),
    "how many lack one": (
        "select count(*) filter (where nullif(trim(email), '') is null) as it from s",
        {"it": NONE},
    ),
    "a masked email where there is one": (
        "select id, case when email is not null then mask_email(email) end as it from s",
        {"id": ID, "it": MASKED},
    ),
    "one record of an email": (
        "select id from s qualify row_number() over (partition by lower(email) order by id) = 1",
        {"id": ID},
    ),
    "emails that come twice": (
        "select id from s where email in (select email from s group by email having count(*) > 1)",
        {"id": ID},
    ),
    "whether an email comes twice": (
        "select id, count(*) over (partition by email) > 1 as it from s",
        {"id": ID, "it": NONE},
    ),
    "two records of a name": (
        "select a.id from staging.s a join staging.s b on a.name = b.name and a.id < b.id",
        {"id": ID},
    ),
    "whether the name has changed": (
        (
            "select id, name is distinct from lag(name) over (partition by id order by hired) "
            "as it from s"
        ),
        {"id": ID, "it": NONE},
    ),
    "people once": (
        "select distinct id, name, team from s",
        {"id": ID, "name": NAME, "team": NONE},
    ),
    "spend by person": (
        (
            "select s.id, s.name, sum(o.amount) as it, count(*) as n from s "
            "left join raw.orders o on s.id = o.id group by s.id, s.name"
        ),
        {"id": ID, "name": NAME, "it": MONEY, "n": NONE},
    ),
    "spend by team": (
        (
            "select s.team, sum(o.amount) as it, count(distinct s.id) as n from raw.orders o "
            "join s on s.id = o.id group by s.team"
        ),
        {"team": NONE, "it": MONEY, "n": NONE},
    ),
    "spend by month and item": (
        (
            "select left(ordered, 7) as m, item, sum(amount) as it, count(*) as n from raw.orders "
            "group by all"
        ),
        {"m": NONE, "item": NONE, "it": MONEY, "n": NONE},
    ),
    "orders with the person's team": (
        "select o.order_id, o.id, s.team from raw.orders o left join s using (id)",
        {"order_id": ORDER, "id": ID, "team": NONE},
    ),
    "people but those of a team": (
        "select id, name from s except select id, name from s where team = 'x'",
        {"id": ID, "name": NAME},
    ),
    "orders of nobody": (
        "select order_id from raw.orders o anti join s on o.id = s.id",
        {"order_id": ORDER},
    ),
    "people with orders": (
        "select id from s where exists (select * from raw.orders o where o.id = s.id)",
        {"id": ID},
    ),
    "orders of those who exist": (
        "select order_id from raw.orders o where exists (select * from s where o.id = s.id)",
        {"order_id": ORDER},
    ),
    "the latest order of each": (
        (
            "select id, item from raw.orders qualify row_number() over "
            "(partition by id order by ordered desc, order_id) = 1"
        ),
        {"id": ID, "item": NONE},
    ),
    "the latest record of each": (
        "select id, team from s qualify rank() over (partition by id order by hired desc) = 1",
        {"id": ID, "team": NONE},
    ),
    "hired since a date": ("select team from s where hired >= '2020-01-01'", {"team": NONE}),
    "a number for each": (
        "select id, row_number() over (order by id) as it from s",
        {"id": ID, "it": NONE},
    ),
    "the best items": (
        "select item, rank() over (order by sum(amount) desc) as it from raw.orders group by item",
        {"item": NONE, "it": NONE},
    ),
    "a list in the order of names": (
        "select id, name, team from s order by name, team",
        {"id": ID, "name": NAME, "team": NONE},
    ),
    "by month of hire, with enough people": (
        "select left(hired, 7) as m, count(*) as n from s group by m having count(*) >= 5",
        {"m": HIRED, "n": NONE},
    ),
    "by date of hire, said to be so": (
        "select hired, count(*) as n from s group by hired",
        {"hired": HIRED, "n": HIRED},
    ),
    "an email that is none": (
        "select id, email not like '%@%' as it from s",
        {"id": ID, "it": NONE | {"derived_from": {"column": "people.email", "reason": "validity"}}},
    ),
    "two tables of them": (
        "select id, team from s where name is not null union all select id, item from raw.orders",
        {"id": ID, "team": NONE},
    ),
    "a domain's people": (
        (
            "select split_part(shown_email, '@', 2) as d, count(distinct id) as n from s "
            "group by d having count(distinct id) >= 5"
        ),
        {"d": MASKED, "n": NONE},
    ),
    "joined by a masked email": (
        "select a.id from staging.s a join staging.s b on a.shown_email = b.shown_email",
        {"id": ID},
    ),
}


@pytest.mark.parametrize(("sql", "columns"), USUAL.values(), ids=USUAL.keys())
def test_a_usual_model_raises_no_alarm(
    small: SmallProject, sql: str, columns: dict[str, dict[str, Any]]
) -> None:
    small.add(
        "marts.x",
        over_people(sql),
        **columns,
    )
    assert [str(it) for it in small.prove().findings] == []


def test_usual_models_are_many() -> None:
    assert len(USUAL) >= 30


@pytest.mark.parametrize(
    ("sql", "said"),
    [
        (
            "select count(*) as it from staging.s group by hired",
            "counts rows by quasi_identifier DATE",
        ),
        (
            "select sum(1) as it from staging.s group by hired",
            "counts rows by quasi_identifier DATE",
        ),
        (
            "select count(*) over (partition by hired) as it from staging.s",
            "counts rows by quasi_identifier DATE",
        ),
        (
            "select count(*) as it from staging.s group by hired having count(*) >= 4",
            "Leave such groups out (having count(*) >= 5)",
        ),
        (
            "select rank() over (order by hired) as it from staging.s",
            "tells the order by quasi_identifier",
        ),
    ],
)
def test_groups_of_few_and_orders_are_told_of_quasi_identifiers(
    small: SmallProject, sql: str, said: str
) -> None:
    small.add("marts.x", sql, it=NONE)
    [finding] = small.prove().findings
    assert finding.rule == "decided"
    assert said in finding.message


class TestADeclaration:
    def test_lets_one_column_be_decided_about(self, small: SmallProject) -> None:
        valid = NONE | {"derived_from": {"column": "people.first_name", "reason": "validity"}}
        small.add(
            "marts.x",
            "select name > 'M' as it, email > 'M' as other from staging.s",
            it=valid,
            other=valid,
        )
        [decided, needless] = small.prove().findings
        assert (decided.subject, decided.rule) == ("marts.x.other", "decided")
        assert needless.rule == "unsupported"
        assert "derived_from people.first_name, which decides nothing about it" in needless.message

    def test_settles_it_for_those_who_read_it(self, small: SmallProject) -> None:
        said = {"column": ["people.first_name"], "reason": "validity"}
        small.add(
            "intermediate.a",
            "select id, name > 'M' as low from staging.s",
            id=ID,
            low=NONE | {"derived_from": said},
        )
        small.add("marts.x", "select id from intermediate.a where low", id=ID)
        assert small.rules() == {}

    def test_of_a_table_is_for_all_its_columns(self, small: SmallProject) -> None:
        small.add("marts.x", "select id, team from staging.s where name > 'M'", id=ID, team=NONE)
        small.add("marts.y", "select team from marts.x", team=NONE)
        assert small.rules() == {"marts.x": {"decided"}}
        small.rows["marts.x"] = {"column": "people.first_name", "reason": "validity"}
        assert small.rules() == {}

    def test_lets_nothing_arrive(self, small: SmallProject) -> None:
        said = {"column": "people.first_name", "reason": "validity"}
        small.add(
            "marts.x",
            "select left(name, 1) as it from staging.s",
            it=NONE | {"derived_from": said},
        )
        assert "undeclared" in small.rules()["marts.x.it"]

    def test_lets_nothing_go_on_that_arrived(self, small: SmallProject) -> None:
        said = {"column": "people.first_name", "reason": "validity"}
        small.add(
            "intermediate.a",
            "select if(name > 'M', name, '') as it from staging.s",
            it=NAME | {"derived_from": said},
        )
        small.add("marts.x", "select it from intermediate.a", it=NONE)
        assert small.rules() == {"marts.x.it": {"undeclared"}}

    def test_of_a_headcount_is_tested_on_the_rows(self, small: SmallProject) -> None:
        said = {"column": "people.hired", "reason": "headcount", "minimum": 3}
        small.add(
            "marts.x",
            "select count(*) as it from staging.s group by hired",
            it=NONE | {"type": "BIGINT", "derived_from": said},
        )
        assert small.rules() == {}
        [test] = small.read()[0].tables["marts.x"].columns["it"].tests
        assert (test.kind, test.arguments, test.severity) == ("range", "min 3", "fail")

    def test_of_rows_that_nothing_decides_is_reported(self, small: SmallProject) -> None:
        small.add("marts.x", "select id from staging.s", id=ID)
        small.rows["marts.x"] = {"column": "people.email", "reason": "presence"}
        assert small.rules() == {"marts.x": {"unsupported"}}

    @pytest.mark.parametrize(
        ("said", "wrong"),
        [
            (
                {"column": "people.nope", "reason": "validity"},
                "people.nope is not a column of a source",
            ),
            ({"column": "people.email", "reason": "because"}, "must be one of validity, presence"),
            ({"column": "people.email"}, "reason: is required"),
            ({"reason": "validity"}, "column: is required"),
            ({"column": "people.email", "reason": "headcount"}, "minimum: is required"),
            (
                {"column": "people.email", "reason": "validity", "minimum": 3},
                "minimum: is for reason: headcount only",
            ),
        ],
    )
    def test_that_says_nothing_known_is_refused(
        self, small: SmallProject, said: dict[str, Any], wrong: str
    ) -> None:
        small.add("marts.x", "select id from staging.s", id=ID | {"derived_from": said})
        with pytest.raises(CatalogError) as refused:
            small.prove()
        assert wrong in str(refused.value)


def test_a_finding_says_where_and_what_to_write(small: SmallProject) -> None:
    small.add(
        "marts.x",
        "\nselect\n  team,\n  id\nfrom staging.s\nwhere name > 'M'",
        team=NONE,
        id=ID,
    )
    [finding] = small.prove().findings
    assert str(finding) == (
        "sql/marts/x.sql:6 marts.x: its rows are decided by identifier FIRST_NAME, which team, id "
        "tell of. Ask no more than whether it is there or the same, mask it first, take it out, or "
        "say what alone can be told of it: derived_from: {column: people.first_name, reason: "
        "validity or presence or sameness}, beside the description of the table. Path: "
        "people.first_name -> raw.people.first_name -> staging.s.name "
        "(sql/staging/s.sql:3, TRANSFORMATION) -> marts.x (sql/marts/x.sql:6, INDIRECT FILTER)"
    )


def test_a_name_that_is_guessed_is_not_hashed(small: SmallProject) -> None:
    small.add(
        "marts.x",
        "select pseudonym(name) = pseudonym('Ann') as it from staging.s",
        it=SOURCE["id"] | {"kind": "FIRST_NAME"},
    )
    with pytest.raises(
        ModelError, match=r"sql/marts/x.sql:1 pseudonym of a constant; hash a column"
    ):
        small.prove()


def test_tidying_counts_as_long_as_it_is_what_was_approved(small: SmallProject) -> None:
    small.add("marts.x", "select name is null as it from staging.s", it=NONE)
    assert small.rules() == {}
    small.policy["tidy"] = {"fingerprint": "0" * 32} | small.policy["tidy"]
    assert small.rules() == {"_masking_policy.tidy": {"policy"}, "marts.x.it": {"decided"}}
