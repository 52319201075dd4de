"""`schema`: how the columns of the source files have changed, and consent to changes."""

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

import click

from benepass_tasks.catalog import Catalog, Source, wording
from benepass_tasks.cli import definitions
from benepass_tasks.cli.command import Group
from benepass_tasks.cli.figures import instant
from benepass_tasks.cli.output import plain, say, say_json, say_table
from benepass_tasks.config.errors import ProjectError
from benepass_tasks.config.settings import Settings, current_settings

if TYPE_CHECKING:
    from benepass_tasks.engine.session import Warehouse
    from benepass_tasks.ingestion.inspection import Findings
    from benepass_tasks.ingestion.schema_evolution.changes import Change
    from benepass_tasks.ingestion.schema_evolution.history import Entry
    from benepass_tasks.state.decisions import Decision
    from benepass_tasks.state.source_files import SourceFile

DIFFERENT = 1
"""The exit code where files differ from what is loaded."""

CHANGE_HEADINGS = ("column", "header", "change", "before", "after", "does not fit", "severity")

of_source = click.argument("source", required=False)
as_json = click.option("--json", "is_json", is_flag=True, help="print JSON")


@click.group(
    "schema",
    cls=Group,
    examples=(
        "schema history",
        "schema history transactions --json",
        "schema diff",
        "schema accept transactions",
    ),
)
def command() -> None:
    """Show how the columns of the source files change, and accept changes.

    A source's `schema_contract` in catalog.yaml says what may change without consent.
    """


@command.command(examples=("schema history", "schema history transactions --json"))
@of_source
@as_json
def history(source: str | None, is_json: bool) -> None:  # noqa: FBT001 - click passes by name
    """List what the loads have changed about the columns, the oldest change first."""
    from benepass_tasks.ingestion.schema_evolution.history import read_history  # noqa: PLC0415 - when needed

    wanted = "" if source is None else _find(definitions.read_catalog(), source).name
    entries = read_history(_warehouse(current_settings()), wanted)
    if is_json:
        say_json([_entry_json(entry) for entry in entries])
    else:
        say_table(
            ("at", "load", "file", "table", *CHANGE_HEADINGS),
            [_entry_row(entry) for entry in entries],
        )


@command.command(examples=("schema diff", "schema diff transactions --json"))
@of_source
@as_json
@click.pass_context
def diff(ctx: click.Context, *, source: str | None, is_json: bool) -> None:
    """Compare the files as they are now with what is loaded; loads nothing.

    Ends with 0 where nothing has changed, otherwise with 1.
    """
    catalog = definitions.read_catalog()
    sources = [_find(catalog, source)] if source else list(catalog.sources.values())
    found = [pair for it in sources for pair in _inspected(catalog, it)]
    changed = [(file, findings) for file, findings in found if _differs(findings)]
    if is_json:
        say_json([_findings_json(file, findings) for file, findings in found])
    else:
        _say_differences(changed)
        say(f"Files read: {len(found)}; changed since they were loaded: {len(changed)}.")
    ctx.exit(DIFFERENT if changed else 0)


@command.command(
    examples=("schema accept transactions", "schema accept employees --as-null"),
)
@click.argument("source")
@click.option(
    "--as-null", "is_null", is_flag=True, help="load required columns that are missing as NULL"
)
def accept(source: str, is_null: bool) -> None:  # noqa: FBT001 - click passes by name
    """Accept a source's files as they are now, for the next run to load.

    Their columns and types, whatever the source's contract says, and once, in these very bytes,
    files that a guard has refused. Reads the files, loads nothing.
    """
    from benepass_tasks.ingestion.schema_evolution.contract import require_all_columns  # noqa: PLC0415 - when needed
    from benepass_tasks.ingestion.schema_evolution.history import accept_schema  # noqa: PLC0415
    from benepass_tasks.state.decisions import record_decision  # noqa: PLC0415

    catalog = definitions.read_catalog()
    wanted = _find(catalog, source)
    warehouse = _warehouse(current_settings())
    with warehouse.exclusive():
        found = list(_inspected(catalog, wanted))
        if not is_null:
            for _, it in found:
                require_all_columns(wanted, it.verdict)
        new = [(file, it) for file, it in found if it.verdict.changes or not it.verdict.is_good]
        passing = list(_passing(warehouse, catalog, wanted, found))
        if new or passing:
            with warehouse.write() as connection:
                for file, findings in new:
                    accept_schema(connection, file.source, file.name, findings.schema)
                for decision in passing:
                    record_decision(connection, decision)
    for file, findings in new:
        _say_accepted(file, findings)
    for decision in passing:
        say(plain(f"{source}: {decision.file or 'its money'} may pass once: {decision.detail}"))
    if new or passing:
        say("The next run loads what is accepted.")
    else:
        say(f"{wanted.name}: nothing to accept: no file differs from what was accepted before.")
    if wanted.records.census:
        say(
            "Whether a census lacks too many people of another one, only a run tells; let it pass "
            f"once with --benepass-accept {wanted.name}."
        )


