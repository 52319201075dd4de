"""`diff`: what changed in the marts from one run to another, by month."""

from dataclasses import asdict
from datetime import datetime
from typing import TYPE_CHECKING

import click

from benepass_tasks.cli import definitions
from benepass_tasks.cli.command import Command
from benepass_tasks.cli.figures import count, money
from benepass_tasks.cli.output import say, say_json, say_table
from benepass_tasks.config.errors import WarehouseError

if TYPE_CHECKING:
    from benepass_tasks.pipeline.past import Difference
    from benepass_tasks.state.history.read import PastRun

HEADINGS = ("table", "month", "rows went", "rows came", "money")


@click.command("diff", cls=Command, examples=("diff 3f2a 91bc", "diff 3f2a 91bc --json"))
@click.argument("run1")
@click.argument("run2")
@click.option("--json", "is_json", is_flag=True, help="print JSON")
def command(run1: str, run2: str, is_json: bool) -> None:  # noqa: FBT001 - click passes by name
    """Tell what the runs after RUN1 up to RUN2 changed in the marts, in rows and money per month.

    RUN1 and RUN2 are the beginnings of their ids; `benepass runs` lists them. Where the changes
    of a table were not kept, which `keep_changes` sets, it says so.
    """
    from benepass_tasks.cli.past import reading  # noqa: PLC0415 - imports DuckDB
    from benepass_tasks.pipeline.past import differences  # noqa: PLC0415
    from benepass_tasks.state.history.read import find_run  # noqa: PLC0415

    catalog = definitions.read_catalog()
    with reading() as (warehouse, connection):
        earlier, later = (_end(find_run(warehouse, connection, it)) for it in (run1, run2))
        if later < earlier:
            raise WarehouseError(f"run {run2} ended before run {run1}; name the earlier one first")
        found = list(differences(connection, catalog, earlier, later))
    if is_json:
        say_json([_as_json(it) for it in found])
        return
    rows = [row for it in found for row in _rows(it)]
    if rows:
        say_table(HEADINGS, rows)
    else:
        say("Nothing that is known of has changed.")
    for it in found:
        if it.unknown:
            say(it.unknown)


def _end(run: "PastRun") -> datetime:
    if run.ended_at is None:
        raise WarehouseError(f"run {run.run_id} has not ended")
    return run.ended_at


def _rows(it: "Difference") -> list[tuple[str, ...]]:
    return [
        (
            it.relation,
            f"{one.month:%Y-%m}" if one.month else "",
            count(one.gone_rows),
            count(one.come_rows),
            money(one.money),
        )
        for one in it.months
    ]


def _as_json(it: "Difference") -> dict[str, object]:
    months = [
        asdict(one)
        | {
            "month": f"{one.month:%Y-%m}" if one.month else None,
            "money": None if one.money is None else str(one.money),
        }
        for one in it.months
    ]
    return {"table": it.relation, "months": months, "unknown": it.unknown}
