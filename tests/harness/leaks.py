"""Random models in which a name decides: by each rule of SQL, then nested in harmless queries.

Whether one lets something out is found by experiment. Names are exchanged for others, the same for
the same and none for none: whoever only asks whether there is a name, or which rows have the same,
gets the same answer. Where the answer differs, something of the names themselves has decided.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import duckdb

if TYPE_CHECKING:
    from random import Random

PEOPLE: list[tuple[str, str | None, str, int]] = [
    ("e1", "Ann", "red", 3),
    ("e2", "Bob", "red", 1),
    ("e3", "Ann", "blue", 4),
    ("e4", "Cyd", "blue", 1),
    ("e5", None, "blue", 5),
    ("e6", "Zoe", "green", 9),
    ("e7", "Max", "green", 2),
]
"""Id, name, team and a number of each of a few people."""

EXCHANGES = (
    {"Ann": "Max", "Bob": "Zoe", "Cyd": "Ann", "Zoe": "Bob", "Max": "Cyd"},
    {"Ann": "Bob", "Bob": "Ann", "Cyd": "Max", "Zoe": "Cyd", "Max": "Zoe"},
    {"Ann": "Abe", "Bob": "Bix", "Cyd": "Cat", "Zoe": "Zed", "Max": "Moe"},
    {"Ann": "Zed", "Bob": "Moe", "Cyd": "Bix", "Zoe": "Abe", "Max": "Cat"},
)
"""Other names for the names."""

LETTERS = ("A", "B", "C", "M", "Z")

BITS = (
    "{x} > 'B'",
    "{x} <= 'Cat'",
    "{x} like 'A%'",
    "{x} not like '%o%'",
    "{x} ilike '%A%'",
    "{x} in ('Ann', 'Moe')",
    "{x} not in ('Zoe', 'Abe')",
    "{x} between 'B' and 'D'",
    "{x} = 'Ann'",
    "{x} is distinct from 'Max'",
    "{x} is not distinct from 'Bob'",
    "left({x}, 1) = 'A'",
    "right({x}, 1) >= 'n'",
    "starts_with({x}, 'M')",
    "regexp_matches({x}, '[aeiou]n')",
    "unicode({x}) % 2 = 0",
    "unicode(substr({x}, 2, 1)) & 4 = 4",
    "nullif({x}, 'Ann') is null",
    "nullif(left({x}, 1), 'Z') is not null",
    "coalesce({x}, 'Bob') = 'Bob'",
    "upper({x}) < 'M'",
    "md5({x}) < '8'",
    "hash({x}) % 3 = 0",
    "try_cast(translate(left({x}, 1), 'ABC', '123') as int) is not null",
    "{x} = any(select letter || 'nn' from raw.letters)",
    "exists(select 1 from raw.letters as l where l.letter = left({x}, 1) and l.letter > 'B')",
    "(select count(*) from raw.letters as l where l.letter < {x}) > 2",
    "{x} > (select max(l.letter) from raw.letters as l where l.letter < 'M')",
    "case {x} when 'Ann' then true when 'Zoe' then true else false end",
    "len([l for l in ['A', 'B', 'M'] if l < {x}]) = 2",
    "list_contains(['Ann', 'Cat'], {x})",
    "[{x}, 'Ann'] = ['Ann', {x}]",
    "({x} || 'Ann') = ('Ann' || {x})",
    "lower({x}) = 'ann'",
    "{x} || '' = 'Bob'",
    "concat({x}, 'x') < 'C'",
    "trim({x}, 'A') = 'nn'",
    "coalesce({x}, '') < 'B'",
    "length(replace({x}, 'n', '')) = 1",
    "greatest({x}, 'Bob') = 'Bob'",
    "({x} collate nocase) = 'ann'",
    "{x}::blob::varchar > 'B'",
    "{x} glob 'A*'",
    "{x} similar to '[AB].*'",
    "list_position(['Ann', 'Zed'], {x}) > 0",
    "map {{'Ann': 1, 'Moe': 2}}[{x}] > 0",
    "position('n' in {x}) = 2",
    "strip_accents({x}) between 'Ann' and 'Bob'",
    "row({x}, 1) = row('Ann', 1)",
    "{x} = (select min(c.name) from staging.s as c)",
)
"""What may be asked of a name."""

ROWS = (
    "select id, name, team, n from {r} where {bit}",
    "select id, name, team, if({bit}, n, 0) as n from {r}",
    "select id, name, case when {bit} then team else 'none' end as team, n from {r}",
    "select id, name, team, n + ({bit})::int as n from {r}",
    "select id, name, team, count(*) filter (where {bit}) over (partition by team) as n from {r}",
    "select id, name, team, row_number() over (order by name, id) as n from {r}",
    "select id, name, team, dense_rank() over (order by name desc) as n from {r}",
    "select id, name, team, ntile(3) over (order by name) as n from {r}",
    "select id, name, first_value(team) over (order by name, id) as team, n from {r}",
    "select id, name, lag(team) over (order by name, id) as team, n from {r}",
    (
        "select id, name, team, sum(n) over "
        "(order by name rows between 1 preceding and current row) as n from {r}"
    ),
    (
        "select id, name, team, count(*) over (order by id rows between "
        "coalesce(unicode(name) % 3, 0) preceding and current row) as n from {r}"
    ),
    "select id, name, team, n from {r} qualify row_number() over (order by name, id) < 4",
    "select id, name, team, n from {r} qualify max(name) over () = name",
    "select id, name, team, n from {r} order by name, id limit 3",
    "select id, name, team, n from {r} order by name desc, id offset 2",
    (
        "select id, name, team, n from {r} order by id "
        "limit (select count(*) from {r} as c where c.name > 'B')"
    ),
    "select distinct on (team) id, name, team, n from {r} order by team, name, id",
    "select id, name, team, row_number() over () as n from (from {r} order by name, id)",
    (
        "select r.id, r.name, l.letter as team, r.n from {r} as r join raw.letters as l "
        "on l.letter = left(r.name, 1)"
    ),
    (
        "select r.id, r.name, l.letter as team, r.n from {r} as r left join raw.letters as l "
        "on l.letter <= r.name and l.letter > 'B'"
    ),
    (
        "select r.id, r.name, l.letter as team, r.n from {r} as r asof join raw.letters as l "
        "on r.name >= l.letter"
    ),
    "select id, name, team, n from {r} semi join raw.letters on left(name, 1) = letter",
    "select id, name, team, n from {r} anti join raw.letters on letter > name",
    (
        "select r.id, r.name, x.letter as team, r.n from {r} as r, lateral "
        "(select max(letter) as letter from raw.letters where letter <= r.name) as x"
    ),
    "select r.id, r.name, r.team, g.i as n from {r} as r, range(unicode(r.name) % 4) as g(i)",
    "select id, name, team, unnest(range(unicode(name) % 4)) as n from {r}",
    "select id, name, team, count(*) over (partition by left(name, 1)) as n from {r}",
    "select id, name, team, count(*) over (partition by {bit}) as n from {r}",
    (
        "select id, max(name) as name, team, max(n) as n from {r} group by id, team "
        "having max(name) > 'B'"
    ),
    (
        "select max(id) as id, max(name) as name, string_agg(team, ',' order by name, id) as team, "
        "max(n) as n from {r}"
    ),
    (
        "select max(id) as id, max(name) as name, arg_max(team, name || id) as team, min(n) as n "
        "from {r}"
    ),
    (
        "select min(id) as id, max(name) as name, 'all' as team, count(*) as n from {r} "
        "group by left(name, 1)"
    ),
    (
        "select min(id) as id, max(name) as name, first(team order by name, id) as team, "
        "sum(n) as n from {r}"
    ),
    (
        "select max(u.id) as id, max(u.name) as name, max(u.team) as team, count(*) as n from "
        "(select id, name, team from {r} union all select 'e0', 'Ann', 'red') as u group by u.name"
    ),
    (
        "select v.id, v.name, v.team, count(*) over (partition by v.name) as n from "
        "(from {r} union all values ('e0', 'Bob', 'red', 0)) as v"
    ),
    "select id, name, team, (lag(name, 1, 'Ann') over (order by id) = name)::int as n from {r}",
    (
        "select 'e' as id, x.name, 'x' as team, count(*) over () as n from "
        "(select name from {r} intersect select letter || 'nn' from raw.letters) as x"
    ),
    (
        "select 'e' as id, x.name, 'x' as team, count(*) over () as n from "
        "(select name from {r} union select letter || 'nn' from raw.letters) as x"
    ),
    (
        "select r.id, r.name, r.team, count(nullif(left(name, 1), 'A')) as n from {r} as r "
        "group by r.id, r.name, r.team"
    ),
    (
        "select id, name, list_reduce([n, (name < 'M')::int], lambda a, b: a + b) as n, team "
        "from {r}"
    ),
    "select r.id, r.name, r.team, r.n from {r} as r join (select 'Ann' as name) as k using (name)",
    "select id, name, team, n from {r} natural join (values ('Bob'), ('Zed')) as k(name)",
    "select id, name, team, n from {r} semi join (values ('Ann'), ('Moe')) as k(name) using (name)",
    "select id, name, team, (any_value(name) over (order by id) < name)::int as n from {r}",
    "select id, name, team, n from {r} where (name, team) in (('Ann', 'red'), ('Cat', 'blue'))",
    (
        "select id, name, team, n from {r} where name in "
        "(select name from {r} union all select 'Abe') and name < 'Moe'"
    ),
    (
        "select id, coalesce(k.name, r.name) as name, team, n from {r} as r "
        "full join (select 'Zed' as name) as k on k.name = r.name where k.name is null"
    ),
    "select id, name, team, n from {r} order by case when name < 'C' then 1 else 2 end, id limit 4",
)
"""Queries in which a name decides; `bit` is a question about it, `r` has id, name, team and n."""

HARMLESS = (
    "select id, name, team, n from {r}",
    "from {r}",
    "select * replace (n + 1 as n) from {r}",
    "select id, name, upper(team) as team, n * 2 as n from {r}",
    "select id, name, team, n from {r} where n > 1",
    "select id, name, team, n from {r} where name is not null",
    "select distinct id, name, team, n from {r}",
    "select id, name, team, if(n > 2, 1, 0) as n from {r}",
    "select id, name, case when n > 2 then team else 'few' end as team, n from {r}",
    "select a.id, a.name, b.team, a.n from {r} as a join {r} as b using (id)",
    "select a.id, a.name, a.team, b.n from {r} as a left join staging.s as b on a.id = b.id",
    "select id, name, team, sum(n) over (partition by team) as n from {r}",
    "select id, name, team, n from {r} union all select id, name, team, n from {r}",
    "select max(id) as id, max(name) as name, team, sum(n) as n from {r} group by team",
    "select id, name, team, (select max(n) from {r} as c where c.id = r.id) as n from {r} as r",
    "select id, name, team, n from {r} as r where exists (from {r} as c where c.n >= r.n)",
    "select id, name, team, row_number() over (partition by name order by id) as n from {r}",
    "select s.id, s.name, s.team, (s.id in (select id from {r}))::int as n from staging.s as s",
    "select id, name, team, n from {r} qualify rank() over (partition by team order by id) = 1",
)
"""Queries that ask nothing of a name but whether it is there, or the same."""

LAST = (
    "select id as team, n from {r}",
    "select team, n from {r}",
    "select 'x' as team, 1 as n from {r}",
    "select team, count(*) as n from {r} group by team",
    "select 'x' as team, sum(n) as n from {r}",
    "select 'x' as team, exists(select 1 from {r} where n > 2) as n",
    "select 'x' as team, (select count(*) from {r})::int as n",
    "select string_agg(team, ',' order by id, team, n) as team, 1 as n from {r}",
)
"""What a mart shows in the end: `team` and `n`, and no name."""


@dataclass(frozen=True)
class Model:
    """A mart, and the tables before it; `tables` are SELECTs by relation, the mart's the last."""

    tables: dict[str, str]

    @property
    def mart(self) -> str:
        return list(self.tables)[-1]


