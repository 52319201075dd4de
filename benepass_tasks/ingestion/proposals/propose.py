"""From the records of files to the entry of their source."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from benepass_tasks.catalog.datasets import Declarations, DeclaredSource, Pii
from benepass_tasks.catalog.extracts import TableExtract
from benepass_tasks.catalog.header_names import INGESTED, column_name, header_key
from benepass_tasks.catalog.layout import CSV, EXCEL
from benepass_tasks.catalog.wording import printable
from benepass_tasks.catalog.words import words
from benepass_tasks.config.errors import ProjectError
from benepass_tasks.ingestion.proposals import meanings, spending
from benepass_tasks.ingestion.proposals.columns import (
    ITS_NAME,
    MOST,
    NAMED,
    Fit,
    Keys,
    Match,
    best_fit,
    fit,
)
from benepass_tasks.ingestion.proposals.dates import DAY
from benepass_tasks.ingestion.proposals.forms import Form, form_of
from benepass_tasks.ingestion.proposals.lines import has_second_header, totals
from benepass_tasks.ingestion.proposals.pairs import Pair
from benepass_tasks.ingestion.proposals.personal import Guess, classify
from benepass_tasks.ingestion.proposals.places import filepath_for, name_for
from benepass_tasks.ingestion.proposals.profile import (
    ColumnProfile,
    FileProfile,
    of_all,
    plural,
    together,
)
from benepass_tasks.ingestion.proposals.proposal import Proposal, ProposedColumn, Written
from benepass_tasks.ingestion.proposals.question import Answers, Known, Question, answered
from benepass_tasks.ingestion.proposals.reading import Holds, Read


@dataclass(frozen=True, slots=True)
class Asked:
    """What is proposed for.

    Attributes:
        names: The paths of the files below the data folder, or only their names where they are
            elsewhere.
        profiles: Their records; all have one header.
        written: How they are written.
        read: Reads values in a form.
        source: The source that they are of, where somebody has said so.
        keys: The ids that are known already.
        answers: What was answered so far.
        questions: What the bytes of the files leave open.
        table: The table of a database that they are copied from.
    """

    names: Sequence[str]
    profiles: Sequence[FileProfile]
    written: Written
    read: Read
    source: str | None = None
    keys: Keys = field(default_factory=dict)
    answers: Answers = field(default_factory=dict)
    questions: Sequence[Question] = ()
    table: TableExtract | None = None


def propose(declared: Declarations, asked: Asked) -> Proposal:
    """Propose the entry for some files.

    Args:
        declared: What the catalog says so far.
        asked: The files.

    Raises:
        ProjectError: an answer is none of the choices, the files cannot be of one source, or two
            columns have a name that the source knows.
    """
    profile = together(asked.profiles)
    fitting = _source(declared, profile, asked)
    if fitting is None:
        proposal = _new_source(declared, profile, asked)
    else:
        proposal = _known_source(fitting, profile, asked)
    return replace(proposal, table=asked.table)


def _source(declared: Declarations, profile: FileProfile, asked: Asked) -> Fit | None:
    """The source that the files are of; None where they are of none that is declared."""
    if asked.source is not None and asked.source not in declared.sources:
        return None
    fits = [
        fit(source, profile, asked.keys, asked.answers)
        for name, source in declared.sources.items()
        if asked.source in (None, name)
    ]
    return fits[0] if asked.source else best_fit(fits)


def _known_source(fitting: Fit, profile: FileProfile, asked: Asked) -> Proposal:
    source = fitting.source
    ours = {match.place: match for match in fitting.matches.values()}
    found = sorted(ours.values(), key=lambda it: it.place)
    columns = [_ours(source, profile.columns[it.place], it, asked) for it in found]
    parts = {place: pair for pair in fitting.pairs for place in pair.parts.values()}
    taken = {*source.read_columns, *INGESTED}
    rest = [profile.columns[place] for place in _rest(profile, ours)]
    _refuse_twice([profile.columns[it] for it in ours], rest, profile.file)
    places = _rest(profile, ours)
    others = [
        _other(column, taken, asked, is_twice=_is_twice(column, rest), part=_called(place, parts))
        for place, column in zip(places, rest, strict=True)
    ]
    new = {place: it.name for place, it in zip(places, others, strict=True)}
    names = {place: it.column for place, it in ours.items()} | new
    columns += [_made(source, pair, profile, names, asked) for pair in fitting.pairs]
    others = [
        _part(source, parts[place], place, it, profile) if place in parts else it
        for place, it in zip(new, others, strict=True)
    ]
    order = asked.answers.get("ordered_by")
    others = [
        _typed(it, column, asked) if it.name == order else it
        for it, column in zip(others, rest, strict=True)
    ]
    own = _own_beside_parts(fitting, others)
    ignored = [it.name for it in others if it.header in own or _is_ignored(it, asked.answers)]
    made = {header for header, *_ in _of_made(fitting, others)}
    left = {*ignored, *(it.name for it in others if it.header in made)}
    others = [replace(it, is_left=True) if it.name in left else it for it in others]
    named = {
        it.name: column
        for it, column in zip(others, rest, strict=True)
        if it.name not in left and not it.is_part
    }
    said = spending.say(spending.Found(fitting, asked.profiles, named, asked.answers))
    read = [it for it in said.deciding if meanings.are_labels(named[it])]
    others = [replace(it, guess=_DECIDES) if it.name in read else it for it in others]
    return Proposal(
        profile=profile,
        source=source.name,
        is_new=False,
        filepath=filepath_for(source.filepath, asked.names),
        written=_with_nothing(asked.written, [profile.columns[it] for it in ours]),
        columns=[*columns, *others],
        missing=fitting.missing,
        records=dict(said.records)
        | _ignoring(source, [own.get(it.header, it.name) for it in others if it.name in ignored]),
        questions=[
            *asked.questions,
            *_rivals(fitting, profile, asked.answers),
            *(question for it in (*columns, *others) for question in it.form.questions),
            *said.questions,
        ],
        notes=[
            *said.notes,
            *_unread(columns),
            *_may_be_ignored(others),
            *_instead_of_parts(fitting, others),
        ],
    )


def _ignoring(source: DeclaredSource, names: Sequence[str]) -> dict[str, object]:
    return {"ignored": sorted({*source.ignored, *names})} if names else {}


def _of_made(fitting: Fit, others: Iterable[ProposedColumn]) -> Iterator[tuple[str, str, str]]:
    """Columns of the file that are called as those that the source makes of two.

    Yields:
        The header, what `ignored` would call it, and the name of the column that is made.
    """
    made = {
        header_key(name): column.name
        for column in fitting.source.made.values()
        for name in (column.name, *column.aliases)
    }
    for it in others:
        if not it.is_part and (key := header_key(it.header)) in made:
            yield it.header, key, made[key]


def _own_beside_parts(fitting: Fit, others: Iterable[ProposedColumn]) -> dict[str, str]:
    """What `ignored` calls the columns of the file that say again what two others say."""
    found = {it.column for it in fitting.pairs}
    return {header: key for header, key, made in _of_made(fitting, others) if made in found}


def _instead_of_parts(fitting: Fit, others: Iterable[ProposedColumn]) -> Iterator[str]:
    """Where a file has in one what the source makes of two."""
    found = {it.column for it in fitting.pairs}
    for header, _, made in _of_made(fitting, others):
        if made not in found:
            parts = " and ".join(fitting.source.made[made].made_of.values())
            yield (
                f"{header} is in one column what catalog.yaml makes of {parts}. If all files are "
                f"so now, take made_of of {made} and its two columns out of catalog.yaml first"
            )


def _rest(profile: FileProfile, ours: Mapping[int, Match]) -> list[int]:
    """The places of the columns that are none of the source's."""
    return [place for place in range(len(profile.columns)) if place not in ours]


