"""Proposals on a terminal: what is printed of them, and how their questions are asked."""

import difflib
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING

import click

from benepass_tasks.catalog import wording
from benepass_tasks.catalog.datasets import Declarations
from benepass_tasks.catalog.editing import set_values
from benepass_tasks.catalog.extracts import SUFFIX, TableExtract
from benepass_tasks.catalog.wording import printable
from benepass_tasks.cli.output import plain, say, say_table
from benepass_tasks.config.errors import BenepassError, ProjectError
from benepass_tasks.ingestion.proposals.beside import find_beside
from benepass_tasks.ingestion.proposals.columns import NAMED
from benepass_tasks.ingestion.proposals.entries import first_model, settings_of
from benepass_tasks.ingestion.proposals.keys import all_keys, keys_in_files
from benepass_tasks.ingestion.proposals.places import filepath_for, is_found
from benepass_tasks.ingestion.proposals.profile import plural
from benepass_tasks.ingestion.proposals.propose import Asked, propose
from benepass_tasks.ingestion.proposals.question import Given, Question, answered
from benepass_tasks.ingestion.proposals.sampling import ALL, FIRST, Sample, sample

if TYPE_CHECKING:
    from benepass_tasks.config.settings import Settings
    from benepass_tasks.ingestion.proposals.columns import Keys
    from benepass_tasks.ingestion.proposals.proposal import Proposal, ProposedColumn
    from benepass_tasks.ingestion.proposals.reading import Read
    from benepass_tasks.pipeline.trial import Money, Tried


