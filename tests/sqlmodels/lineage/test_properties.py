"""SELECTs that nobody wrote: whatever is nested in what, no flow that DuckDB shows is missed."""

from __future__ import annotations

import duckdb
import pytest
from examples import examples
from hypothesis import given
from hypothesis import strategies as st
from tracing import Database, lineage_of, unseen

COLUMNS = {"raw.people": ("id", "first_name", "email", "boss_id"), "raw.orders": ("id", "item")}


@pytest.fixture(scope="module")
def database() -> Database:
    return Database()


@st.composite
def relations(draw: st.DrawFn, depth: int) -> tuple[str, tuple[str, ...]]:
    """Something to read from, with the names of its columns."""
    if depth == 0 or draw(st.integers(0, 3)) == 0:
        relation = draw(st.sampled_from(sorted(COLUMNS)))
        return relation, COLUMNS[relation]
    query, names = draw(queries(depth - 1))
    return f"({query})", names


@st.composite
def expressions(draw: st.DrawFn, names: tuple[str, ...], depth: int = 2) -> str:
    """A text made from columns; the names are qualified or not."""
    if depth == 0 or draw(st.booleans()):
        return draw(st.sampled_from(names))
    one = draw(expressions(names, depth - 1))
    two = draw(expressions(names, depth - 1))
    return draw(
        st.sampled_from(
            (
                f"mask_email({one})",
                f"shout({one})",
                f"coalesce({one}, {two})",
                f"({one} || {two})",
                f"if({one} < {two}, {two}, 'x')",
                f"case when {one} is null then {two} else 'y' end",
                f"nullif({one}, {two})",
                f"list_transform([{one}], lambda z: z || {two})[1]",
                f"struct_pack(a := {one}, b := {two}).b",
                f"(select max(s.item || {one}) from raw.orders as s where s.id <> {two})",
                f"max({one}) over (partition by {two})",
            )
        )
    )


@st.composite
def queries(draw: st.DrawFn, depth: int) -> tuple[str, tuple[str, ...]]:
    """A SELECT that gives two texts, x and y, with the names of its columns."""
    if depth and draw(st.integers(0, 4)) == 0:
        word = draw(st.sampled_from(("union", "union all", "except", "intersect")))
        left, names = draw(queries(depth - 1))
        right, _ = draw(queries(depth - 1))
        return f"({left}) {word} ({right})", names
    if depth and draw(st.integers(0, 4)) == 0:
        inner, names = draw(queries(depth - 1))
        outer, columns = draw(selects(depth, ("cte", names)))
        return f"with cte as ({inner}) {outer}", columns
    return draw(selects(depth))


@st.composite
def selects(
    draw: st.DrawFn, depth: int, known: tuple[str, tuple[str, ...]] | None = None
) -> tuple[str, tuple[str, ...]]:
    source, names = known or draw(relations(depth))
    other, others = draw(relations(depth))
    first = tuple(f"a.{name}" for name in names)
    both = first + tuple(f"b.{name}" for name in others)
    join = draw(
        st.sampled_from(
            ("", f" join {other} as b", f" semi join {other} as b", f" left join {other} as b")
        )
    )
    seen = both if join and "semi" not in join else first
    on = ""
    if join:
        on = f" on {draw(st.sampled_from(first))} = {draw(st.sampled_from(both))}"
    where = draw(st.sampled_from(("", " where {} > {}", " where {} in (select {})")))
    where = where.format(draw(expressions(seen)), draw(expressions(seen))) if where else ""
    where = "" if " over " in where else where
    x, y = draw(expressions(seen)), draw(expressions(seen))
    if draw(st.booleans()) and " over " not in x + y and "select" not in x + y:
        grouped = f"select {x} as x, min({y}) as y from {source} as a{join}{on}{where} group by all"
        return grouped, ("x", "y")
    return f"select {x} as x, {y} as y from {source} as a{join}{on}{where}", ("x", "y")


@pytest.mark.slow
@examples(10)
@given(query=queries(2))
def test_no_flow_that_duckdb_shows_is_missed(
    database: Database, query: tuple[str, tuple[str, ...]]
) -> None:
    sql, names = query
    try:
        described = database.columns(sql)
    except duckdb.Error:
        return  # a window in a window, and other things that are no SQL
    found = lineage_of(sql)
    assert list(found.columns) == list(names) == described
    assert unseen(database, sql, found) == set()
