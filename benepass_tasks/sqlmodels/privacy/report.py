"""The proof as something to read and to file: Markdown for people, JSON for programs."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from benepass_tasks.catalog.datasets import DerivedFrom
from benepass_tasks.sqlmodels.privacy.processing import HEADINGS as DATASETS
from benepass_tasks.sqlmodels.privacy.processing import Processing
from benepass_tasks.sqlmodels.privacy.verdicts import Carried, Finding, Proof, Verdict

HEADINGS = ("Table", "Column", "Class", "Kind", "Treatment", "Sources", "Audiences", "Verdict")

MOST_SOURCES = 3
"""More are counted where there is little room."""


def personal(proof: Proof) -> list[Verdict]:
    """The columns that declare or carry anything personal or sensitive."""
    return [it for it in proof.verdicts if it.carried or it.findings or it.declared.is_personal]


def row(verdict: Verdict, *, is_short: bool = False) -> tuple[str, ...]:
    """A column as the texts under `HEADINGS`; a short one counts its sources if they are many."""
    declared = verdict.declared
    classes = (
        declared.class_ if declared.class_ != "none" else "",
        "sensitive" if declared.sensitive else "",
    )
    named = sources(verdict)
    audiences = verdict.audiences.items()
    rules = sorted({it.rule for it in verdict.findings})
    return (
        verdict.column.relation,
        verdict.column.column,
        ", ".join(filter(None, classes)) or "none",
        declared.kind or "",
        declared.treatment or "",
        f"{len(named)} columns" if is_short and len(named) > MOST_SOURCES else ", ".join(named),
        ", ".join(it if how == "plaintext" else f"{it} ({how})" for it, how in audiences),
        ", ".join(rules) or "proven",
    )


def sources(verdict: Verdict) -> list[str]:
    """The source columns with the mask on the way, if there is one; or else those that decide."""
    arriving = {
        f"{it.edge.origin} ({it.edge.masking})" if it.treatment else str(it.edge.origin): None
        for it in verdict.carried
    }
    kind = verdict.declared.kind
    deciding = {f"{it.edge.origin} (decides)": None for it in verdict.decided_by if it.kind == kind}
    return list(arriving or deciding)


def summary(proof: Proof) -> str:
    """One line: what was looked at, and what came out."""
    columns = len(proof.verdicts)
    tables = len({it.column.relation for it in proof.verdicts})
    found = len(proof.findings)
    result = "the proof holds" if not found else f"{found} finding{'s' if found > 1 else ''}"
    return (
        f"{columns} columns of {tables} tables, {len(personal(proof))} of them personal: {result}"
    )


def as_markdown(
    proof: Proof, processed: Iterable[Processing], other_limits: Iterable[object] = ()
) -> str:
    """The report for a file: summary, findings, datasets, what else is kept, personal columns."""
    lines = ["# Personal data", "", f"{summary(proof)[0].upper()}{summary(proof)[1:]}.", ""]
    if proof.findings:
        lines += ["## Findings", "", *(f"- {_cell(str(it))}" for it in proof.findings), ""]
    lines += ["## Who gets which table", "", *_given(proof), ""]
    lines += ["## Record of processing", "", _line(DATASETS), _line("---" for _ in DATASETS)]
    for it in processed:
        name, *others = it.cells
        lines.append(_line([_code(name), *map(_cell, others)]))
    lines += ["", "## What else is kept, and for how long", ""]
    lines += [f"- {_cell(str(it))}" for it in other_limits]
    lines += ["", "## Columns", "", _line(HEADINGS), _line("---" for _ in HEADINGS)]
    for verdict in personal(proof):
        table, column, *others = row(verdict)
        lines.append(_line([_code(table), _code(column), *map(_cell, others)]))
    reasons = [it for it in personal(proof) if it.declared.reason]
    if reasons:
        lines += ["", "## Identifiers kept as plaintext, and why", ""]
        lines += [f"- {_code(str(it.column))}: {_cell(it.declared.reason or '')}" for it in reasons]
    if proof.grounds:
        lines += ["", "## What may decide without arriving, and what alone is told of it", ""]
        lines += [
            f"- {_code(subject)}: {_ground(it)} of {', '.join(map(_code, it.columns))}"
            for subject, it in proof.grounds.items()
        ]
    return "\n".join(lines) + "\n"


def as_json(proof: Proof, processed: Iterable[Processing]) -> dict[str, Any]:
    """The whole proof as plain data, columns without anything personal included."""
    return {
        "holds": not proof.findings,
        "summary": summary(proof),
        "findings": [_finding(it) for it in proof.findings],
        "datasets": [it.as_json() for it in processed],
        "columns": [_column(it) for it in proof.verdicts],
        "tables": {relation: [*audiences] for relation, audiences in given(proof).items()},
        "derived_from": {
            subject: {"column": list(it.columns), "reason": it.reason, "minimum": it.minimum}
            for subject, it in proof.grounds.items()
        },
    }


def given(proof: Proof) -> Mapping[str, Mapping[str, None]]:
    """The audiences of each table that leaves the warehouse."""
    tables: dict[str, dict[str, None]] = {}
    for it in proof.verdicts:
        if it.audiences:
            tables.setdefault(it.column.relation, {}).update(dict.fromkeys(it.audiences))
    return tables


def _given(proof: Proof) -> Iterator[str]:
    for relation, audiences in given(proof).items():
        yield f"- {_code(relation)}: {', '.join(map(_cell, audiences))}"


def _ground(declared: DerivedFrom) -> str:
    least = f" of {declared.minimum} at least" if declared.minimum else ""
    return f"{declared.reason}{least}"


def _column(verdict: Verdict) -> Mapping[str, Any]:
    declared = verdict.declared
    return {
        "table": verdict.column.relation,
        "column": verdict.column.column,
        "class": declared.class_,
        "sensitive": declared.sensitive,
        "kind": declared.kind,
        "treatment": declared.treatment,
        "reason": declared.reason,
        "audiences": dict(verdict.audiences),
        "sources": [_source(it) for it in verdict.carried],
        "decided_by": [_source(it) for it in verdict.decided_by],
        "verdict": "broken" if verdict.findings else "proven",
    }


def _source(carried: Carried) -> Mapping[str, Any]:
    return {
        "column": str(carried.edge.origin),
        "type": carried.edge.type,
        "subtype": carried.edge.subtype,
        "masking": carried.edge.masking,
        "carries": carried.class_,
        "sensitive": carried.sensitive,
        "kind": carried.kind,
        "treatment": carried.treatment,
    }


def _finding(finding: Finding) -> Mapping[str, str]:
    return {
        "rule": finding.rule,
        "where": finding.where,
        "subject": finding.subject,
        "message": finding.message,
    }


def _line(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _code(name: str) -> str:
    return f"`{name.replace('|', chr(92) + '|').replace('`', '')}`"


def _cell(text: str) -> str:
    """A text that Markdown shows as it is."""
    plain = "".join(char if char.isprintable() else " " for char in text)
    return plain.replace("\\", "\\\\").replace("|", "\\|").replace("<", "&lt;").replace("_", "\\_")
