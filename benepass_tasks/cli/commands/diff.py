"""`diff`: what a branch changes, or what changed in the marts from one run to another."""

from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from benepass_tasks.cli import definitions
from benepass_tasks.cli.command import Command
from benepass_tasks.cli.figures import count, money
from benepass_tasks.cli.output import plain, say, say_json, say_table
from benepass_tasks.cli.settings import choose_environment
from benepass_tasks.config.errors import WarehouseError
from benepass_tasks.config.settings import current_settings

if TYPE_CHECKING:
    from collections.abc import Iterable

    from benepass_tasks.pipeline.branches.report import Section
    from benepass_tasks.pipeline.past import Difference
    from benepass_tasks.state.history.read import PastRun

RUNS = 2
"""How many runs are compared."""

EXIT_CODES = {"safe": 0, "breaking": 3, "leaking": 4}
"""How `diff` of a branch ends."""

HEADINGS = ("table", "month", "rows went", "rows came", "money")


@click.command(
    "diff",
    cls=Command,
    examples=("diff pr-123", "diff pr-123 --markdown comment.md", "diff 3f2a 91bc --json"),
)
@click.argument("what", nargs=-1, metavar="[BRANCH | RUN1 RUN2]")
@click.option("--against", metavar="ENV", help="another environment than the branch's parent")
@click.option(
    "--markdown",
    type=click.Path(path_type=Path, dir_okay=False),
    help="write it to a file, such as for a comment on a pull request",
)
@click.option("--json", "is_json", is_flag=True, help="print JSON")
@click.pass_context
def command(
    ctx: click.Context,
    what: tuple[str, ...],
    against: str | None,
    markdown: Path | None,
    is_json: bool,  # noqa: FBT001 - click passes by name
) -> None:
    """Tell what the change on BRANCH does, or what the runs after RUN1 up to RUN2 changed.

    Of a branch, or of --benepass-env: tables, columns, personal data, rows, money, tests and
    figures that are others than its parent's. Ends with 0 where that is safe, with 3 where it may
    break who reads what is published or a test, and with 4 where something of a person gets where
    it was not.

    Of two runs, the beginnings of whose ids `benepass runs` lists: rows and money of the marts by
    month. Where the changes of a table were not kept, which `keep_changes` sets, it says so.
    """
    if len(what) == RUNS and not (against or markdown):
        _say_runs(*what, is_json=is_json)
        return
    if len(what) > 1:
        raise click.UsageError("give one branch, or two runs without --against or --markdown", ctx)
    ctx.exit(_say_environments(what[0] if what else None, against, markdown, is_json=is_json))


def _say_environments(
    branch: str | None, against: str | None, markdown: Path | None, *, is_json: bool
) -> int:
    from benepass_tasks.pipeline.branches import report  # noqa: PLC0415 - imports DuckDB
    from benepass_tasks.pipeline.branches.compare import compare  # noqa: PLC0415

    other = None
    if against is not None:
        mine = current_settings().env
        choose_environment(against)
        other = current_settings()
        choose_environment(mine)
    if branch is not None:
        choose_environment(branch)
    found = compare(current_settings(), other)
    if markdown:
        markdown.touch(mode=0o600)
        markdown.write_text(report.as_markdown(found), encoding="utf-8")
    if is_json:
        say_json(report.as_json(found))
    else:
        _say_report(report.summary(found), report.notes(found), report.sections(found))
    return EXIT_CODES[found.verdict]


def _say_report(summary: str, notes: "Iterable[str]", sections: "Iterable[Section]") -> None:
    for it in (summary, *notes):
        say(plain(it))
    for section in sections:
        say()
        say(section.title.upper() if section.is_bold else section.title)
        say_table(section.headings, section.rows)


def _say_runs(run1: str, run2: str, *, is_json: bool) -> None:
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
