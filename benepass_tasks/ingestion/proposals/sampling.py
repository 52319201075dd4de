"""The records at the beginning of a file, read by the reader that will load it."""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from benepass_tasks.catalog.layout import CSV, Layout
from benepass_tasks.catalog.load_args import layout_of
from benepass_tasks.catalog.wording import printable
from benepass_tasks.config.errors import ProjectError, SourceError
from benepass_tasks.ingestion.proposals.profile import ColumnProfile, FileProfile
from benepass_tasks.ingestion.proposals.proposal import Written
from benepass_tasks.ingestion.proposals.propose import with_lines
from benepass_tasks.ingestion.proposals.question import Answers, Question, answered
from benepass_tasks.ingestion.readers.opening import open_reader
from benepass_tasks.ingestion.recognition.encodings import NAMES
from benepass_tasks.ingestion.recognition.recognise import Recognition, recognise

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


def sample(path: Path, answers: Answers, most: int = FIRST) -> Sample:
    """Read the beginning of a file that nobody has declared.

    Args:
        path: The file.
        answers: What was answered so far.
        most: How many records are read.

    Raises:
        SourceError: the file is missing, or is of no kind that a source can be.
        ProjectError: an answer is none of the choices.
    """
    recognition = _recognised(path)
    questions = []
    args = dict(recognition.load_args)
    encoding = _encoding(path, recognition, answers)
    if isinstance(encoding, Question):
        questions.append(encoding)
    elif encoding:
        args["encoding"] = encoding
    evidence = [(it.says, it.evidence) for it in recognition.findings]
    written = Written(str(recognition.type), _without_inferred(path, args), {}, evidence)
    try:
        profile = _read(path, written, most)
    except SourceError as error:
        raise SourceError(f"{path.name} {recognition.sentence}. {error}") from error
    if written.type == CSV:
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
    if len(likely) < 2:  # noqa: PLR2004 - one is no question
        return None
    asks = f"which encoding is {path.name} in? Its letters are words in several"
    question = Question("encoding", asks, {it: NAMES[it] for it in likely})
    return answered(question, answers) or question


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
        ColumnProfile(header, [it for table in tables for it in table.column(name).to_pylist()])
        for header, name in zip(reader.header, names, strict=True)
    ]
    if not columns:
        raise ProjectError(f"{path.name} has no header")
    return FileProfile(path.name, columns, count, rejected, is_whole)