def _made(
    source: DeclaredSource,
    pair: Pair,
    profile: FileProfile,
    names: Mapping[int, str],
    asked: Asked,
) -> ProposedColumn:
    """A column of the source that is two of the file's."""
    written = _without_nothing(pair.written(profile))
    form = form_of(
        pair.column,
        pair.holds,
        written,
        asked.read,
        _known_answers(source, pair.column, asked.answers),
        reporting=source.currency.reporting,
    )
    made_of = {part: names[place] for part, place in pair.parts.items()}
    return ProposedColumn(written.header, pair.column, pair.why, form=form, made_of=made_of)


def _part(
    source: DeclaredSource, pair: Pair, place: int, column: ProposedColumn, profile: FileProfile
) -> ProposedColumn:
    """One of the two, as personal as what they are together; for how long that is, is not."""
    if pair.parts.get("every") == place:
        synonyms = meanings.period_labels(profile.columns[place]).synonyms()
        guess = Guess("none", f"it says for how long {pair.column} is")
        return replace(column, guess=guess, is_part=True, synonyms=synonyms)
    pii = source.read_columns[pair.column].pii or Pii("none")
    reason = f"it is a part of {pair.column}"
    guess = Guess(pii.class_, reason, pii.kind, pii.sensitive)
    return replace(column, guess=guess, is_part=True)