class World:
    """A database of the same people under several names."""

    def __init__(self) -> None:
        self.db = duckdb.connect(config={"threads": 1})
        for schema in ("raw", "staging", "intermediate", "marts"):
            self.db.execute(f"create schema {schema}")
        self.db.execute("create table raw.letters (letter varchar)")
        self.db.executemany("insert into raw.letters values (?)", [[it] for it in LETTERS])
        self.db.execute("create table people (id varchar, name varchar, team varchar, n int)")
        self.db.executemany("insert into people values (?, ?, ?, ?)", PEOPLE)
        self.db.execute("create table exchanges (number int, name varchar, other varchar)")
        exchanged = [(i, *pair) for i, it in enumerate(EXCHANGES) for pair in it.items()]
        self.db.executemany("insert into exchanges values (?, ?, ?)", exchanged)

    def answer(self, model: Model, exchange: int | None = None) -> list[tuple[object, ...]] | None:
        """The rows of the mart, perhaps with other names; None where DuckDB refuses."""
        self.db.execute(
            "create or replace table staging.s as select p.id, coalesce(e.other, p.name) as name, "
            "p.team, p.n from people as p left join exchanges as e "
            "on e.name = p.name and e.number = ? order by p.id",
            [exchange],
        )
        try:
            for relation, sql in model.tables.items():
                self.db.execute(f"create or replace table {relation} as {sql}")
            return sorted(self.db.execute(f"from {model.mart}").fetchall(), key=repr)
        except duckdb.Error:
            return None

    def leaks(self, model: Model) -> bool:
        """Whether names themselves make a difference to what the mart shows."""
        told = self.answer(model)
        others = (self.answer(model, number) for number in range(len(EXCHANGES)))
        return told is not None and any(it not in (told, None) for it in others)