def _passing(
    warehouse: "Warehouse",
    catalog: Catalog,
    source: Source,
    found: Iterable[tuple["SourceFile", "Findings"]],
) -> Iterator["Decision"]:
    """What lets the files and the money of a source pass their guards that nobody let pass yet."""
    from benepass_tasks.ingestion.guards import Guarded  # noqa: PLC0415 - when needed
    from benepass_tasks.publish.money_guard import Money  # noqa: PLC0415
    from benepass_tasks.state.decisions import pending_decisions  # noqa: PLC0415
    from benepass_tasks.state.history.read import newest_figures  # noqa: PLC0415
    from benepass_tasks.state.markers import read_snapshot  # noqa: PLC0415

    known = read_snapshot(warehouse)
    needed: list[Decision] = []
    pending: set[object] = set()
    for file, findings in found:
        earlier = known.loads.get((source.name, file.name))
        if earlier is None or earlier.sha256 != findings.accounting.sha256:
            needed += Guarded(source, file, findings.accounting, earlier).acceptances()
    if known.loads:
        with warehouse.read() as connection:
            pending = {it.subject for it in pending_decisions(connection)}
            needed += Money(catalog, known.loads.values()).losses(newest_figures(connection))
    for decision in needed:
        if decision.source == source.name and decision.subject not in pending:
            yield decision


def _find(catalog: Catalog, name: str) -> Source:
    if name in catalog.sources:
        return catalog.sources[name]
    near = wording.meant(wording.nearest(name, catalog.sources))
    raise ProjectError(
        f"{catalog.path.name} declares no source {wording.shown(name)}"
        + (near or f" (sources: {wording.listed(catalog.sources)})")
    )


def _warehouse(settings: Settings) -> "Warehouse":
    from benepass_tasks.state.warehouse import warehouse_of  # noqa: PLC0415 - imports DuckDB

    return warehouse_of(settings)


def _inspected(catalog: Catalog, source: Source) -> Iterator[tuple["SourceFile", "Findings"]]:
    from benepass_tasks.ingestion.inspection import inspect  # noqa: PLC0415 - imports pyarrow
    from benepass_tasks.state.source_files import find_files  # noqa: PLC0415 - when needed

    settings = current_settings()
    table = catalog.raw_table_of(source.name)
    for file in find_files(source, settings):
        yield file, inspect(_warehouse(settings), source, table, file)


def _differs(findings: "Findings") -> bool:
    return bool(findings.changes) or not findings.verdict.is_good


def _say_differences(changed: list[tuple["SourceFile", "Findings"]]) -> None:
    rows = [
        (file.name, *_change_row(change))
        for file, findings in changed
        for change in findings.changes
    ]
    if rows:
        say_table(("file", *CHANGE_HEADINGS), rows)
        say()
    for file, findings in changed:
        if not findings.verdict.is_good:
            from benepass_tasks.ingestion.schema_evolution.contract import consent  # noqa: PLC0415

            say(
                plain(
                    f"{file.name} will not be loaded ({findings.verdict.broken}): fix it, or "
                    f"accept it: {consent(file.source, findings.verdict)}"
                )
            )


def _say_accepted(file: "SourceFile", findings: "Findings") -> None:
    say(plain(f"{file.source}: {file.name} is accepted:"))
    for change in findings.verdict.changes:
        say(f"  {plain(str(change))}")
    for column in findings.verdict.missing:
        say(f"  {plain(column)}, which is required, may be missing, and will be NULL")


def _entry_row(entry: "Entry") -> tuple[str, ...]:
    at = instant(entry.changed_at)
    return (at, entry.load_id, entry.file, entry.relation, *_change_row(entry.change))


def _change_row(change: "Change") -> tuple[str, ...]:
    names = (change.column, change.header, change.before, change.after)
    column, header, before, after = (wording.printable(name or "") for name in names)
    kind = change.kind.replace("_", " ")
    return (
        column,
        header,
        f"{kind} (a guess)" if change.is_guess else kind,
        before,
        after,
        _where(change),
        change.severity,
    )


def _where(change: "Change") -> str:
    if change.violations is None:
        return ""
    rows = ", ".join(map(str, change.violations.rows))
    more = ", ..." if change.violations.count > len(change.violations.rows) else ""
    plural = "s" if change.violations.count > 1 else ""
    return f"{change.violations.count:,} (row{plural} {rows}{more})"


def _entry_json(entry: "Entry") -> dict[str, object]:
    return {
        "load_id": entry.load_id,
        "changed_at": entry.changed_at.isoformat(),
        "source": entry.source,
        "file": entry.file,
        "table": entry.relation,
        **_change_json(entry.change),
    }


def _change_json(change: "Change") -> dict[str, object]:
    return {"column": change.column, **change.facts}


def _findings_json(file: "SourceFile", findings: "Findings") -> dict[str, object]:
    verdict = findings.verdict
    return {
        "source": file.source,
        "file": file.name,
        "changes": [_change_json(change) for change in findings.changes],
        "may_be_loaded": verdict.is_good,
        "missing": list(verdict.missing),
        "breaks": list(verdict.rules),
    }