def _is_ignored(column: ProposedColumn, answers: Answers) -> bool:
    """Whether somebody has said that a column does not matter.

    Raises:
        ProjectError: it may be personal, or the answer is none.
    """
    choices = {"yes": "it does not matter", "no": "it is declared"}
    question = Question(f"{column.name}.ignored", f"does {column.name} matter?", choices)
    is_said = answered(question, answers) == "yes"
    if is_said and column.guess is not None and column.guess.class_ != "none":
        raise ProjectError(
            f"--answer {question.name}=yes: {column.name} may be personal ({column.guess.reason}), "
            "so the catalog has to say what it is"
        )
    return is_said


def _unread(columns: Iterable[ProposedColumn]) -> Iterator[str]:
    """Which columns have values that are written in no form that is proposed."""
    for it in columns:
        if it.form.unread and not it.form.questions:
            count = plural(it.form.unread, "value")
            yield f"Of {it.name} {count} would be invalid. {it.form.told}"


def _may_be_ignored(columns: Iterable[ProposedColumn]) -> Iterator[str]:
    """How to say of columns in which nothing is personal that they do not matter."""
    for it in columns:
        is_open = it.guess is not None and not (it.is_left or it.is_part)
        if is_open and it.guess and it.guess.class_ == "none":
            yield f"If {it.name} does not matter, say so: --answer {it.name}.ignored=yes"


def _ours(
    source: DeclaredSource, column: ColumnProfile, match: Match, asked: Asked
) -> ProposedColumn:
    """A column of the source, with how its values are written."""
    filled = _without_nothing(column)
    proposed = ProposedColumn(column.header, match.column, match.why)
    holds = source.columns[match.column].form.holds
    if holds != "text" and match.column not in source.parts:
        form = form_of(
            match.column,
            holds,
            filled,
            asked.read,
            _known_answers(source, match.column, asked.answers),
            reporting=source.currency.reporting,
        )
        return replace(proposed, form=form)
    return _with_synonyms(proposed, filled) if match.column == "status" else proposed


def _with_synonyms(proposed: ProposedColumn, column: ColumnProfile) -> ProposedColumn:
    labels = meanings.status_labels(column)
    said = of_all(column.filled - labels.unknown, column.filled, "values are known words")
    if labels.unknown:
        said += f"; the others look like {labels.unknown_shapes}, and are published as unknown"
    return replace(proposed, form=Form(evidence=said), synonyms=labels.synonyms())


def _known_answers(source: DeclaredSource, name: str, answers: Answers) -> Answers:
    """What was answered, and otherwise the zone that the catalog has for a column."""
    zones = {it.zone for it in source.read_columns[name].form.written_as if it.zone}
    if len(zones) != 1:
        return answers
    return Known(answers, {f"{name}.zone": zones.pop()})


def _without_nothing(column: ColumnProfile) -> ColumnProfile:
    """The values that say something."""
    nothing = words().nothing
    said = [None if it and it.strip().lower() in nothing else it for it in column.values]
    return replace(column, values=said)


def _with_nothing(written: Written, columns: Iterable[ColumnProfile]) -> Written:
    """What is said of the files, with the words that mean NULL in them."""
    found = meanings.nothing_words(columns)
    if not found:
        return written
    said = (f"means NULL by {', '.join(found)}", plural(sum(found.values()), "value"))
    evidence = (*written.evidence, said)
    if written.type in (CSV, EXCEL):
        args = {**written.load_args, "na_values": list(found)}
        return replace(written, load_args=args, evidence=evidence)
    layout = {**written.layout, "na_values": list(found)}
    return replace(written, layout=layout, evidence=evidence)


def _refuse_twice(
    ours: Sequence[ColumnProfile], others: Sequence[ColumnProfile], file: str
) -> None:
    """Refuse a file of which two columns have a name of ours: nothing says which one is meant.

    Raises:
        ProjectError: it has.
    """
    for column in ours:
        twin = next(
            (it for it in others if header_key(it.header) == header_key(column.header)), None
        )
        if twin:
            raise ProjectError(
                f"{file} names a column twice, as {printable(column.header)!r} and "
                f"{printable(twin.header)!r}; rename or remove one"
            )


def _is_twice(column: ColumnProfile, columns: Sequence[ColumnProfile]) -> bool:
    """Whether another column has its name."""
    name = header_key(column.header)
    return any(it is not column and header_key(it.header) == name for it in columns)


_DECIDES = Guess("none", "it says whether a charge counts, or in which currency")


def _called(place: int, parts: Mapping[int, Pair]) -> str:
    """What a column is of another one, if it is a part."""
    found = parts[place].parts.items() if place in parts else ()
    return next((part for part, it in found if it == place), "")