def model(random: Random, number: int) -> Model:
    """A model: harmless queries, one in which a name decides, and harmless ones, in some tables."""
    before = [random.choice(HARMLESS) for _ in range(random.randint(0, 2))]
    after = [random.choice(HARMLESS) for _ in range(random.randint(0, 3))]
    bit = random.choice(BITS).format(x="name")
    if random.random() < 0.3:
        bit = random.choice(("not ({0})", "({0}) or n > 8", "({0}) and n > 0")).format(bit)
    queries = [*before, random.choice(ROWS), *after, random.choice(LAST)]
    tables: dict[str, str] = {}
    ctes: list[tuple[str, str]] = []
    read = "staging.s"
    for place, query in enumerate(queries):
        is_last = place == len(queries) - 1
        sql = query.replace("{r}", read).replace("{bit}", bit)
        how = "table" if is_last else random.choice(("table", "cte", "cte", "subquery"))
        if how == "table":
            relation = f"marts.x{number}" if is_last else f"intermediate.i{number}_{place}"
            listed = ", ".join(f"{name} as ({it})" for name, it in ctes)
            tables[relation] = f"with {listed} {sql}" if ctes else sql
            read, ctes = relation, []
        elif how == "cte" or " as r" in queries[place + 1]:
            read = f"c{place}"
            ctes.append((read, sql))
        else:
            read = f"c{place}"
            ctes.append((read, f"select * from ({sql}) as q"))
    return Model(tables)
