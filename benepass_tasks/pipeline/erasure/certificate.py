"""What an erasure did, and the proof that nothing is left; it holds no value of anybody."""

import json
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Self

from sqlalchemy import Connection

from benepass_tasks.engine.disk import write_privately
from benepass_tasks.engine.quoting import quote_text
from benepass_tasks.ingestion.people.places import IDS, locate
from benepass_tasks.pipeline.erasure.beginning import rows_held
from benepass_tasks.pipeline.erasure.job import Job
from benepass_tasks.pipeline.erasure.proof import Search
from benepass_tasks.pipeline.erasure.sources import Rewritten
from benepass_tasks.pipeline.erasure.totals import moved, totals_of
from benepass_tasks.sqlmodels.effective import Definitions
from benepass_tasks.state.erased_records import erased_records
from benepass_tasks.state.erasures import CERTIFICATES
from benepass_tasks.state.run import Run
from benepass_tasks.state.source_files import path_of

STANDING = "source_files_where_they_still_stand"
MOVED = "totals_that_moved"
ANEW = "source_files_written_anew"


@dataclass(frozen=True, slots=True)
class After:
    """What the warehouse holds when the erasure is done.

    Attributes:
        rows: The rows of each table with ids of the people: none.
        totals: What everything comes to.
        standing: The records of each source file in which they still are, by file.
        broken: What could not be built or published without them, in words.
    """

    rows: Mapping[str, int]
    totals: Mapping[str, str]
    standing: Mapping[str, Sequence[int]]
    broken: Sequence[str] = ()

    @classmethod
    def of(
        cls, connection: Connection, definitions: Definitions, job: Job, broken: Sequence[str]
    ) -> Self:
        """Look at the warehouse, of which something may be `broken`."""
        locate(connection, definitions.catalog, definitions.graph, job.people)
        known = [
            f"select {quote_text(kind)}, {quote_text(value)}"
            for kind, values in job.traces.ids.items()
            for value in values
        ]
        connection.exec_driver_sql(f"insert into {IDS} {' union all '.join(known)}")
        standing = {file: set(numbers) for file, numbers in erased_records(connection).items()}
        for file, number in job.rejected:
            standing.setdefault(file, set()).add(number)
        return cls(
            rows_held(connection, definitions.catalog),
            totals_of(connection, definitions.catalog),
            {file: sorted(numbers) for file, numbers in sorted(standing.items())},
            broken,
        )


@dataclass(frozen=True, slots=True)
class Certificate:
    """What was done, and what is proven.

    Attributes:
        content: All of it, as JSON has it.
        problems: What is not as it should be, in words.
        standing: The records of each source file in which they still are, by file.
        file: The JSON file of it; the Markdown is beside it.
    """

    content: Mapping[str, Any]
    problems: Sequence[str]
    standing: Mapping[str, Sequence[int]]
    file: Path

    @property
    def is_proven(self) -> bool:
        """Whether the totals are the same, and nothing is left but in the source files."""
        return not self.problems

    def write(self) -> None:
        """Write it as JSON and as Markdown, for its owner alone."""
        file = self.file
        file.parent.mkdir(mode=0o700, exist_ok=True)
        write_privately(file, json.dumps(self.content, indent=2) + "\n")
        write_privately(file.with_suffix(".md"), "\n".join(_markdown(self.content)) + "\n")


def certificate_file(warehouse: Path, began_at: str) -> Path:
    """The JSON file of a certificate."""
    at = datetime.fromisoformat(began_at)
    return warehouse.parent / CERTIFICATES / f"erasure-{at:%Y%m%dT%H%M%SZ}.json"


