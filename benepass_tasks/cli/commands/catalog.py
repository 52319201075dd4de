"""`catalog`: the datasets that catalog.yaml declares."""

from pathlib import Path
from typing import get_args

import click

from benepass_tasks.catalog import Column, Domain, Layer, Source, Table, wording
from benepass_tasks.cli import definitions, inventory
from benepass_tasks.cli.command import Group
from benepass_tasks.cli.output import say, say_fields, say_json, say_table
from benepass_tasks.config.settings import current_settings

LAYERS = (inventory.FILES, *get_args(Layer))
DATASET_HEADINGS = ("dataset", "layer", "kind", "domain", "columns", "personal data", "description")
COLUMN_HEADINGS = (
    "column",
    "type",
    "domain",
    "personal",
    "kind",
    "treatment",
    "in files",
    "description",
    "reason",
    "comes from",
)

in_layer = click.option("--layer", type=click.Choice(LAYERS), help="only datasets of this layer")
of_domain = click.option(
    "--domain", type=click.Choice(get_args(Domain)), help="only datasets with data of this domain"
)
as_json = click.option("--json", "is_json", is_flag=True, help="print JSON")


@click.group(
    "catalog",
    cls=Group,
    invoke_without_command=True,
    examples=(
        "catalog --layer marts",
        "catalog list --domain people --json",
        "catalog show marts.fact_transactions",
        "catalog validate",
        "catalog schema > catalog.schema.json",
        "catalog --odcs contracts",
        "catalog --spark queries",
    ),
)
@in_layer
@of_domain
@as_json
@click.option(
    "--odcs",
    "folder",
    metavar="DIR",
    type=click.Path(file_okay=False, path_type=Path),
    help="write a data contract (ODCS) for each table of quality and marts",
)
@click.option(
    "--spark",
    "queries",
    metavar="DIR",
    type=click.Path(file_okay=False, path_type=Path),
    help="write each model as a query for Spark, with the same rows as here",
)
@click.pass_context
def command(  # noqa: PLR0913 - click passes by name
    ctx: click.Context,
    *,
    layer: str | None,
    domain: str | None,
    is_json: bool,
    folder: Path | None,
    queries: Path | None,
) -> None:
    """List, show and check the datasets of catalog.yaml.

    Without a command it lists them.
    """
    if ctx.invoked_subcommand:
        _refuse_options_before(ctx)
    elif folder:
        _write_contracts(folder)
    elif queries:
        _write_queries(queries)
    else:
        _list(layer, domain, is_json=is_json)


@command.command(
    "list", examples=("catalog list --layer staging", "catalog list --domain people --json")
)
@in_layer
@of_domain
@as_json
def list_(layer: str | None, domain: str | None, is_json: bool) -> None:  # noqa: FBT001
    """List the datasets."""
    _list(layer, domain, is_json=is_json)


@command.command(examples=("catalog show marts.dim_employees", "catalog show employees --json"))
@click.argument("dataset")
@as_json
def show(dataset: str, is_json: bool) -> None:  # noqa: FBT001
    """Show a dataset: its columns, what it reads and who reads it."""
    read = definitions.read()
    found = inventory.find(dataset, read.catalog)
    around = inventory.neighbours(found, read.catalog, read.graph)
    if is_json:
        say_json(inventory.dataset_json(found, around))
        return
    say_fields(_overview(found, around))
    say()
    say_table(COLUMN_HEADINGS, [_column_row(column) for column in found.columns])
    model = read.graph.models.get(found.name)
    if model is not None and model.is_generated:
        say()
        say(model.sql)


@command.command(examples=("catalog schema > catalog.schema.json",))
def schema() -> None:
    """Print the form of catalog.yaml as JSON Schema, for editors."""
    from benepass_tasks.catalog.json_schema import catalog_schema  # noqa: PLC0415 - when needed

    say_json(catalog_schema())