UNCOUNTED = "uncounted"
"""What became of a record that is not spend."""


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What the files are held against.

    Attributes:
        declared: What the catalog says.
        data_dir: The data folder.
        read: Reads values in a form.
        keys: The ids that are known already.
        source: The source that somebody says the files are of.
        tables: Of files that are copied from tables of a database, these, by their paths.
    """

    declared: Declarations
    data_dir: Path
    read: "Read"
    keys: "Keys"
    source: str | None
    tables: Mapping[Path, TableExtract] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Proposed:
    """A proposal, and its files by the names that they have below the data folder."""

    proposal: "Proposal"
    files: Mapping[str, Path]

    @property
    def questions(self) -> Sequence["Question"]:
        """What is left open."""
        return self.proposal.questions


def read_answers(given: Sequence[str]) -> dict[str, str]:
    """The answers of `--answer NAME=VALUE`.

    Raises:
        UsageError: one has no `=`.
    """
    wrong = next((it for it in given if "=" not in it), None)
    if wrong is not None:
        raise click.UsageError(f"--answer {wrong}: write it as NAME=ANSWER, as the question says")
    return {name: answer for name, _, answer in (it.partition("=") for it in given)}


def copied(credentials: str, names: Sequence[str], folder: Path) -> dict[Path, TableExtract]:
    """Copy the first rows of tables of a database into files, a folder each.

    Args:
        credentials: The variable of the environment with the address of the database.
        names: The tables, with their schemas where that is not that of the connection.
        folder: The folder.

    Raises:
        SourceError: the database cannot be reached, or has no such table.
    """
    from benepass_tasks.ingestion.extracts.database import copy_table  # noqa: PLC0415 - SQLAlchemy

    found = dict[Path, TableExtract]()
    for number, name in enumerate(names):
        schema, _, table = name.rpartition(".")
        path = folder / str(number) / f"{table}{SUFFIX}"
        path.parent.mkdir()
        found[path] = TableExtract(credentials=credentials, table=table, schema=schema or None)
        copy_table(found[path], path, ALL + 1)
    return found


def propose_all(
    files: Sequence[str],
    surroundings: Surroundings,
    answers: dict[str, str],
    *,
    may_ask: bool = True,
) -> list[Proposed]:
    """Propose the entries for some files; on a terminal, what they leave open may be asked.

    Raises:
        SourceError: a file is missing, or is of no kind that a source can be.
        ProjectError: an answer is none of the choices.
    """
    while True:
        given = Given(answers)
        proposed = _propose(files, surroundings, given, FIRST)
        questions = [question for it in proposed for question in it.questions]
        if questions and not all(it.proposal.profile.is_whole for it in proposed):
            # The records beyond the first may have a value that decides.
            proposed = _propose(files, surroundings, given, ALL)
            questions = [question for it in proposed for question in it.questions]
        if not questions or not may_ask or not sys.stdin.isatty():
            for name in sorted(answers.keys() - given.sought) if may_ask else ():
                near = wording.meant(wording.nearest(name, given.sought))
                say(plain(f"--answer {name}=... answers nothing that these files leave open{near}"))
            return proposed
        answers[questions[0].name] = _ask(questions[0])


def _propose(
    files: Sequence[str], surroundings: Surroundings, answers: Mapping[str, str], most: int
) -> list[Proposed]:
    samples = [sample(Path(file), answers, most) for file in files]
    known = keys_in_files(surroundings.declared, [it.profile for it in samples])
    around = replace(surroundings, keys=all_keys(surroundings.keys, known))
    if surroundings.tables:
        return [_proposed([it], around, answers) for it in samples]
    return [_with_those_beside(group, around, answers, most) for group in _groups(samples)]


def _with_those_beside(
    group: Sequence[Sample], surroundings: Surroundings, answers: Mapping[str, str], most: int
) -> Proposed:
    """What is proposed for a group, or for those beside it, too; which of both may be open."""
    alone = _proposed(group, surroundings, answers)
    proposal = alone.proposal
    known = "" if proposal.is_new else surroundings.declared.sources[proposal.source].filepath
    if proposal.filepath == known:
        return alone
    beside = {_name_of(it, surroundings.data_dir): it for it in find_beside(group, answers)}
    beside = {name: it for name, it in beside.items() if not is_found(name, proposal.filepath)}
    if not beside:
        return alone
    is_one = len(beside) == 1
    of_all_ = filepath_for(known, [*alone.files, *beside])
    question = Question(
        "files",
        f"{wording.listed([*beside])} {'lies' if is_one else 'lie'} beside, with the same columns: "
        f"does source {proposal.source} read {'it' if is_one else 'them'}, too?",
        {"all": f"it reads {of_all_}", "given": f"it reads {proposal.filepath}"},
    )
    answer = answered(question, answers)
    if answer == "all":
        others = [sample(it, answers, most) for it in beside.values()]
        return _proposed([*group, *others], surroundings, answers)
    if answer is None:
        alone = replace(alone, proposal=replace(proposal, questions=[question, *alone.questions]))
    return alone


def _groups(samples: Sequence[Sample]) -> Iterator[list[Sample]]:
    """The files that are written alike, and have the same columns."""
    groups: dict[tuple[object, ...], list[Sample]] = {}
    for it in samples:
        groups.setdefault(it.likeness, []).append(it)
    yield from groups.values()


def _proposed(
    group: Sequence[Sample],
    surroundings: Surroundings,
    answers: Mapping[str, str],
) -> Proposed:
    names = [_name_of(it.path, surroundings.data_dir) for it in group]
    fullest = max(group, key=lambda it: len(it.written.layout))
    asked = Asked(
        names=names,
        profiles=[it.profile for it in group],
        written=fullest.written,
        read=surroundings.read,
        source=surroundings.source,
        keys=surroundings.keys,
        answers=answers,
        questions=[question for it in group for question in it.questions],
        table=surroundings.tables.get(group[0].path),
    )
    paths = [it.path for it in group]
    return Proposed(propose(surroundings.declared, asked), dict(zip(names, paths, strict=True)))


def _name_of(path: Path, data_dir: Path) -> str:
    """The path below the data folder; of a file elsewhere, its name."""
    found, folder = path.absolute(), data_dir.absolute()
    return found.relative_to(folder).as_posix() if found.is_relative_to(folder) else found.name


def _ask(question: "Question") -> str:
    say(plain(f"{question.asks[:1].upper()}{question.asks[1:]}"))
    for choice, meaning in question.choices.items():
        say(plain(f"  {choice}  {meaning}"))
    kind = click.Choice(list(question.choices)) if question.choices else str
    answer: str = click.prompt(question.name, type=kind)
    return answer


# ------------------------------------------------------------------------------ what is printed


def say_proposal(proposed: Proposed, before: str, after: str, catalog: str) -> None:
    """Print a proposal: what the files are, their columns, and what the catalog gets to say."""
    proposal = proposed.proposal
    _say_files(proposal)
    say()
    say_table(
        ("in the file", "in the catalog", "why", "values", "personal data"),
        [_column_row(it) for it in proposal.columns],
    )
    notes = list(_notes(proposal))
    if notes:
        say()
    for note in notes:
        say(plain(note))
    if before != after:
        say_diff(before, after, catalog)
    for path, sql in first_model(proposal).items():
        say_diff("", sql, path)
    _say_questions(proposal.questions)


def _say_files(proposal: "Proposal") -> None:
    profile = proposal.profile
    count = plural(profile.records, "record")
    extent = "all of them" if profile.is_whole else "the first ones"
    kind = "a new source" if proposal.is_new else "source"
    what = proposal.table or profile.file
    say(plain(f"{what}: {count} read, {extent}; {kind} {proposal.source}"))
    for says, evidence in () if proposal.table else proposal.written.evidence:
        say(plain(f"  {says}: {evidence}"))
    if profile.rejected:
        say(plain(f"  {plural(len(profile.rejected), 'record')} cannot be parsed"))


def _column_row(column: "ProposedColumn") -> tuple[str, ...]:
    personal = f"{column.guess}: {column.guess.reason}" if column.guess else ""
    is_new = " (stays undeclared)" if column.is_left else " (new)" if column.is_new else ""
    name = f"{column.name}{is_new}"
    return (printable(column.header), name, column.why, column.form.evidence, personal)


def _notes(proposal: "Proposal") -> Iterator[str]:
    if proposal.missing:
        yield (
            f"No column was found for {', '.join(proposal.missing)}. Where one is, say so: "
            f"--answer {proposal.missing[0]}{NAMED}='ITS NAME IN THE FILE'"
        )
    if not proposal.profile.records:
        yield "There is no record, so nothing is known of how values are written."
    yield from proposal.notes


def say_diff(before: str, after: str, name: str) -> None:
    """Print what changes in a file."""
    lines = difflib.unified_diff(
        before.splitlines(), after.splitlines(), name if before else "", name, lineterm="", n=1
    )
    say()
    for line in lines:
        say(_unsteered(line))
    say()


def _unsteered(line: str) -> str:
    return line[:1] + plain(line[1:]) if line.strip() else line


def _say_questions(questions: Sequence["Question"]) -> None:
    for question in questions:
        say(plain(f"Question: {question.asks}"))
        meanings = list(question.choices.values()) or ["for example"]
        for flag, meaning in zip(question.flags, meanings, strict=True):
            say(plain(f"  {flag}  ({meaning})"))


def say_trial(tried: "Tried") -> None:
    """Print what became of the records in a trial, and of their money."""
    figures, money = tried.figures, tried.money
    headings = ["records", "clean", "flagged", "quarantined", "rejected"]
    if figures.uncounted:
        headings.append("uncounted")
    say("A trial load, in a warehouse that is thrown away:")
    say_table(headings, [[f"{getattr(figures, name):,}" for name in headings]])
    if money:
        sums = (f"{amount:,.2f} {outcome}" for outcome, amount in _by_outcome(money))
        say(f"{tried.currency}: {', '.join(sums)}")
    reasons = [("quarantined", *it) for it in figures.by_reason.items()]
    uncounted = [
        (what, why, count) for (what, why), (count, _) in money.items() if what == UNCOUNTED
    ]
    flags = [("flagged", *it) for it in figures.by_flag.items()]
    rows = [
        (what, why, f"{count:,}", _amount(money, what, why))
        for what, why, count in (*reasons, *uncounted, *flags)
    ]
    if rows:
        width = 4 if any(amount for *_, amount in rows) else 3
        say_table(("", "because", "records", tried.currency)[:width], [row[:width] for row in rows])


def _by_outcome(money: "Money") -> Iterator[tuple[str, Decimal]]:
    sums: dict[str, Decimal] = {}
    for (outcome, _), (_, amount) in money.items():
        sums[outcome] = sums.get(outcome, Decimal(0)) + amount
    yield from sums.items()


def _amount(money: "Money", outcome: str, reason: str) -> str:
    """The money of a reason; a flag keeps nothing out, so its charges are among the accepted."""
    found = money.get((outcome, reason))
    return f"{found[1]:,.2f}" if found else ""


def require_answers(proposed: Sequence[Proposed]) -> None:
    """Refuse to write what is only guessed.

    Raises:
        ProjectError: a question is open, or a required column is missing.
    """
    open_ = [question for it in proposed for question in it.questions]
    if open_:
        raise ProjectError(
            f"nothing is written: {plural(len(open_), 'question')} left open; add an --answer to "
            "the command for each"
        )
    for it in proposed:
        if it.proposal.missing:
            missing = it.proposal.missing
            raise ProjectError(
                f"nothing is written: source {it.proposal.source} needs {', '.join(missing)}; say "
                f"which column it is: --answer {missing[0]}{NAMED}='ITS NAME IN THE FILE'"
            )


def edited(text: str, name: str, proposed: Proposed, declared: Declarations) -> str:
    """The catalog with the entry of a proposal."""
    return set_values(text, name, settings_of(proposed.proposal, declared))


# -------------------------------------------------------------------------- trying and writing


def try_all(settings: "Settings", proposed: Sequence[Proposed], catalog: str) -> list[str]:
    """Load the files in a scratch warehouse, and print what becomes of their records.

    Returns:
        Why the records are not clean enough for an entry that nobody looks at; nothing if they are.

    Raises:
        BenepassError: they cannot be loaded; nothing is written.
    """
    from benepass_tasks.pipeline.trial import Draft, try_load  # noqa: PLC0415 - imports dlt

    sql = {path: text for it in proposed for path, text in first_model(it.proposal).items()}
    files, extracts = dict[str, Path](), dict[str, Path]()
    for it in proposed:
        if it.proposal.table:
            (extracts[it.proposal.source],) = it.files.values()
        else:
            files |= it.files
    try:
        tried = try_load(settings, Draft(catalog, sql, files, extracts))
    except BenepassError as error:
        raise ProjectError(f"{error}\nThe trial load failed, so nothing is written.") from error
    sources = dict.fromkeys(it.proposal.source for it in proposed)
    for source in sources:
        say_trial(tried[source])
    unclean = [f"{source}: {why}" for source in sources for why in tried[source].unclean]
    missing = [name for name, it in tried.items() if not it.figures.records]
    if unclean and missing:
        unclean.append(f"no records of {', '.join(missing)} are there yet; add their files first")
    return unclean


def write(catalog: Path, before: str, after: str, proposed: Sequence[Proposed]) -> None:
    """Write the catalog and the first models.

    Raises:
        ProjectError: somebody has edited the catalog meanwhile, or a model is there already.
    """
    models = {
        catalog.parent / path: sql
        for it in proposed
        for path, sql in first_model(it.proposal).items()
    }
    there = next((path for path in models if path.exists()), None)
    if there is not None:
        raise ProjectError(f"{there} is there already; nothing is written")
    if catalog.read_text(encoding="utf-8") != before:
        raise ProjectError(f"{catalog.name} was edited meanwhile; nothing is written. Run it again")
    for path, sql in models.items():
        path.write_text(sql, encoding="utf-8")
    # In one step: a process that reads the catalog meanwhile has all of the one or the other.
    beside = catalog.with_name(f".{catalog.name}.new")
    beside.write_text(after, encoding="utf-8", newline="")
    beside.replace(catalog)


def say_where(proposed: Sequence[Proposed], data_dir: Path) -> None:
    """Say what is left to do: files elsewhere are not loaded from there."""
    say("Written.")
    for it in proposed:
        if it.proposal.table:
            say(plain(f"Every run reads {it.proposal.table}."))
            continue
        for name, path in it.files.items():
            if not (data_dir / name).exists():
                say(plain(f"Now put the file where runs look for it: cp {path} {data_dir / name}"))
