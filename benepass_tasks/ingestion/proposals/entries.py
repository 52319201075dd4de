"""The entry of a proposal, as values to set in the catalog, and the first model of a new source."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from benepass_tasks.catalog.datasets import Declarations, DeclaredSource
from benepass_tasks.catalog.editing import GONE, Setting
from benepass_tasks.catalog.extracts import SQL_TABLE, TableExtract
from benepass_tasks.catalog.layout import CSV, EXCEL, JSON_LINES, PARQUET, Layout
from benepass_tasks.ingestion.proposals.proposal import Proposal, ProposedColumn, Written

_ARGS: Final = ("filepath",)
_METADATA: Final = ("volume", "freshness", "reconciliation", "domain", "description")
"""Behind which keys of a source another one stands."""

_KEDROS: Final[Mapping[str, Mapping[str, Any]]] = {
    CSV: {"dtype": "str", "keep_default_na": False},
    EXCEL: {"dtype": "str", "keep_default_na": False},
    PARQUET: {"engine": "pyarrow"},
    JSON_LINES: {"lines": True, "dtype": "str"},
}
"""What Kedro needs, so that it reads text as text."""

_MACROS: Final = {"amount": "money", "date": "iso_date", "instant": "utc_timestamp"}
"""What makes a typed value of a cleaned text, by what the column holds."""


def settings_of(proposal: Proposal, declared: Declarations) -> list[Setting]:
    """What has to be set in the catalog.

    Args:
        proposal: The proposal.
        declared: What the catalog says.
    """
    if proposal.is_new:
        return list(_new(proposal, declared))
    return list(_changed(proposal, declared.sources[proposal.source]))


def _changed(proposal: Proposal, declared: DeclaredSource) -> Iterator[Setting]:
    name, written = proposal.source, proposal.written
    metadata = (name, "metadata")
    if proposal.table:
        yield from _changed_table(name, proposal.table, declared)
    else:
        yield from _changed_files(proposal, declared)
    for word, value in written.layout.items():
        if getattr(declared.layout, word) != _frozen(value):
            yield Setting((*metadata, "layout", word), value, _METADATA)
    if "format" in written.layout:
        # What is said of records in files does not go with events, which say it themselves.
        yield from (Setting((*metadata, it), GONE) for it in ("resends", "ordered_by", "census"))
    for word, value in proposal.records.items():
        yield Setting((*metadata, word), value, _METADATA)
    for column in proposal.columns:
        path = (*metadata, "columns", column.name)
        if column.is_left:
            continue
        if column.is_new:
            yield Setting(path, _declaration(column, is_required=column.is_part))
        else:
            yield from _changed_column(path, column, declared.read_columns[column.name].aliases)


def _changed_files(proposal: Proposal, declared: DeclaredSource) -> Iterator[Setting]:
    name, written = proposal.source, proposal.written
    if proposal.filepath != declared.filepath:
        yield Setting((name, "filepath"), proposal.filepath)
    if written.type != declared.layout.type:
        yield Setting((name, "type"), written.type, ("<<",))
        yield Setting((name, "load_args"), _all_args(written), _ARGS)
    else:
        for word, value in _changed_args(written, declared.layout):
            yield Setting((name, "load_args", word), value, _ARGS)


def _changed_table(name: str, table: TableExtract, declared: DeclaredSource) -> Iterator[Setting]:
    for word, value in _read_from(table).items():
        # What is said of files has to go, also by an empty word.
        if value or declared.extract is None:
            yield Setting((name, word), value, (*reversed(_READ_FROM), "<<"))
    yield Setting((name, "filepath"), GONE)


_READ_FROM: Final = ("type", "table_name", "credentials")


def _read_from(table: TableExtract) -> dict[str, object]:
    """What an entry says of where a table is."""
    args = {"schema": table.schema} if table.schema else {}
    said = (SQL_TABLE, table.table, table.credentials)
    return dict(zip(_READ_FROM, said, strict=True)) | {"load_args": args}


def _changed_column(
    path: tuple[str, ...], column: ProposedColumn, aliases: Sequence[str]
) -> Iterator[Setting]:
    if column.is_renamed and column.header not in aliases:
        yield Setting((*path, "aliases"), [*aliases, column.header])
    if column.form.written_as:
        yield Setting((*path, "written_as"), column.form.written_as)
    if column.made_of:
        yield Setting((*path, "made_of"), dict(column.made_of))
    if column.synonyms:
        yield Setting((*path, "synonyms"), dict(column.synonyms))


def _all_args(written: Written) -> dict[str, Any]:
    return {**_KEDROS[written.type], **written.load_args}


def _changed_args(written: Written, known: Layout) -> Iterator[tuple[str, Any]]:
    """What is not declared yet, and what the files contradict."""
    usual = Layout()
    for word, value in written.load_args.items():
        if word != "lines" and getattr(known, word) != _frozen(value):
            yield word, value
    for word in ("sep", "encoding", "skiprows", "quotechar", "skipinitialspace"):
        if word in known.said and word not in written.load_args:
            yield word, getattr(usual, word)


def _frozen(value: object) -> object:
    return tuple(value) if isinstance(value, list) else value


def _declaration(column: ProposedColumn, *, is_required: bool) -> dict[str, object]:
    """What a source says of a column that it did not have."""
    said: dict[str, object] = {"description": described(column.name)}
    if column.guess and column.guess.declared:
        said["pii"] = column.guess.declared
    if column.is_renamed:
        said["aliases"] = [column.header]
    if column.holds:
        said["holds"] = column.holds
    if column.form.written_as:
        said["written_as"] = column.form.written_as
    if column.synonyms:
        said["synonyms"] = dict(column.synonyms)
    return said if is_required else said | {"required": False}


def described(name: str) -> str:
    """A first description of a column, which somebody may write better."""
    words = name.replace("_", " ").strip()
    return f"{words[:1].upper()}{words[1:]}, as the file has it."


def _new(proposal: Proposal, declared: Declarations) -> Iterator[Setting]:
    name = proposal.source
    is_of_people = any(it.guess and it.guess.class_ != "none" for it in proposal.columns)
    domain = "people" if is_of_people else "benefits"
    metadata: dict[str, object] = {
        "description": f"{described(name).partition(',')[0]}.",
        "domain": domain,
        "reconciliation": {"staging": f"staging.{_model(name)}"},
        **({"layout": dict(proposal.written.layout)} if proposal.written.layout else {}),
        "columns": {it.name: _declaration(it, is_required=True) for it in proposal.columns},
    }
    files = {
        "type": proposal.written.type,
        "filepath": proposal.filepath,
        "load_args": _all_args(proposal.written),
    }
    entry = (_read_from(proposal.table) if proposal.table else files) | {"metadata": metadata}
    yield Setting((name,), entry, tuple(reversed(list(declared.sources))))
    table = {
        "description": f"{described(name).partition(',')[0]}, trimmed and typed.",
        "grain": "one row per record of the file",
        "materialized": "view",
        "domain": domain,
        "columns": {it.name: _staged(it) for it in proposal.columns if _is_kept(it)},
    }
    staging = [it.relation for it in declared.tables.values() if it.layer == "staging"]
    yield Setting(("_tables", f"staging.{_model(name)}"), table, tuple(reversed(staging)))


def _staged(column: ProposedColumn) -> dict[str, object]:
    said: dict[str, object] = {"description": described(column.name).partition(",")[0] + "."}
    if column.guess and column.guess.declared:
        said["pii"] = column.guess.declared
    return said


def _is_kept(column: ProposedColumn) -> bool:
    """Whether a column goes on from raw: what leads to a person does only once somebody says so."""
    return column.guess is None or column.guess.class_ != "identifier"


def _model(source: str) -> str:
    return f"stg_{source}"


def first_model(proposal: Proposal) -> dict[str, str]:
    """The first model of a new source, by its path below the project's folder; else nothing."""
    if not proposal.is_new:
        return {}
    kept = [it for it in proposal.columns if _is_kept(it)]
    dropped = [it.name for it in proposal.columns if not _is_kept(it)]
    items = [f"    {_typed(it)} as {it.name}" for it in kept]
    lines = [
        f"-- Grain: one row per record of the {proposal.source} files.",
        "-- Purpose: trimmed and typed.",
        *(f"-- Stays in raw, since it leads to a person: {it}." for it in dropped),
        "select",
        ",\n".join([*items, "    _source_file", "    _row_number"]),
        f"from base.{proposal.source}",
        "",
    ]
    return {f"sql/staging/{_model(proposal.source)}.sql": "\n".join(lines)}


def _typed(column: ProposedColumn) -> str:
    cleaned = f"clean_text({column.name})"
    return f"{_MACROS[column.holds]}({cleaned})" if column.holds else cleaned