def certify(run: Run, job: Job, after: After, found: Search, rewritten: Rewritten) -> Certificate:
    """Say what was done, and what is proven.

    Args:
        run: The run that erased.
        job: What was to be done, and what was there before.
        after: What is there now.
        found: What the search found in all files.
        rewritten: The source files that were written anew.
    """
    settings = run.settings
    anew = list(dict.fromkeys([*job.rewritten, *rewritten.files]))
    standing = {
        file: numbers
        for file, numbers in after.standing.items()
        if file not in anew and path_of(file, settings).exists()
    }
    sources = {os.path.relpath(path_of(it, settings), settings.project_dir) for it in standing}
    changed = list(moved(job.totals, after.totals) if job.moved is None else job.moved)
    left = {relation: rows for relation, rows in after.rows.items() if rows}
    hits = {file: dict(it) for file, it in found.hits.items() if file not in sources}
    problems = [
        *(f"{it} is not as it was" for it in changed),
        *(f"{relation} has {rows:,} rows of them" for relation, rows in left.items()),
        *(f"{file} has {_kinds(kinds)}" for file, kinds in hits.items()),
        *(f"{it} could not be unpacked" for it in found.unreadable),
        *rewritten.problems,
        *after.broken,
    ]
    tables = [
        {"table": it, "rows_before": rows, "rows_after": after.rows.get(it, 0)}
        for it, rows in job.rows.items()
        if rows or after.rows.get(it)
    ]
    content = {
        "began_at": job.began_at,
        "ended_at": run.now().isoformat(timespec="seconds"),
        "people": len(job.people),
        "reason": job.reason,
        "is_proven": not problems,
        "problems": problems,
        "tables": tables,
        "records_by_file": dict(job.records),
        "rejected_records_removed": len(job.rejected),
        "dates_left_as_written": job.dates_as_written,
        "totals_compared": len(job.totals),
        MOVED: changed,
        "files_searched": found.files,
        "bytes_searched": found.bytes,
        "values_searched": job.traces.counts,
        "values_that_others_have_as_well": dict(job.traces.shared),
        "not_searched_in_bytes": list(job.traces.too_short),
        "hits": hits,
        ANEW: anew,
        STANDING: {file: list(numbers) for file, numbers in standing.items()},
    }
    return Certificate(
        content, problems, standing, certificate_file(settings.warehouse, job.began_at)
    )


def _kinds(kinds: Mapping[str, int]) -> str:
    return ", ".join(f"{kind} {count:,} times" for kind, count in sorted(kinds.items()))


def _markdown(content: Mapping[str, Any]) -> Iterator[str]:
    people = content["people"]
    yield f"# Certificate of erasure, {content['ended_at']}"
    yield ""
    stands = " but in the source files below" if content[STANDING] else ""
    verdict = (
        f"Nothing is left{stands}." if content["is_proven"] else "Something is left: see below."
    )
    who = "One person was erased." if people == 1 else f"{people} people were erased."
    yield f"{who} {verdict}"
    yield ""
    yield from _facts(content)
    yield from _table("Rows by table", ("table", "before", "after"), _rows(content))
    records = content["records_by_file"].items()
    yield from _table("Records that were theirs, by file", ("file", "records"), records)
    standing = content[STANDING].items()
    if standing:
        numbers = [(file, ", ".join(map(str, it))) for file, it in standing]
        yield from _table("Source files in which they still stand", ("file", "records"), numbers)
    if content["problems"]:
        yield "## What is not as it should be"
        yield ""
        yield from (f"- {it}" for it in content["problems"])


def _facts(content: Mapping[str, Any]) -> Iterator[str]:
    searched, shared = (
        ", ".join(f"{n:,} {kind}" for kind, n in content[it].items())
        for it in ("values_searched", "values_that_others_have_as_well")
    )
    facts = {
        "Begun": content["began_at"],
        "Ended": content["ended_at"],
        "Reason": content["reason"] or "none was given",
        "Totals that are the same as before": (
            f"{content['totals_compared']}: money by month and by whatever tells no person, "
            "quarantine by reason, and tables in which nobody is, to the last row"
        ),
        "Rejected records that were removed": content["rejected_records_removed"],
        "Dates that stay, in a form that cannot be written": content["dates_left_as_written"],
        "Source files that were written anew": (", ".join(content[ANEW]) or "none"),
        "Files that were searched": f"{content['files_searched']:,} with "
        f"{content['bytes_searched']:,} bytes, unpacked where they are packed; databases through "
        "the engine and as bytes",
        "Values that were searched for": searched,
        "Values that others have as well, which were not": shared or "none",
        "Searched for in columns alone, since they are short": (
            ", ".join(content["not_searched_in_bytes"]) or "none"
        ),
    }
    yield "| | |"
    yield "|---|---|"
    for name, value in facts.items():
        yield f"| {name} | {value} |"
    yield ""


def _rows(content: Mapping[str, Any]) -> Iterator[tuple[object, ...]]:
    for it in content["tables"]:
        yield it["table"], it["rows_before"], it["rows_after"]


def _table(title: str, headings: Sequence[str], rows: Iterable[Sequence[object]]) -> Iterator[str]:
    yield f"## {title}"
    yield ""
    yield f"| {' | '.join(headings)} |"
    yield "|---|" + "---:|" * (len(headings) - 1)
    for row in rows:
        yield f"| {' | '.join(map(str, row))} |"
    yield ""
