"""`privacy`: the proof that no column carries more personal data than the catalog says."""

from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from benepass_tasks.catalog.audiences import ANALYST
from benepass_tasks.cli import definitions
from benepass_tasks.cli.command import Group
from benepass_tasks.cli.erasing import erase
from benepass_tasks.cli.exporting import export
from benepass_tasks.cli.granting import grants
from benepass_tasks.cli.output import plain, say, say_json, say_table
from benepass_tasks.cli.retaining import retain
from benepass_tasks.config.settings import current_settings

if TYPE_CHECKING:
    from benepass_tasks.publish.canary import Remains
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
        "privacy grants analyst",
        "privacy retain --dry-run",
    ),
)
@click.option("--markdown", "form", flag_value="markdown", help="print the report as Markdown")
@click.option("--json", "form", flag_value="json", help="print the report as JSON")
@click.option(
    "--canary",
    "is_canary",
    is_flag=True,
    help="search all tables, made of marked values, for the marks and what becomes of them; and "
    "what is published",
)
@click.pass_context
def command(ctx: click.Context, *, form: str | None, is_canary: bool) -> None:
    """Prove that no column carries more personal data than the catalog declares.

    Lists the columns with personal data: what is declared, which source columns it comes from,
    and whether that holds; --markdown and --json also what each dataset is kept for, for whom and
    how long (GDPR, article 30). Tells which pages read somebody's name or address. Ends with 1
    where it does not hold, or a page does.
    """
    if ctx.invoked_subcommand is not None:
        return
    if is_canary and form == "markdown":
        raise click.UsageError("--canary has no Markdown; take --json", ctx)
    holds = _search(is_json=form == "json") if is_canary else _report(form)
    ctx.exit(0 if holds else BROKEN)


command.add_command(erase)
command.add_command(export)
command.add_command(grants)
command.add_command(retain)


def _report(form: str | None) -> bool:
    from benepass_tasks.site.authored.pages import read_pages  # noqa: PLC0415 - when needed
    from benepass_tasks.sqlmodels.privacy import report  # noqa: PLC0415 - when needed
    from benepass_tasks.sqlmodels.privacy.processing import processing  # noqa: PLC0415 - as above
    from benepass_tasks.state.retentions import other_limits  # noqa: PLC0415 - as above

    read = definitions.read()
    proof = read.proof
    pages = read_pages(read, current_settings())
    processed = list(processing(read.catalog, read.graph))
    limits = other_limits(current_settings())
    problems = [problem for page in pages for problem in page.problems]
    if form == "markdown":
        click.echo(report.as_markdown(proof, processed, limits), nl=False)
    elif form == "json":
        holds = not proof.findings and not problems
        others = {"other_limits": [asdict(it) for it in limits]}
        say_json(report.as_json(proof, processed) | others | {"holds": holds, "pages": problems})
    else:
        _say(proof)
        say("\n".join(map(plain, problems)) or f"{len(pages)} pages read nobody's name or address.")
    return not proof.findings and not problems


def _say(proof: "Proof") -> None:
    from benepass_tasks.sqlmodels.privacy import report  # noqa: PLC0415 - when needed

    headings = [heading.lower() for heading in report.HEADINGS]
    say_table(headings, [report.row(it, is_short=True) for it in report.personal(proof)])
    say()
    for finding in proof.findings:
        say(plain(str(finding)))
    for relation, audiences in report.given(proof).items():
        say(f"{relation} is for {', '.join(audiences)}")
    say(f"{report.summary(proof)}.")


def _search(*, is_json: bool) -> bool:
    from benepass_tasks.publish.canary import search_published  # noqa: PLC0415 - imports DuckDB
    from benepass_tasks.sqlmodels.privacy.canary import search  # noqa: PLC0415 - as above
    from benepass_tasks.state.publication import publications_of  # noqa: PLC0415 - as above

    settings = current_settings()
    read = definitions.read()
    found = search(settings.warehouse, read.catalog, read.graph, settings.variables)
    published = publications_of(settings, read.catalog)
    folders = [it.folder for it in published.values() if it.folder is not None]
    files, remains = search_published(
        settings.warehouse, [*folders, settings.site_dir], published[ANALYST].secrets
    )
    seen = [*found.sightings, *remains]
    if is_json:
        say_json(_search_json(found, files, remains))
    else:
        for it in seen:
            say(plain(str(it)))
        result = f"{len(seen)} seen" if seen else "none seen"
        say(
            f"{found.tokens} marked raw columns, {found.columns} columns and {files} published "
            f"files searched: {result}."
        )
    return not seen


def _search_json(found: "Search", files: int, remains: "list[Remains]") -> dict[str, object]:
    return {
        "holds": not found.sightings and not remains,
        "marked": found.tokens,
        "searched": found.columns,
        "files": files,
        "sightings": [
            {"column": str(it.column), "origin": str(it.origin), "rows": it.rows, "as": it.shape}
            for it in found.sightings
        ],
        "published": [
            {"file": str(it.file), "origin": it.origin, "as": it.shape} for it in remains
        ],
    }
