"""Which forms of a source's values go together; what they ask of each other."""

from collections.abc import Iterator, Mapping
from dataclasses import fields, replace

from benepass_tasks.catalog import wording
from benepass_tasks.catalog.datasets import Catalog, DeclaredColumn, DeclaredSource
from benepass_tasks.catalog.document import KeyPath, Problem
from benepass_tasks.catalog.forms import (
    LETTERED,
    OF,
    UTC_NAMES,
    ColumnForm,
    WrittenAs,
    differently_read,
    directives_in,
    shares_numbers,
    wrong_with_format,
)
from benepass_tasks.catalog.layout import Layout


def with_layout(columns: Mapping[str, DeclaredColumn], layout: Layout) -> dict[str, DeclaredColumn]:
    """The columns with what the source says of all of them: decimal, thousands, NULL words."""
    return {
        name: replace(column, form=_completed(column.form, layout))
        for name, column in columns.items()
    }


def _completed(form: ColumnForm, layout: Layout) -> ColumnForm:
    form = replace(form, na_values=layout.na_values)
    decimal = layout.decimal if "decimal" in layout.said else None
    if form.holds != "amount" or not (decimal or layout.thousands):
        return form
    forms = tuple(
        it
        if it.is_canonical
        else replace(it, decimal=it.decimal or decimal, thousands=it.thousands or layout.thousands)
        for it in form.written_as or (WrittenAs(),)
    )
    return replace(form, written_as=forms)


def check(source: DeclaredSource) -> Iterator[Problem]:
    """Apply the rules to a source.

    Yields:
        What is wrong, in no particular order.
    """
    yield from _check_columns_named(source)
    for column in source.read_columns.values():
        form = column.form
        path = (source.name, "columns", column.name)
        if form.synonyms and form.holds != "text":
            message = f"are for labels, and the column holds {form.holds}; remove one of them"
            yield Problem((*path, "synonyms"), message)
        for where, said in _places(form, (*path, "written_as")):
            for word, message in _contradictions(form, said):
                yield Problem((*where, *([word] if word else ())), message)


def _places(form: ColumnForm, path: KeyPath) -> Iterator[tuple[KeyPath, WrittenAs]]:
    """The forms of a column, each with the place where it stands."""
    is_list = len(form.written_as) > 1
    for place, it in enumerate(form.written_as):
        yield ((*path, place) if is_list else path), it


def _check_columns_named(source: DeclaredSource) -> Iterator[Problem]:
    column = source.currency.column
    if column is not None and column not in source.columns:
        near = wording.meant(wording.nearest(column, source.columns))
        message = f"{column} is not a column of the source{near}; declare it under columns"
        yield Problem((source.name, "currency", "column"), message)
    for name in source.ignored:
        if name in source.columns:
            yield Problem((source.name, "ignored"), f"{name} is declared; remove it here")


def _contradictions(form: ColumnForm, said: WrittenAs) -> Iterator[tuple[str, str]]:
    usual = WrittenAs()
    words = [it.name for it in fields(said) if getattr(said, it.name) != getattr(usual, it.name)]
    words = [it for it in words if it != "is_canonical"]
    allowed = OF.get(form.holds, ())
    foreign = [it for it in words if it not in allowed]
    for word in foreign:
        kinds = " or ".join(holds for holds, known in OF.items() if word in known)
        yield word, f"is for a column with holds: {kinds}; this one holds {form.holds}"
    if foreign:
        return
    if form.holds == "amount":
        yield from _wrong_with_signs(said)
    else:
        yield from _wrong_with_formats(form, said)


def _wrong_with_signs(said: WrittenAs) -> Iterator[tuple[str, str]]:
    decimal = said.decimal or "."
    if said.thousands == decimal:
        yield (
            "thousands",
            f"is {decimal!r}, and so is decimal; say here or in load_args which of them it is",
        )
    if said.grouping == "indian" and said.thousands is None:
        yield "grouping", "needs thousands: what stands between the groups"
    if set(LETTERED) <= set(said.negative):
        yield "negative", "has credit and debit, and only one of them is below zero; remove one"
    lettered = {word for it in LETTERED.keys() & said.negative for word in LETTERED[it]}
    for mark in said.currency:
        if mark.upper() in lettered:
            yield "currency", f"{mark} is a word for a credit or debit, too; remove it here"


def check_zones(catalog: Catalog) -> Iterator[Problem]:
    """Ask DuckDB, which converts local times, whether it knows the zones.

    Yields:
        Each that it does not know.
    """
    named = [
        ((*path, "zone"), form.zone)
        for source in catalog.sources.values()
        for column in source.read_columns.values()
        for path, form in _places(column.form, (source.name, "columns", column.name, "written_as"))
        if form.zone
    ]
    if not named:
        return
    import duckdb  # noqa: PLC0415 - where a zone is named only

    with duckdb.connect(config={"threads": 1}) as connection:
        known = [
            name
            for (name,) in connection.execute("select name from pg_timezone_names()").fetchall()
        ]
    for path, zone in named:
        if zone not in known:
            near = wording.meant(wording.nearest(zone, known)) or ", such as Europe/Paris"
            yield Problem(path, f"{zone} is not a time zone{near}")


def _wrong_with_formats(form: ColumnForm, said: WrittenAs) -> Iterator[tuple[str, str]]:
    wrong = [it for text in said.formats if (it := wrong_with_format(text, form.holds))]
    yield from (("formats", it) for it in wrong)
    if wrong:
        return
    word = "formats" if said.formats else "order"
    for first, second, text in differently_read(said.all_formats):
        yield word, f"{first!r} and {second!r} read {text} differently; declare one of them"
    if said.excel_serial and any(map(shares_numbers, said.all_formats)):
        yield "excel_serial", "reads the same numbers as a format does; declare one of them"
    yield from _without_use(said)
    if said.epoch and (said.epoch == "days") != (form.holds == "date"):
        yield "epoch", "counts days where the column holds dates, and what is less elsewhere"
    if said.epoch:
        others = ("formats", "order", "excel_serial", "zone")
        given = [it for it in others if getattr(said, it)]
        if given:
            reason = "counts in UTC, and is neither local nor written in parts"
            yield "epoch", f"{reason}: remove it or {wording.listed(given)}"


def _without_use(said: WrittenAs) -> Iterator[tuple[str, str]]:
    """What no format asks for, and what names something that is known."""
    asked = {it for text in said.all_formats for it in directives_in(text)}
    if said.language and not asked & {"b", "B"}:
        yield "language", "is that of months, and no format has one by name: %B or %b"
    if said.zones and "Z" not in asked:
        yield "zones", "are for formats with an abbreviation of the zone, %Z, and none has one"
    for name, offset in said.zones:
        if name in UTC_NAMES and offset[1:] != "00:00":
            yield "zones", f"{name} is UTC everywhere, and cannot be {offset}"
