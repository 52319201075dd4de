"""A comparison of two environments as sections: for a terminal, for Markdown, for a program."""

import html
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from benepass_tasks.pipeline.branches.difference import ColumnChange, Comparison, RowChange
from benepass_tasks.state.descriptions import SEPARATOR


@dataclass(frozen=True, slots=True)
class Section:
    """A table of a report.

    Attributes:
        title: What it is about.
        headings: Those of its columns.
        rows: Its rows, as texts.
        is_bold: Whether nobody may overlook it.
    """

    title: str
    headings: Sequence[str]
    rows: Sequence[Sequence[str]]
    is_bold: bool = False


def summary(it: Comparison) -> str:
    """What the comparison comes to, in one sentence."""
    if it.verdict == "leaking":
        what = f"{len(it.leaks)} columns let something of a person get where it was not"
    elif it.verdict == "breaking":
        what = "whoever reads what is published, or a test, may break"
    else:
        what = "nothing that is published breaks, and nothing of a person gets anywhere new"
    return f"{it.name} against {it.other} is {it.verdict}: {what}."


def notes(it: Comparison) -> Iterator[str]:
    """What the sections do not tell."""
    if not it.is_described:
        yield (
            f"What the columns of {it.other} are said to hold is not known yet, so that schema, "
            "lineage and privacy are not compared: its next run says it."
        )


def sections(it: Comparison) -> list[Section]:
    """What differs, what is most important first; empty sections are left out."""
    found = (
        Section(
            "Privacy: what newly carries a class",
            ("column", "what it does", "from"),
            [(_place(one), str(one.leak), one.now.origins if one.now else "") for one in it.leaks],
            is_bold=True,
        ),
        Section("Published tables that are gone", ("table",), [(one,) for one in it.gone]),
        Section(
            "Tables",
            ("table", "", "seconds", "before", "bytes", "before"),
            [
                (
                    one.relation,
                    one.how,
                    *map(_seconds, (one.seconds, one.seconds_before)),
                    *map(_count, (one.bytes, one.bytes_before)),
                )
                for one in it.models
            ],
        ),
        Section("Columns", ("column", "", "before", "now"), list(_columns(it.columns))),
        Section(
            "Rows",
            ("table", "added", "removed", "changed", "columns that differ"),
            [_rows(one) for one in it.rows],
        ),
        Section("Examples of keys", ("table", "", "keys"), list(_keys(it.rows))),
        Section(
            "Money by month",
            ("table", "month", "rows went", "rows came", "money"),
            list(_months(it.rows)),
        ),
        Section(
            "Tests",
            ("test", "before", "now"),
            [(one.test, one.before or "", one.now or "") for one in it.tests],
        ),
        Section(
            "Figures",
            ("source", "figure", "before", "now"),
            [(one.source, one.figure, _figure(one.before), _figure(one.now)) for one in it.figures],
        ),
    )
    return [one for one in found if one.rows]


def as_markdown(it: Comparison) -> str:
    """The report as Markdown, in which no value is anything but text."""
    lines = [f"## {_cell(summary(it))}", ""]
    for note in notes(it):
        lines += [_cell(note), ""]
    for one in sections(it):
        mark = "**" if one.is_bold else ""
        lines += [f"### {mark}{one.title}{mark}", "", _line(one.headings)]
        lines += [_line(["---"] * len(one.headings))]
        for row in one.rows:
            lines += [_line([f"{mark}{_cell(cell)}{mark}" if cell else "" for cell in row])]
        lines += [""]
    return "\n".join(lines)


def as_json(it: Comparison) -> dict[str, Any]:
    """The report for a program."""
    return {
        "verdict": it.verdict,
        "notes": list(notes(it)),
        "sections": [
            {"title": one.title, "headings": one.headings, "rows": one.rows} for one in sections(it)
        ],
    }


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _cell(text: str) -> str:
    """A text in which no sign is Markdown, nor a mention of somebody."""
    line = "".join(it if it.isprintable() else " " for it in text)
    return "".join(f"&#{ord(it)};" if it in "|`*_[]@~:\\!" else html.escape(it) for it in line)


def _place(one: ColumnChange) -> str:
    return f"{one.relation}.{one.column}"


def _columns(changes: Sequence[ColumnChange]) -> Iterator[tuple[str, ...]]:
    """The differences in schema, lineage and privacy, one a row."""
    for one in changes:
        now, before = one.now, one.before
        if now is None or before is None:
            there = now or before
            what = "new" if before is None else "removed"
            about = " ".join(filter(None, (there.type, there.carries))) if there else ""
            yield (_place(one), what, *(("", about) if before is None else (about, "")))
            continue
        for what, old, new in (
            ("type", before.type, now.type),
            ("carries", before.carries or "nothing", now.carries or "nothing"),
            ("treatment", before.treatment or "none", now.treatment or "none"),
            ("published", _yes(before.is_published), _yes(now.is_published)),
        ):
            if old != new:
                yield _place(one), what, old, new
        was, is_ = (set(filter(None, it.origins.split(SEPARATOR))) for it in (before, now))
        if was != is_:
            lost, won = (SEPARATOR.join(sorted(it)) for it in (was - is_, is_ - was))
            yield _place(one), "derives from", lost, won


def _rows(one: RowChange) -> tuple[str, ...]:
    columns = ", ".join(f"{name} ({rows:,})" for name, rows in one.columns.items())
    return one.relation, *(f"{it:,}" for it in (one.added, one.removed, one.changed)), columns


def _keys(changes: Sequence[RowChange]) -> Iterator[tuple[str, ...]]:
    for one in changes:
        for what, keys in one.keys.items():
            yield one.relation, what, ", ".join(keys)


def _months(changes: Sequence[RowChange]) -> Iterator[tuple[str, ...]]:
    for one in changes:
        for it in one.months:
            month = f"{it.month:%Y-%m}" if it.month else "none"
            money = "" if it.money is None else f"{it.money:+,.2f}"
            yield one.relation, month, f"{it.gone_rows:,}", f"{it.come_rows:,}", money


def _yes(value: bool) -> str:  # noqa: FBT001 - it is what is written
    return "yes" if value else "no"


def _seconds(spent: float | None) -> str:
    return "" if spent is None else f"{spent:.2f}"


def _count(number: int | None) -> str:
    return "" if number is None else f"{number:,}"


def _figure(value: float | None) -> str:
    return "" if value is None else f"{value:,.4g}" if isinstance(value, float) else f"{value:,}"
