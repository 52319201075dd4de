"""Random models that let names out are refused, however deep what decides is buried."""

from __future__ import annotations

from random import Random
from typing import TYPE_CHECKING

import leaks
import pytest
from small_project import NONE, SOURCE, SmallProject

if TYPE_CHECKING:
    from pathlib import Path

    from leaks import Model

NAME = SOURCE["first_name"]


def leaking(random: Random, count: int) -> list[Model]:
    """As many models that let names out."""
    world, number = leaks.World(), 0
    found: list[Model] = []
    while len(found) < count:
        model = leaks.model(random, number)
        number += 1
        if world.leaks(model):
            found.append(model)
    return found


def missed(folder: Path, models: list[Model]) -> list[dict[str, str]]:
    """The models of one project that raise no alarm."""
    small = SmallProject(folder)
    small.policy = small.policy | {"tidy": {"treatment": "tidy"}}
    small.add(
        "staging.s",
        "select id, tidy(first_name) as name, team, length(team) as n from raw.people",
        id=SOURCE["id"],
        name=NAME,
        team=NONE,
        n=NONE,
    )
    for model in models:
        # What comes before the mart says that it is as personal as can be, and so is no leak.
        for relation in model.tables.keys() - {model.mart}:
            small.add(relation, model.tables[relation], id=NAME, name=NAME, team=NAME, n=NAME)
        small.add(model.mart, model.tables[model.mart], team=SOURCE["id"], n=SOURCE["id"])
    subjects = {it.subject for it in small.prove().findings if it.rule in ("decided", "leak")}
    shown = ("", ".team", ".n")
    return [it.tables for it in models if not subjects & {f"{it.mart}{end}" for end in shown}]


def test_names_that_are_exchanged_show_what_leaks() -> None:
    world = leaks.World()
    asked = "select count(*) as n from staging.s where name > 'B'"
    usual = "select count(distinct name) as n from staging.s"
    assert world.leaks(leaks.Model({"marts.x": asked}))
    assert not world.leaks(leaks.Model({"marts.x": usual}))


def test_what_is_nested_around_them_is_harmless_by_itself() -> None:
    world = leaks.World()
    for query in leaks.HARMLESS:
        shown = query.replace("{r}", "staging.s")
        model = leaks.Model({"marts.x": f"select id, team, n from ({shown})"})
        assert world.answer(model) is not None
        assert not world.leaks(model)


@pytest.mark.parametrize(
    ("seed", "count"),
    [(1, 30), *(pytest.param(it, 50, marks=pytest.mark.nightly) for it in range(2, 22))],
)
def test_random_models_that_let_names_out_are_refused(
    seed: int, count: int, tmp_path: Path
) -> None:
    models = leaking(Random(seed), count)  # noqa: S311 - the same models each time
    assert missed(tmp_path, models) == []