def _other(
    column: ColumnProfile, taken: set[str], asked: Asked, *, is_twice: bool, part: str = ""
) -> ProposedColumn:
    """A column that the source does not declare; a part of another may be called as that is."""
    is_free = column_name(column.header) not in taken or not part
    name = _free_name(column if is_free else ColumnProfile(part, column.values), taken)
    is_called_so = any(meanings.is_called(column, it) for it in words().deciding)
    is_clear = is_called_so and bool(column.counts) and meanings.is_known(column)
    guess = _DECIDES if is_clear else classify(column, asked.keys)
    is_plain = is_twice or header_key(column.header) == name
    why = ITS_NAME if is_plain else "a free name"
    is_left = is_twice or not column.header.strip()
    return ProposedColumn(column.header, name, why, guess=guess, is_new=True, is_left=is_left)


def _free_name(column: ColumnProfile, taken: set[str]) -> str:
    """A name that no other column has; of a header in another script little is left in ASCII."""
    name = column_name(column.header)
    if header_key(column.header) != name:
        name = next((it for it in words().deciding if meanings.is_called(column, it)), name)
    name = name if re.match("[a-z]", name) else f"column_{name.strip('_')}".rstrip("_")
    free, number = name, 1
    while free in taken:
        number += 1
        free = f"{name}_{number}"
    taken.add(free)
    return free


def _rivals(fitting: Fit, profile: FileProfile, answers: Answers) -> Iterator[Question]:
    likely = {name: (fitting.matches[name].place, *it) for name, it in fitting.rivals.items()}
    likely |= {it.column: (it.parts["date"], *it.rivals) for it in fitting.pairs if it.rivals}
    for name, places in likely.items():
        headers = [profile.columns[it].header for it in places]
        asks = f"which column is {name}? Several have a usual name of it"
        question = Question(f"{name}{NAMED}", asks, dict.fromkeys(headers, "this one"))
        if answered(question, answers) is None:
            yield question


# --------------------------------------------------------------------------------- a new source

_HOLDS: Mapping[Holds, re.Pattern[str]] = {
    "date": DAY,
    "instant": re.compile(rf"{DAY.pattern}[ T,]+[0-9]{{1,2}}:[0-9]{{2}}.*"),
    "amount": re.compile(r"[-+(]?\D{0,4}[0-9]{1,3}([., ']?[0-9]{3})*[.,][0-9]{2}\D{0,4}\)?-?"),
}


def _new_source(declared: Declarations, profile: FileProfile, asked: Asked) -> Proposal:
    name = asked.source or name_for(asked.names)
    if name in declared.sources:
        raise ProjectError(
            f"{profile.file}: fewer than half of the columns that source {name} needs are found, "
            f"so it may be another file. Say --source {name} if it is that source's, or --source "
            "and a new name"
        )
    taken = {*INGESTED}
    columns = [_new_column(column, taken, asked) for column in profile.columns]
    return Proposal(
        profile=profile,
        source=name,
        is_new=True,
        filepath=filepath_for("", asked.names),
        written=_with_nothing(asked.written, profile.columns),
        columns=columns,
        questions=[
            *asked.questions,
            *(question for column in columns for question in column.form.questions),
        ],
    )


def _new_column(column: ColumnProfile, taken: set[str], asked: Asked) -> ProposedColumn:
    return _typed(_other(column, taken, asked, is_twice=False), column, asked)


def _typed(proposed: ProposedColumn, column: ColumnProfile, asked: Asked) -> ProposedColumn:
    """A column of dates or amounts as such, with how they are written."""
    filled = _without_nothing(column)
    for holds, pattern in _HOLDS.items():
        # What nearly all values say they are; ids and the like stay text.
        if filled.counts and filled.matching(pattern.fullmatch) >= MOST * filled.filled:
            form = form_of(proposed.name, holds, filled, asked.read, asked.answers)
            return replace(proposed, form=form, holds=holds)
    return proposed


# --------------------------------------------------------------------------------- lines of text


def with_lines(written: Written, profile: FileProfile) -> Written:
    """How files are written, with the lines that are no records.

    Args:
        written: What the beginning of the files says.
        profile: Their records, read so.
    """
    layout: dict[str, Any] = dict(written.layout)
    evidence = [*written.evidence]
    if has_second_header(profile):
        layout["header_lines"] = 2
        said = "the first record has words where all others have numbers or dates"
        evidence.append(("has a second header line", said))
    found = totals(profile, str(written.load_args.get("sep", ",")))
    if found:
        layout["skip_lines"] = [it.pattern for it in found]
        evidence.append(("has totals or a footer", plural(sum(it.lines for it in found), "line")))
    return replace(written, layout=layout, evidence=evidence)
