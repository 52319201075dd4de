"""Of the small tables that tell what a change affects, none asks again for what another has."""

from __future__ import annotations

import pytest

from benepass_tasks.sqlmodels.changes.script import Part, Script, whole
from benepass_tasks.sqlmodels.changes.trees import Trees, column
from benepass_tasks.sqlmodels.syntax import Reader

TOUCHED = Part("t.card as k0", "changes.charges")
PAID = Part("t.card as k0", "changes.charges", where=("t.cents > 0",))
FILLED = Part("t.card as k0", "changes.charges", filled=1)
CARD = column("card")


@pytest.fixture
def script() -> Script:
    return Script(Trees(Reader()))


def sql_of(script: Script, name: str) -> str:
    return next(it.sql for it in script.steps() if it.name == name)


def test_each_value_of_several_selects_is_there_once(script: Script) -> None:
    other = Part("t.card as k0", "changes.cards")
    assert sql_of(script, script.keys([TOUCHED])).startswith("select distinct ")
    assert sql_of(script, script.keys([TOUCHED, other])) == (
        "select t.card as k0 from changes.charges as t\n"
        "union\n"
        "select t.card as k0 from changes.cards as t"
    )


@pytest.mark.parametrize("part", [PAID, FILLED], ids=["with a condition", "without NULL"])
def test_what_is_part_of_another_select_is_left_out(script: Script, part: Part) -> None:
    assert script.keys([part, TOUCHED]) == script.keys([TOUCHED])
    assert script.keys([part]) != script.keys([TOUCHED])


def test_a_table_is_not_united_with_what_it_was_made_of(script: Script) -> None:
    made = script.keys([TOUCHED, Part("t.card as k0", "changes.cards")])
    assert script.keys([whole(made), TOUCHED]) == made
    assert script.keys([PAID, whole(made)]) == made
    assert script.keys([whole(script.keys([PAID])), TOUCHED]) == script.keys([TOUCHED])


def test_a_table_of_which_another_has_a_part_stays(script: Script) -> None:
    one, other = (
        script.keys([TOUCHED, Part("t.card as k0", it)]) for it in ("changes.a", "changes.b")
    )
    both = sql_of(script, script.keys([whole(one), whole(other)]))
    assert both == f"select * from {one} as t\nunion\nselect * from {other} as t"


def test_rows_with_some_keys_have_no_others(script: Script) -> None:
    keys = script.keys([TOUCHED])
    found = script.matching([CARD], "raw.cards", [CARD], keys)
    assert found != whole(keys)
    assert script.keys([found, whole(keys)]) == keys
    assert script.keys([found]) != keys


def test_rows_that_are_looked_for_apart_are_read_at_once(script: Script) -> None:
    first, second = (script.keys([Part("t.card as k0", it)]) for it in ("changes.a", "changes.b"))
    shop = column("shop")
    parts = [script.matching([shop], "raw.charges", [CARD], it) for it in (first, second)]
    sql = sql_of(script, script.keys(parts))
    assert "union all" in sql
    assert sql.count("raw.charges") == 1
    every = script.values([shop], "raw.charges", (), "raw.charges")
    both = sql_of(script, script.keys([*parts, every])).split("\nunion\n")
    assert sorted(" where " in it for it in both) == [False, True]
    ids = script.rows("raw.charges", [([CARD], first), ([CARD], second)])
    assert "union all" not in sql_of(script, ids)
