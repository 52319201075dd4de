"""`lineage`: what a table or column derives from, and what derives from it."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from benepass_tasks.cli import definitions
from benepass_tasks.cli.command import Command
from benepass_tasks.cli.output import Node, plain, say, say_json, say_tree
from benepass_tasks.config.errors import ProjectError
from benepass_tasks.config.settings import current_settings

if TYPE_CHECKING:
    from collections.abc import Sequence

    from benepass_tasks.cli.derivation import Answer, Branch


@click.command(
    "lineage",
    cls=Command,
    examples=(
        "lineage marts.fact_transactions.amount",
        "lineage employees.email --downstream",
        "lineage marts.program_utilization",
        "lineage marts.fact_transactions.dq_flags --rows --json",
        "lineage --openlineage events.ndjson",
        "lineage --markdown > task-graph.md",
    ),
)
@click.argument("name", required=False)
@click.option("--downstream", is_flag=True, help="show what derives from it instead")
@click.option("--rows", is_flag=True, help="show as well what decides which rows its table has")
@click.option("--json", "is_json", is_flag=True, help="print JSON")
@click.option(
    "--openlineage",
    "file",
    metavar="FILE",
    type=click.Path(dir_okay=False, path_type=Path),
    help="write the whole lineage as OpenLineage events, one a line",
)
@click.option("--markdown", "is_markdown", is_flag=True, help="print the graph of all tables")
@click.pass_context
def command(  # noqa: PLR0913 - one for each option
    ctx: click.Context,
    *,
    name: str | None,
    downstream: bool,
    rows: bool,
    is_json: bool,
    file: Path | None,
    is_markdown: bool,
) -> None:
    """Show what a column or a table derives from, as its SQL says.

    NAME is a column, such as marts.fact_transactions.amount, or a table or source, which shows
    the tables on the way. The queries of pages are pages.PAGE.QUERY. DIRECT means that values
    arrive; INDIRECT that they decide.
    """
    if [name is not None, file is not None, is_markdown].count(True) != 1:
        raise click.UsageError("give one of NAME, --openlineage FILE and --markdown", ctx)
    if is_markdown:
        from benepass_tasks.publish.exporters.mermaid import task_graph  # noqa: PLC0415 - when needed

        read = definitions.read()
        click.echo(task_graph(read.catalog, read.graph), nl=False)
    elif name is not None:
        _show(name, is_downstream=downstream, with_rows=rows, is_json=is_json)
    elif file is not None:
        _write_events(file)


def _show(name: str, *, is_downstream: bool, with_rows: bool, is_json: bool) -> None:
    from benepass_tasks.cli import derivation  # noqa: PLC0415 - when needed
    from benepass_tasks.site.authored.pages import read_pages, with_pages  # noqa: PLC0415 - when needed

    read = definitions.read()
    lineage = with_pages(read.lineage, read_pages(read, current_settings()))
    found = derivation.derive(
        name, read.catalog, lineage, is_downstream=is_downstream, with_rows=with_rows
    )
    if is_json:
        trees = {"links": found.branches, **({"rows": found.rows} if with_rows else {})}
        links = {
            key: [link.json() for link in derivation.links_of(tree)] for key, tree in trees.items()
        }
        direction = "downstream" if is_downstream else "upstream"
        say_json({"name": found.name, "direction": direction, **links})
    else:
        _say_answer(found, with_rows=with_rows)


def _say_answer(found: "Answer", *, with_rows: bool) -> None:
    say_tree(Node(found.name, _nodes(found.branches)))
    if found.rows_of and with_rows:
        say()
        say_tree(Node(f"rows of {found.rows_of}", _nodes(found.rows)))
    elif found.rows:
        deciding = sorted({branch.name for branch in found.rows})
        say()
        say(f"Rows of {found.rows_of} (more with --rows): {', '.join(map(plain, deciding))}")


def _nodes(branches: "Sequence[Branch]") -> list[Node]:
    return [
        Node(
            f"{_named(branch)}  {branch.link.label}{'  (see above)' if branch.is_repeated else ''}",
            _nodes(branch.branches),
        )
        for branch in branches
    ]


def _named(branch: "Branch") -> str:
    # What a column leads to is a column, or else the rows of a table.
    is_rows = branch.link.how and branch.name.count(".") == 1 and branch.name == branch.link.to
    return f"rows of {branch.name}" if is_rows else branch.name


def _write_events(file: Path) -> None:
    from benepass_tasks.publish.exporters.openlineage import Happening, events  # noqa: PLC0415 - when needed

    happening = Happening(datetime.now(UTC), definitions.warehouse_path())
    read = definitions.read()
    written = list(events(read.catalog, read.graph, read.lineage, happening))
    lines = "".join(f"{json.dumps(event)}\n" for event in written)
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(lines, encoding="ascii", newline="\n")
    except OSError as error:
        raise ProjectError(f"{file} cannot be written: {error.strerror}") from error
    say(f"{len(written)} events written to {file}")
