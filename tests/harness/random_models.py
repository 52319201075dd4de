"""Random models over random tables: operators of all rules, few values, NULLs and repeated rows."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from random import Random

Columns = dict[str, str]
"""The kinds of columns by name: `int` or `text`."""

TABLES: dict[str, Columns] = {
    "raw.a": {"id": "int", "k": "int", "g": "text", "v": "int"},
    "raw.b": {"id": "int", "k": "int", "h": "text"},
    "raw.c": {"g": "text", "h": "text", "w": "int"},
}
TYPES = {"int": "integer", "text": "varchar"}
SETTING = "getvariable('as_of_date')"
"""A setting that some conditions read: here, a number."""


@dataclass
class Writer:
    """Writes one model: views and CTEs, each over those before it, and a SELECT over the last."""

    random: Random
    known: dict[str, Columns] = field(default_factory=lambda: dict(TABLES))
    count: int = 0

    def models(self) -> dict[str, str]:
        """Perhaps a view, and a model over it."""
        models = {}
        if self.random.random() < 0.4:
            models["marts.v"], self.known["marts.v"] = self.query()
        ctes = []
        for number in range(self.random.randint(0, 3)):
            sql, columns = self.query()
            ctes.append(f"c{number} as ({sql})")
            self.known[f"c{number}"] = columns
        sql, _ = self.query()
        return models | {"marts.m": f"with {', '.join(ctes)} {sql}" if ctes else sql}

    def query(self) -> tuple[str, Columns]:
        kinds = (self.plain, self.union, self.joined, self.joined, self.windowed)
        return self.random.choice(
            (*kinds, self.grouped, self.summed, self.distinct, self.figured)
        )()

    def source(self) -> tuple[str, Columns]:
        """The name of a relation, of the later ones more often."""
        names = list(self.known)
        name = self.random.choice([*names, *names[-2:]])
        return name, self.known[name]

    def name(self) -> str:
        self.count += 1
        return f"x{self.count}"

    def column(self, columns: Columns, alias: str, kind: str | None = None) -> str | None:
        fitting = [name for name, it in columns.items() if kind in (None, it)]
        return f"{alias}.{self.random.choice(fitting)}" if fitting else None

    def expression(self, columns: Columns, alias: str) -> tuple[str, str]:
        """An expression of one row, and its kind."""
        name = self.random.choice(list(columns))
        column, kind = f"{alias}.{name}", columns[name]
        if self.random.random() < 0.6:
            return column, kind
        if kind == "int":
            written = [f"{column} + 1", f"coalesce({column}, 0)", f"{column} % 2"]
            if self.random.random() < 0.3:
                written = [f"{column} + {SETTING}", f"if({column} < {SETTING}, 1, 0)"]
            return self.random.choice(written), kind
        return self.random.choice((f"upper({column})", f"coalesce({column}, 'z')")), kind

    def condition(self, columns: Columns, alias: str) -> str:
        column = self.column(columns, alias, "int")
        if column is None or self.random.random() < 0.3:
            return f"{self.column(columns, alias)} is {self.random.choice(('', 'not '))}null"
        number = SETTING if self.random.random() < 0.15 else self.random.randint(0, 4)
        return f"{column} {self.random.choice(('=', '<', '>=', '<>'))} {number}"

    def where(self, columns: Columns, alias: str) -> str:
        if self.random.random() < 0.5:
            return ""
        both = [self.condition(columns, alias) for _ in range(self.random.randint(1, 2))]
        return f" where {self.random.choice((' and ', ' or ')).join(both)}"

    def listed(self, sources: dict[str, Columns]) -> tuple[list[str], Columns]:
        """A SELECT list of the columns and expressions of several sources."""
        written, found = [], Columns()
        for alias, columns in sources.items():
            for name, kind in columns.items():
                if self.random.random() < 0.7:
                    new = self.name()
                    written.append(f"{alias}.{name} as {new}")
                    found[new] = kind
        alias = self.random.choice(list(sources))
        value, kind = self.expression(sources[alias], alias)
        new = self.name()
        return [*written, f"{value} as {new}"], found | {new: kind}

    def plain(self) -> tuple[str, Columns]:
        name, columns = self.source()
        if self.random.random() < 0.3:
            return f"select * from {name} as t{self.where(columns, 't')}", columns
        written, found = self.listed({"t": columns})
        if self.random.random() < 0.3:
            new = self.name()
            written, found = [*written, f"'lit' as {new}"], found | {new: "text"}
        return f"select {', '.join(written)} from {name} as t{self.where(columns, 't')}", found

    def distinct(self) -> tuple[str, Columns]:
        sql, found = self.plain()
        return sql.replace("select ", "select distinct ", 1), found

    def union(self) -> tuple[str, Columns]:
        branches = []
        for _ in range(2):
            name, columns = self.source()
            number, text = self.column(columns, "t", "int"), self.column(columns, "t", "text")
            list_ = f"{number or '7'} as n, {text or repr('q')} as s"
            branches.append(f"select {list_} from {name} as t{self.where(columns, 't')}")
        kinds = ("union all", "union all", "union", "except", "intersect", "except all")
        return f" {self.random.choice(kinds)} ".join(branches), {"n": "int", "s": "text"}

    def grouped(self) -> tuple[str, Columns]:
        name, columns = self.source()
        keys = self.random.sample(
            list(columns), self.random.choice((0, 1, 1, 1, 2)) if len(columns) > 1 else 1
        )
        written, found = [], Columns()
        for key in keys:
            if self.random.random() < 0.85:
                new = self.name()
                written.append(f"t.{key} as {new}")
                found[new] = columns[key]
        of = self.column(columns, "t", "int") or "1"
        for aggregate in self.random.sample(
            (
                "count(*)",
                f"sum({of})",
                f"min({of})",
                f"count(distinct {of})",
                f"count(*) filter (where {of} > 1)",
                f"coalesce(first({of} order by {of} desc nulls last), 0)",
            ),
            2,
        ):
            new = self.name()
            written.append(f"{aggregate} as {new}")
            found[new] = "int"
        group = f" group by {', '.join(f't.{it}' for it in keys)}" if keys else ""
        having = " having count(*) > 1" if keys and self.random.random() < 0.3 else ""
        where = self.where(columns, "t")
        return f"select {', '.join(written)} from {name} as t{where}{group}{having}", found

    def summed(self) -> tuple[str, Columns]:
        """Rows that are counted and added up by group, and nothing else told of them."""
        name, columns = self.source()
        keys = self.random.sample(list(columns), self.random.choice((1, 1, 2)) % len(columns) or 1)
        of = self.column(columns, "t", "int") or "1"
        where = self.random.choice(("", f" filter (where {self.condition(columns, 't')})"))
        sums = (f"count({of}){where}", f"sum({of}){where}", f"coalesce(sum({of}), 0)")
        told = ["count(*)", *sums[: self.random.randint(0, 3)]]
        names = [self.name() for _ in (*keys, *told)]
        values = [*(f"t.{it}" for it in keys), *told]
        written = ", ".join(f"{it} as {new}" for it, new in zip(values, names, strict=True))
        sql = f"select {written} from {name} as t{self.where(columns, 't')} group by all"
        kinds = [*(columns[it] for it in keys), *("int" for _ in told)]
        return sql, dict(zip(names, kinds, strict=True))

    def on(self, left: dict[str, Columns], right: Columns, alias: str) -> str:
        conditions = []
        for _ in range(self.random.choice((1, 1, 2))):
            kind = self.random.choice(("int", "text"))
            other = self.random.choice(list(left))
            mine, theirs = self.column(right, alias, kind), self.column(left[other], other, kind)
            if mine and theirs:
                equal = self.random.choice(("=", "=", "=", "is not distinct from", "<"))
                conditions.append(f"{theirs} {equal} {mine}")
        if self.random.random() < 0.25:
            conditions.append(self.condition(right, alias))
        return " and ".join(conditions) or "true"

    def joined(self) -> tuple[str, Columns]:
        name, columns = self.source()
        seen = {"t0": columns}
        sql = f" from {name} as t0"
        for number in range(1, self.random.choice((2, 2, 3))):
            alias = f"t{number}"
            other, found = self.source()
            kind = self.random.choice(("inner", "left", "left", "semi", "anti", "cross"))
            if kind == "cross" and self.random.random() < 0.6:
                kind = "inner"
            on = "" if kind == "cross" else f" on {self.on(seen, found, alias)}"
            sql += f" {kind} join {other} as {alias}{on}"
            if kind not in ("semi", "anti"):
                seen[alias] = found
        written, found = self.listed(seen)
        alias = self.random.choice(list(seen))
        return f"select {', '.join(written)}{sql}{self.where(seen[alias], alias)}", found

    def figured(self) -> tuple[str, Columns]:
        """A source beside a row that is told from all rows of a table."""
        name, columns = self.source()
        table = self.random.choice([it for it in TABLES if "int" in TABLES[it].values()])
        of = self.column(TABLES[table], "t", "int")
        figure = (
            f"select {self.random.choice(('max', 'min', 'count'))}({of}) as n from {table} as t"
        )
        written, found = self.listed({"t": columns})
        column, new = self.column(columns, "t", "int"), self.name()
        values = ["f.n"] if column is None else ["f.n", f"{column} = f.n", f"{column} + f.n"]
        value = self.random.choice(values)
        kind, on = self.random.choice((("cross", ""), ("inner", f" on {column or 0} <= f.n")))
        written.append(f"cast({value} as integer) as {new}")
        sql = f"select {', '.join(written)} from {name} as t {kind} join ({figure}) as f{on}"
        return f"{sql}{self.where(columns, 't')}", found | {new: "int"}

    def windowed(self) -> tuple[str, Columns]:
        name, columns = self.source()
        written, found = self.listed({"t": columns})
        by = self.random.sample(
            list(columns), self.random.choice((0, 1, 1, 1, 2)) if len(columns) > 1 else 1
        )
        partition = f"partition by {', '.join(f't.{it}' for it in by)} " if by else ""
        of = self.column(columns, "t", "int") or "1"
        window = self.random.choice(
            (
                f"count(*) over ({partition})",
                f"sum({of}) over ({partition}order by {of})",
                f"rank() over ({partition}order by {of} nulls first)",
                (
                    f"max({of}) over ({partition}order by {of} rows between unbounded preceding "
                    "and unbounded following)"
                ),
            )
        )
        new = self.name()
        written.append(f"{window} as {new}")
        qualify = f" qualify {new} = 1" if self.random.random() < 0.3 else ""
        sql = f"select {', '.join(written)} from {name} as t{self.where(columns, 't')}{qualify}"
        return sql, found | {new: "int"}


def random_rows(random: Random, table: str, count: int) -> str:
    """A SELECT of random rows of a table, from few values, some NULL and some rows twice."""
    columns = TABLES[table]
    rows = []
    for _ in range(count):
        values = [
            "null"
            if random.random() < 0.15
            else str(random.randint(0, 4))
            if kind == "int"
            else f"'{random.choice('pqr')}'"
            for kind in columns.values()
        ]
        rows.append(f"({', '.join(values)})")
        if random.random() < 0.15:
            rows.append(rows[-1])
    typed = ", ".join(f"cast({name} as {TYPES[kind]}) as {name}" for name, kind in columns.items())
    names = ", ".join(columns)
    listed = ", ".join(rows) or f"({', '.join(['null'] * len(columns))})"
    return f"select {typed} from (values {listed}) as v({names}){'' if rows else ' limit 0'}"