@command.command(examples=("catalog validate",))
def validate() -> None:
    """Check all that can be wrong before anything is built: settings, catalog.yaml, SQL and pages.

    Ends with 0 if nothing is, otherwise with 1 and the problems, one a line; a run says the same.
    """
    from benepass_tasks.pipeline.run import current_plan  # noqa: PLC0415 - imports DuckDB
    from benepass_tasks.site.authored.pages import read_pages, refuse_broken  # noqa: PLC0415 - too

    current_plan()
    read = definitions.read()
    catalog, pages = read.catalog, read_pages(read, current_settings())
    if pages:
        refuse_broken(pages)
    say(
        f"{catalog.path.name} is valid: {len(catalog.sources)} sources, "
        f"{len(catalog.tables)} tables, {len(read.graph.models)} of them from SQL, and "
        f"{len(pages)} pages."
    )


def _list(layer: str | None, domain: str | None, *, is_json: bool) -> None:
    found = [
        dataset
        for dataset in inventory.datasets(definitions.read_catalog())
        if layer in (None, dataset.layer) and (domain is None or domain in dataset.domains)
    ]
    if is_json:
        say_json([inventory.summary_json(dataset) for dataset in found])
    else:
        say_table(DATASET_HEADINGS, [_dataset_row(dataset) for dataset in found])


def _dataset_row(dataset: inventory.Dataset) -> tuple[str, ...]:
    return (
        dataset.name,
        dataset.layer,
        dataset.kind,
        ", ".join(dataset.domains),
        str(len(dataset.columns)),
        ", ".join(_counted(class_, count) for class_, count in dataset.pii.items()),
        dataset.declared.description,
    )


def _overview(dataset: inventory.Dataset, around: inventory.Neighbours) -> dict[str, str]:
    declared = dataset.declared
    fields = {
        "dataset": dataset.name,
        "description": declared.description,
        "grain": declared.grain if isinstance(declared, Table) else None,
        "layer": dataset.layer,
        "kind": dataset.kind,
        "domain": ", ".join(dataset.domains),
        "purpose": around.processing.purpose,
        "audience": around.processing.audience,
        "retention": around.processing.cells[-1],
        "made by": around.made_by,
        "layout": _layout(declared) if isinstance(declared, Source) else None,
        "reads": ", ".join(around.reads),
        "read by": ", ".join(around.read_by),
    }
    return {name: value for name, value in fields.items() if value}


def _layout(source: Source) -> str:
    """What the catalog says of how the files are written, each word with its value."""
    said = source.layout.said.items()
    return ", ".join(f"{word} {wording.printable(_text(value))}" for word, value in said)


def _text(value: object) -> str:
    return " ".join(map(_text, value)) if isinstance(value, tuple) else str(value)


def _column_row(column: Column) -> tuple[str, ...]:
    pii = column.pii
    personal = [_word(pii.class_)] if pii.class_ != "none" else []
    return (
        column.name,
        column.type,
        column.domain,
        ", ".join([*personal, *(["sensitive"] if pii.sensitive else [])]),
        pii.kind or "",
        pii.treatment or "",
        _in_files(column),
        column.description,
        pii.reason or "",
        column.comes_from,
    )


def _in_files(column: Column) -> str:
    """What a source's file may do other than have the column by its name."""
    optional = [] if column.required else ["optional"]
    return ", ".join([*optional, *(f"or {wording.printable(it)}" for it in column.aliases)])


def _counted(class_: str, count: int) -> str:
    plural = "s" if count > 1 and class_ != "sensitive" else ""
    return f"{count} {_word(class_)}{plural}"


def _word(class_: str) -> str:
    return class_.replace("_", "-")


def _write_contracts(folder: Path) -> None:
    from benepass_tasks.publish.exporters.odcs import write_contracts  # noqa: PLC0415 - when needed

    written = write_contracts(definitions.read_catalog(), definitions.warehouse_path(), folder)
    say(f"{len(written)} data contracts written to {folder}")


def _write_queries(folder: Path) -> None:
    from benepass_tasks.publish.exporters.spark import write_queries  # noqa: PLC0415 - when needed

    written = write_queries(definitions.read(), current_settings().variables, folder)
    say(f"{len(written)} queries written to {folder}")


def _refuse_options_before(ctx: click.Context) -> None:
    given = [name for name, value in ctx.params.items() if value]
    if given:
        flag = next(option.opts[0] for option in ctx.command.params if option.name == given[0])
        raise click.UsageError(
            f"{flag} must stand after '{ctx.invoked_subcommand}', if it takes it", ctx
        )
