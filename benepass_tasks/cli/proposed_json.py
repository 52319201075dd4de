"""Proposals as JSON, for programs: the entry, its evidence, and what is left open."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from benepass_tasks.cli.proposing import Proposed
    from benepass_tasks.ingestion.proposals.proposal import ProposedColumn
    from benepass_tasks.ingestion.proposals.question import Question


def proposal_json(proposed: "Proposed") -> dict[str, object]:
    """A proposal; of the values of a file there are counts, shapes and labels, as on a terminal.

    Each question has the flags that answer it, in the order of its `choices`, or one with an
    example where any text is an answer.
    """
    it = proposed.proposal
    table = it.table and {"credentials": it.table.credentials, "table": it.table.name}
    return {
        "files": [] if table else list(proposed.files),
        "table": table,
        "source": it.source,
        "is_new": it.is_new,
        "records": it.profile.records,
        "is_whole": it.profile.is_whole,
        "unparsed": len(it.profile.rejected),
        "filepath": it.filepath,
        "type": it.written.type,
        "load_args": dict(it.written.load_args),
        "layout": dict(it.written.layout),
        "evidence": [{"says": says, "because": why} for says, why in it.written.evidence],
        "columns": [dict(_column(column)) for column in it.columns],
        "missing": list(it.missing),
        "metadata": dict(it.records),
        "questions": [_question(question) for question in proposed.questions],
        "notes": list(it.notes),
    }


def _column(column: "ProposedColumn") -> Iterator[tuple[str, object]]:
    yield "header", column.header
    yield "name", column.name
    yield "because", column.why
    yield "is_new", column.is_new
    yield "is_left", column.is_left
    yield "holds", column.holds
    yield "written_as", column.form.written_as
    yield "made_of", dict(column.made_of)
    yield "synonyms", {label: list(words) for label, words in column.synonyms.items()}
    yield "evidence", column.form.evidence
    guess = column.guess
    yield "pii", guess and {"reason": guess.reason, **(guess.declared or {"class": "none"})}


def _question(question: "Question") -> dict[str, object]:
    return {
        "name": question.name,
        "asks": question.asks,
        "choices": dict(question.choices),
        "flags": question.flags,
    }
