"""The records at the beginning of a file, read by the reader that will load it."""

import codecs
import itertools
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from benepass_tasks.catalog.events import HEADER, OP
from benepass_tasks.catalog.layout import CSV, EXCEL, Layout
from benepass_tasks.catalog.load_args import layout_of
from benepass_tasks.catalog.wording import printable
from benepass_tasks.catalog.words import folded
from benepass_tasks.config.errors import ProjectError, SourceError
from benepass_tasks.ingestion.proposals.profile import ColumnProfile, FileProfile, plural
from benepass_tasks.ingestion.proposals.proposal import Written
from benepass_tasks.ingestion.proposals.propose import with_lines
from benepass_tasks.ingestion.proposals.question import Answers, Question, answered
from benepass_tasks.ingestion.readers.events import EventReader, SeveralTablesError
from benepass_tasks.ingestion.readers.opening import open_reader
from benepass_tasks.ingestion.readers.workbooks import filled_sheets
from benepass_tasks.ingestion.recognition.encodings import NAMES
from benepass_tasks.ingestion.recognition.recognise import DEBEZIUM, Recognition, recognise
from benepass_tasks.ingestion.recognition.sheet_titles import rows_above_header

if TYPE_CHECKING:
    import pyarrow as pa

FIRST: Final = 50_000
"""Records that are read, unless a decision needs all."""

ALL: Final = 1_000_000
"""Records that are read at most."""

SHOWN: Final = 200
"""Rejected records whose text is looked at, and letters of each."""


@dataclass(frozen=True, slots=True)
class Sample:
    """A file of which the beginning was read.

    Attributes:
        path: The file.
        written: How it is written.
        profile: Its records.
        questions: What its bytes leave open.
    """

    path: Path
    written: Written
    profile: FileProfile
    questions: Sequence[Question] = ()

    @property
    def likeness(self) -> tuple[object, ...]:
        """What files of one entry have in common: how they are written, and their columns."""
        args = tuple(sorted((word, str(value)) for word, value in self.written.load_args.items()))
        return (self.written.type, args, self.profile.headers)


def sample(path: Path, answers: Answers, most: int = FIRST) -> Sample:
    """Read the beginning of a file that nobody has declared.

    Args:
        path: The file.
        answers: What was answered so far.
        most: How many records are read.

    Raises:
        SourceError: the file is missing or of no kind that a source can be, or it is a workbook of
            several sheets and no answer says which one.
        ProjectError: an answer is none of the choices.
    """
    recognition = _recognised(path)
    questions = []
    args: dict[str, Any] = dict(recognition.load_args)
    encoding = _encoding(path, recognition, answers)
    if isinstance(encoding, Question):
        questions.append(encoding)
    elif encoding:
        args["encoding"] = encoding
    evidence = [(it.says, it.evidence) for it in recognition.findings]
    if recognition.type == EXCEL:
        with _said_of(path, recognition):
            args |= _sheet(path, answers)
            above = rows_above_header(path, args.get("sheet_name"))
        if above:
            args["skiprows"] = above
            said = f"has {plural(above, 'row')} above the header"
            evidence.append((said, "they fill fewer cells than most rows"))
    written = Written(str(recognition.type), _without_inferred(path, args), {}, evidence)
    if DEBEZIUM in recognition.kinds:
        with _said_of(path, recognition):
            written = replace(written, layout=_of_events(path, written, answers))
    with _said_of(path, recognition):
        profile = _read(path, written, most)
    if written.type in (CSV, EXCEL):
        better = with_lines(written, profile)
        if better != written:
            written, profile = better, _read(path, better, most)
    return Sample(path, written, profile, questions)


def _recognised(path: Path) -> Recognition:
    if not path.is_file():
        raise SourceError(f"there is no file {printable(str(path))}")
    try:
        found = recognise(path)
    except OSError as error:
        raise SourceError(f"{path} cannot be read: {error.strerror}") from error
    if found.type is None:
        advice = f"; {found.advice}" if found.advice else ""
        raise SourceError(f"{path.name} {found.sentence}, and no source can be{advice}")
    return found


def _encoding(path: Path, recognition: Recognition, answers: Answers) -> str | Question | None:
    """The codec of a text, where the bytes alone cannot tell which of several it is."""
    likely = recognition.encodings
    if len(likely) < 2:  # noqa: PLR2004 - one is not a question
        return None
    asks = f"which encoding is {path.name} in? Its letters are words in several"
    question = Question("encoding", asks, {it: NAMES[it] for it in likely})
    meant = {it: _meant(answers[it], likely) for it in answers if it == question.name}
    return answered(question, meant) or question


@contextmanager
def _said_of(path: Path, recognition: Recognition) -> Iterator[None]:
    """Say of a file that cannot be read what it is."""
    try:
        yield
    except SourceError as error:
        is_it = f"{path.name} {recognition.sentence}. " if recognition.sentence else ""
        raise SourceError(f"{is_it}{error}") from error


