"""Whatever a model's SQL and whatever changes: by changes it becomes what a full build makes."""

from __future__ import annotations

from collections import Counter
from random import Random

import pytest
from changing import Changing, connected
from random_models import TABLES, TYPES, Writer, random_rows
from sqlalchemy.exc import ProgrammingError

from benepass_tasks.engine import exchange, key_hashes
from benepass_tasks.sqlmodels.changes import InFull, script

BATCH = 25
"""The models that share a database, which grows with them."""


@pytest.fixture(autouse=True)
def _hashes_that_collide(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let many texts share a hash, as two of a great number may."""
    for module in (key_hashes, exchange, script):
        monkeypatch.setattr(module, "hash_of_text", lambda text: f"hash({text}) % 3")


def _change(case: Changing, random: Random) -> dict[str, str]:
    """Exchange rows of some tables; by relation, the tables of what was touched."""
    touched = {}
    for table in random.sample(list(TABLES), random.randint(1, len(TABLES))):
        gone = random.choice(("false", "random() < 0.2", "random() < 0.2", "true"))
        case.run(f"select setseed({random.random()})")
        case.run(
            f"create or replace temp table going as select rowid as id from {table} where {gone}"
        )
        come = random_rows(random, table, random.choice((0, 1, 2, 5)))
        touched[table] = case.touch(table, "rowid in (select id from going)", come)
    return touched


def _outcome(case: Changing, random: Random) -> str:
    """Change the inputs of a model twice, and compare after each."""
    for _ in range(2):
        if random.random() < 0.4:
            case.move(as_of_date=str(random.randint(0, 4)))
        plan = case.plan(_change(case, random))
        try:
            why = plan.why if isinstance(plan, InFull) else case.refresh(plan)
        except ProgrammingError:
            # A view that is written out where it stands has names that DuckDB may call ambiguous.
            case.connection.rollback()
            return "refused"
        if why:
            return "in full"
        case.compare()
    return "by changes"


def outcomes(first: int) -> Counter[str]:
    """What became of a batch of models, each made of its own number."""
    found = Counter[str]()
    with connected() as connection:
        for seed in range(first, first + BATCH):
            random = Random(seed)  # noqa: S311 - the same models each time
            connection.commit()
            connection.exec_driver_sql("drop view if exists marts.v")
            for table in TABLES:
                rows = random_rows(random, table, random.choice((0, 3, 8, 20)))
                connection.exec_driver_sql(f"create or replace table {table} as {rows}")
            tables = {
                name: {it: TYPES[kind] for it, kind in columns.items()}
                for name, columns in TABLES.items()
            }
            models = Writer(random).models()
            settings, is_hashed = {"as_of_date": "2"}, bool(seed % 2)
            case = Changing(connection, tables, models, settings=settings, is_hashed=is_hashed)
            try:
                found[_outcome(case, random)] += 1
            except Exception as error:
                error.add_note(f"model {seed}: {case.models}")
                raise
    return found


@pytest.mark.parametrize("first", range(0, 4 * BATCH, BATCH))
def test_by_changes_a_model_becomes_what_a_full_build_makes(first: int) -> None:
    found = outcomes(first)
    assert found["by changes"] > BATCH / 2
    assert not found["refused"]


@pytest.mark.nightly
@pytest.mark.sweep
@pytest.mark.parametrize("first", range(10_000, 30_000, BATCH))
def test_by_changes_many_models_become_what_full_builds_make(first: int) -> None:
    found = outcomes(first)
    assert found["by changes"] > BATCH / 4
    assert found["refused"] <= 1
