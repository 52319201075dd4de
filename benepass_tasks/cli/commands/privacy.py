"""`privacy`: the proof that no column carries more personal data than the catalog says."""

from typing import TYPE_CHECKING

import click

from benepass_tasks.cli import definitions
from benepass_tasks.cli.command import Group
from benepass_tasks.cli.erasing import erase
from benepass_tasks.cli.exporting import export
from benepass_tasks.cli.output import plain, say, say_json, say_table
from benepass_tasks.config.settings import current_settings

if TYPE_CHECKING:
    from benepass_tasks.sqlmodels.privacy import Proof
    from benepass_tasks.sqlmodels.privacy.canary import Search

BROKEN = 1
"""The exit code where something is found."""


@click.group(
    "privacy",
    cls=Group,
    invoke_without_command=True,
    examples=(
        "privacy",
        "privacy --markdown > docs/privacy-report.md",
        "privacy --json",
        "privacy --canary",
        "privacy export E1 --output E1.json",
    ),
)
@click.option("--markdown", "form", flag_value="markdown", help="print the report as Markdown")
@click.option("--json", "form", flag_value="json", help="print the report as JSON")
@click.option(
    "--canary",
    "is_canary",
    is_flag=True,
    help="run the SQL over marked values of the warehouse instead, and search for the marks",
)
@click.pass_context
def command(ctx: click.Context, *, form: str | None, is_canary: bool) -> None:
    """Prove that no column carries more personal data than the catalog declares.

    Lists the columns with personal data: what is declared, which source columns it comes from,
    and whether that holds. Ends with 1 where it does not.
    """
    if ctx.invoked_subcommand is not None:
        return
    if is_canary and form == "markdown":
        raise click.UsageError("--canary has no Markdown; take --json", ctx)
    holds = _search(is_json=form == "json") if is_canary else _report(form)
    ctx.exit(0 if holds else BROKEN)


command.add_command(erase)
command.add_command(export)


def _report(form: str | None) -> bool:
    from benepass_tasks.sqlmodels.privacy import prove, report  # noqa: PLC0415 - when needed

    read = definitions.read()
    proof = prove(read.catalog, read.graph, read.lineage)
    if form == "markdown":
        click.echo(report.as_markdown(proof), nl=False)
    elif form == "json":
        say_json(report.as_json(proof))
    else:
        _say(proof)
    return not proof.findings


def _say(proof: "Proof") -> None:
    from benepass_tasks.sqlmodels.privacy import report  # noqa: PLC0415 - when needed

    headings = [heading.lower() for heading in report.HEADINGS]
    say_table(headings, [report.row(it, is_short=True) for it in report.personal(proof)])
    say()
    for finding in proof.findings:
        say(plain(str(finding)))
    say(f"{report.summary(proof)}.")


def _search(*, is_json: bool) -> bool:
    from benepass_tasks.sqlmodels.privacy.canary import search  # noqa: PLC0415 - imports DuckDB

    settings = current_settings()
    read = definitions.read()
    found = search(settings.warehouse, read.catalog, read.graph, settings.variables)
    if is_json:
        say_json(_search_json(found))
    else:
        for sighting in found.sightings:
            say(plain(str(sighting)))
        result = f"{len(found.sightings)} seen" if found.sightings else "none seen"
        say(f"{found.tokens} marked raw columns, {found.columns} columns searched: {result}.")
    return not found.sightings


def _search_json(found: "Search") -> dict[str, object]:
    return {
        "holds": not found.sightings,
        "marked": found.tokens,
        "searched": found.columns,
        "sightings": [
            {"column": str(it.column), "origin": str(it.origin), "rows": it.rows}
            for it in found.sightings
        ],
    }