def _sheet(path: Path, answers: Answers) -> dict[str, str]:
    """Which sheet of a workbook is read, where several hold anything."""
    names = filled_sheets(path)
    if len(names) < 2:  # noqa: PLR2004 - one is not a question
        return {}
    question = Question(
        "sheet", f"which sheet of {path.name} is to be read?", dict.fromkeys(names, "")
    )
    name = answered(question, answers)
    if name is None:
        # Without an answer there are no records to ask anything else about.
        flags = "".join(f"\n  {it}" for it in question.flags)
        raise SourceError(f"{len(names)} sheets hold something. Say which is to be read:{flags}")
    return {"sheet_name": name}


def _of_events(path: Path, written: Written, answers: Answers) -> dict[str, str]:
    """What `layout` says of change events: which table's they are."""
    layout = {"format": DEBEZIUM}
    try:
        with path.open("rb") as file:
            declared = _layout(replace(written, layout=layout))
            tables: Sequence[str] = sorted(EventReader(file, declared, path.name, {}).tables)
    except SeveralTablesError as error:
        tables = error.tables
    if not tables:
        return layout
    asks = f"of which table are the events of {path.name} that are meant?"
    question = Question("table", asks, dict.fromkeys(tables, ""))
    table = tables[0] if len(tables) == 1 else answered(question, answers)
    if table is None:
        flags = "".join(f"\n  {it}" for it in question.flags)
        raise SourceError(f"It has events of {len(tables)} tables. Say which is meant:{flags}")
    return layout | {"table": table}


def _as_first_said(profile: FileProfile) -> FileProfile:
    """The rows of change events as they came to be, without what is said of the events.

    A row that was changed is the same row, and would look like a record that came again.
    """
    rows = [*zip(*(it.values for it in profile.columns), strict=True)]
    ops = profile.columns[profile.headers.index(HEADER[OP])].values
    for wanted in ("cr", "cru"):
        kept = dict.fromkeys(row for row, op in zip(rows, ops, strict=True) if op and op in wanted)
        if kept:
            break
    columns = [
        ColumnProfile(it.header, [row[at] for row in kept], is_of_events=True)
        for at, it in enumerate(profile.columns)
        if it.header not in HEADER.values()
    ]
    return replace(profile, columns=columns, records=len(kept))


def _meant(answer: str, likely: Sequence[str]) -> str:
    """The codec that is meant by one of its names: `windows-1252`, `Shift_JIS`."""
    try:
        name = codecs.lookup(answer).name
    except LookupError:
        name = answer
    called = folded(answer)
    same = (it for it in likely if codecs.lookup(it).name == name or folded(NAMES[it]) == called)
    return next(same, answer)


def _without_inferred(path: Path, args: dict[str, object]) -> dict[str, object]:
    """Without the compression that the file's name says."""
    if args.get("compression") == Layout().compression_of(path.name):
        args.pop("compression", None)
    return args


def _layout(written: Written) -> Layout:
    """How the reader is told to read."""
    args, layout = (
        {word: tuple(it) if isinstance(it, list) else it for word, it in said.items()}
        for said in (written.load_args, written.layout)
    )
    return layout_of(written.type, args, layout)


def _texts(column: "pa.ChunkedArray") -> Iterator[str | None]:
    """The values of a column; those of a chunk that are the same are one text in memory."""
    for chunk in column.chunks:
        encoded = chunk.dictionary_encode()
        texts = encoded.dictionary.to_pylist()
        yield from (None if it is None else texts[it] for it in encoded.indices.to_pylist())


def _read(path: Path, written: Written, most: int) -> FileProfile:
    tables: list[pa.Table] = []
    rejected: list[str] = []
    count, is_cut = 0, False
    layout = _layout(written)
    with open_reader(layout, path, path.name) as reader:
        names = [f"c{place}" for place in range(len(reader.header))]
        batches = reader.batches(names) if names else iter(())
        for batch in batches:
            tables.append(batch.table.slice(0, most - count))
            rejected += [
                it.raw[:SHOWN].decode(layout.encoding, "replace")
                for it in itertools.islice(batch.rejected, SHOWN - len(rejected))
            ]
            is_cut = len(batch.table) > most - count
            count += len(tables[-1])
            if is_cut or count >= most:
                break
        is_whole = not is_cut and next(batches, None) is None
    columns = [
        ColumnProfile(header, [it for table in tables for it in _texts(table.column(name))])
        for header, name in zip(reader.header, names, strict=True)
    ]
    if not columns:
        raise ProjectError(f"{path.name} has no header")
    profile = FileProfile(path.name, columns, count, rejected, is_whole)
    return _as_first_said(profile) if layout.is_of_events else profile
