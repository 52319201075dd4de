"""`verify`: whether tables are what full builds of them are."""

from typing import TYPE_CHECKING

import click

from benepass_tasks.cli.command import Command
from benepass_tasks.cli.output import plain, say, say_json, say_table

if TYPE_CHECKING:
    from benepass_tasks.state.verifications import Verdict

HEADINGS = ("table", "compared with a full build")

DIFFERENT = 1
"""The exit code where a table is not what a full build of it is."""


@click.command(
    "verify", cls=Command, examples=("verify", "verify quality.employee_issues", "verify --json")
)
@click.argument("tables", nargs=-1, metavar="[TABLE]...")
@click.option("--json", "is_json", is_flag=True, help="print JSON")
@click.pass_context
def command(ctx: click.Context, tables: tuple[str, ...], is_json: bool) -> None:  # noqa: FBT001 - click passes by name
    """Build tables in full beside the stored ones, and compare rows and digests.

    Without TABLE all that are up to date. Where one differs, the full build takes its place, the
    exit code is 1, and the next run builds what follows from it.
    """
    from benepass_tasks.pipeline.run import verify_tables  # noqa: PLC0415 - imports DuckDB

    verdicts = verify_tables(tables)
    if is_json:
        say_json([_as_json(it) for it in verdicts])
    else:
        say_table(HEADINGS, [(it.relation, plain(str(it))) for it in verdicts])
        say()
        say(_summary(verdicts))
    if not all(it.is_right for it in verdicts):
        ctx.exit(DIFFERENT)


def _summary(verdicts: "list[Verdict]") -> str:
    wrong = [it.relation for it in verdicts if not it.is_right]
    if not wrong:
        return f"{len(verdicts)} tables compared, none differs."
    return (
        f"{', '.join(wrong)}: a full build has taken its place. "
        "The next run builds what follows: `benepass run`"
    )


def _as_json(verdict: "Verdict") -> dict[str, object]:
    return {
        "table": verdict.relation,
        "is_right": verdict.is_right,
        "rows": verdict.row_count,
        "surplus": verdict.surplus,
        "missing": verdict.missing,
        "is_digest_right": verdict.is_digest_right,
        "keys": verdict.sample_keys,
    }
