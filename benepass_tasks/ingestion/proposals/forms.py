"""How the amounts, dates and instants of a column are written.

Every way to read them is tried on all values, by the SQL that the pipeline reads them with. Where
two make different things of the same value, the values that only one of them reads decide; without
such values nobody can tell, and it is a question.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from zoneinfo import available_timezones

from benepass_tasks.catalog import wording
from benepass_tasks.config.errors import ProjectError
from benepass_tasks.ingestion.proposals.amounts import (
    CREDIT,
    amount_readings,
    currency_question,
    header_says,
    lettered_question,
    unit_question,
)
from benepass_tasks.ingestion.proposals.dates import (
    NUMBERS,
    abbreviations,
    date_readings,
    is_count,
    is_literal_zone,
    iso_format,
    zone_in,
)
from benepass_tasks.ingestion.proposals.eras import in_common_era
from benepass_tasks.ingestion.proposals.profile import ColumnProfile, of_all
from benepass_tasks.ingestion.proposals.question import Answers, Question, answered
from benepass_tasks.ingestion.proposals.reading import (
    Forms,
    Holds,
    Read,
    Reading,
    Trial,
    WrittenAs,
)
from benepass_tasks.ingestion.proposals.unreadable import told_of

AS_IS = "as_is"
"""What an answer calls the canonical form."""


@dataclass(frozen=True, slots=True)
class Form:
    """How a column is written.

    Attributes:
        written_as: What the column's `written_as` has to say; empty for the canonical form.
        evidence: How many values are valid so, and how many of them only so.
        questions: What the values leave open; what is proposed is then only a part of it.
        unread: How many records have a value that is not valid so.
        told: What is said of those.
    """

    written_as: Forms = field(default_factory=dict)
    evidence: str = ""
    questions: Sequence[Question] = ()
    unread: int = 0
    told: str = ""


def form_of(  # noqa: PLR0913 - each is needed
    name: str,
    holds: Holds,
    column: ColumnProfile,
    read: Read,
    answers: Answers,
    *,
    reporting: str = "USD",
) -> Form:
    """Tell how a column is written.

    Args:
        name: Our name for the column, which a question is called by.
        holds: What it holds.
        column: Its values.
        read: Reads values in a form.
        answers: What was answered so far.
        reporting: The currency of the reports.

    Raises:
        ProjectError: an answer is none of the choices.
    """
    narrow = _translated(column, _NARROW)
    plain = _translated(narrow, _DIGITS)
    common, era = (plain, None) if holds == "amount" else in_common_era(plain)
    readings = _readings(name, holds, common, answers)
    if isinstance(readings, Question):
        return Form(questions=[readings], evidence=f"they look like {column.shapes()}")
    trial = Trial(holds, common, read, readings)
    form = _told(name, holds, trial, answers, reporting)
    said = {"width": "full"} if narrow.counts != column.counts else {}
    said |= {"digits": "any"} if plain.counts != narrow.counts else {}
    said |= {"era": era} if era else {}
    return replace(form, written_as=_with(form.written_as, said)) if said else form


def _told(name: str, holds: Holds, trial: Trial, answers: Answers, reporting: str) -> Form:
    if not trial.read:
        return _tried(trial, {}) if trial.column.counts else Form()
    kept, questions = _kept(name, trial, answers)
    written_as = _amounts(trial, kept) if holds == "amount" else _complete(trial, kept)
    form = replace(_tried(trial, written_as, kept), questions=questions)
    if questions:
        return form
    if not isinstance(written_as, list) and holds == "instant":
        return _with_zone(name, trial, form, written_as, answers)
    if holds != "amount":
        return form
    named = {mark for it in _forms(written_as) for mark in it.get("currency", ())}
    foreign = currency_question(name, trial.column, sorted(named), reporting)
    if foreign and answered(foreign, answers) is None:
        return replace(form, questions=[foreign])
    return _with_unit(name, trial, form, answers)


def _readings(
    name: str, holds: Holds, column: ColumnProfile, answers: Answers
) -> list[Reading] | Question:
    """The ways to read a column, or what has to be answered before there are any."""
    if holds == "amount":
        question = lettered_question(name, column)
        answer = answered(question, answers) if question else CREDIT
        return question if question and not answer else [*amount_readings(column, str(answer))]
    question = _zones_question(name, column) if holds == "instant" else None
    if question is None:
        return [*date_readings(holds, column)]
    answer = answered(question, answers)
    return [*date_readings(holds, column, _zones(question, answer))] if answer else question


_NARROW = {it + 0xFEE0: it for it in range(0x21, 0x7F)} | {0x3000: " "}


_DIGITS = {
    zero + digit: str(digit)
    for zero in map(
        ord,
        "\u0660\u06f0\u0966\u09e6\u0a66\u0ae6\u0b66\u0be6\u0c66\u0ce6\u0d66\u0e50\u0ed0\u0f20\u1040\u17e0",
    )
    for digit in range(10)
} | {0x66B: ".", 0x66C: ",", 0x200E: "", 0x200F: "", 0x61C: ""}
"""What the macro `plain_digits` makes of digits of other scripts."""


def _translated(column: ColumnProfile, plain: Mapping[int, str | int]) -> ColumnProfile:
    """The column with plain digits, letters and signs for others."""
    return replace(column, values=[it and it.translate(plain) for it in column.values])


def _zones_question(name: str, column: ColumnProfile) -> Question | None:
    """What abbreviations of zones stand for, which differs from country to country."""
    found = abbreviations(column)
    if not found:
        return None
    many = of_all(sum(found.values()), column.filled, "values")
    return Question(
        f"{name}.zones",
        f"which offset from UTC do {', '.join(found)} stand for? {many} of {name} end so",
        {},
        ",".join(f"{it}=-05:00" for it in found),
    )


def _zones(question: Question, answer: str) -> dict[str, str]:
    """The offsets that were answered.

    Raises:
        ProjectError: one is none.
    """
    found = dict(it.strip().split("=", 1) for it in answer.split(",") if "=" in it)
    if not found or not all(map(_OFFSET.fullmatch, found.values())):
        raise ProjectError(
            f"--answer {question.name}={answer}: write each abbreviation with its offset, as in "
            f"{question.flags[0]}"
        )
    return found


_OFFSET = re.compile(r"[+-](0[0-9]|1[0-4]):[0-5][0-9]")


def _kept(name: str, trial: Trial, answers: Answers) -> tuple[list[str], list[Question]]:
    """The readings that count, and the question which of some does."""
    rivals = list(trial.conflicts())
    beaten = {it for pair in rivals for it in _beaten(trial, *pair)}
    doubtful = [it for it in trial.read if any(it in pair for pair in rivals) and it not in beaten]
    questions = []
    if len(doubtful) > 1:
        question = _which(name, trial, doubtful)
        answer = answered(question, answers)
        beaten |= {it for it in doubtful if (it or AS_IS) != answer}
        questions = [question] if answer is None else []
    needed = _needed(trial, [it for it in trial.read if it not in beaten])
    grouped = [it for it in needed if trial.chosen[it].get("thousands", "") in tuple(".,")]
    if grouped and not questions and trial.is_unproven:
        question = _which(name, trial, grouped)
        asks = f"{question.asks}. If they have three decimals, export them with two"
        question = replace(question, asks=asks)
        questions = [question] if answered(question, answers) is None else []
    return needed, questions


def _needed(trial: Trial, names: Sequence[str]) -> list[str]:
    """The readings without those that read nothing that the others do not; the plain one first."""
    needed: list[str] = []
    seen: set[str] = set()
    left = [it for it in names if _goes_with_others(trial, it, names)]
    while left:
        best = max(left, key=lambda it: (it == "", len(trial.read[it].keys() - seen)))
        left.remove(best)
        if trial.read[best].keys() - seen:
            needed.append(best)
            seen |= trial.read[best].keys()
    return needed


def _goes_with_others(trial: Trial, name: str, names: Sequence[str]) -> bool:
    """Whether it can be declared beside the others: a number is a number of one thing only."""
    if name not in NUMBERS:
        return True
    mine = trial.records(trial.read[name])
    rivals = names if name.startswith("epoch") else [it for it in names if it in NUMBERS]
    return all(trial.records(trial.read[it]) <= mine for it in rivals)


def _beaten(trial: Trial, one: str, other: str) -> Iterator[str]:
    """Of two readings that conflict the one that reads nothing that the other does not.

    Where both read the same values alike it is the second.
    """
    left, right = trial.read[one], trial.read[other]
    if left.keys() < right.keys():
        yield one
    elif right.keys() < left.keys() or left == right:
        yield other


def _which(name: str, trial: Trial, doubtful: Sequence[str]) -> Question:
    choices = {}
    for it in doubtful:
        valid = of_all(trial.records(trial.read[it]), trial.column.filled, "values are valid so")
        only = trial.only(it)
        says = trial.readings[it].says
        choices[it or AS_IS] = f"{says}: {valid}" + (f", {only:,} only so" if only else "")
    shapes = trial.column.shapes()
    return Question(name, f"how is {name} written? Its values look like {shapes}", choices)


def _forms(written_as: Forms) -> list[WrittenAs]:
    """The forms that say something."""
    forms = written_as if isinstance(written_as, list) else [written_as]
    return [it for it in forms if isinstance(it, dict)]


def _amounts(trial: Trial, kept: Sequence[str]) -> Forms:
    """What `written_as` says of amounts: one form if it reads all, else those that are mixed."""
    single = trial.joined(kept)
    if all(trial.read[it].keys() <= trial.values(single).keys() for it in kept):
        return single
    return trial.listed(kept)


def _complete(trial: Trial, kept: Sequence[str]) -> WrittenAs:
    """What `written_as` says, so that what needs no declaration stays valid beside it."""
    written_as = trial.joined(kept)
    if written_as and "" in kept:
        lost = trial.read[""].keys() - trial.values(written_as).keys()
        formats = dict.fromkeys(filter(None, map(iso_format, sorted(lost))))
        if formats:
            written_as["formats"] = [*written_as.get("formats", ()), *formats]
    if "formats" in written_as:
        named = {word: it for word, it in written_as.items() if word in ("language", "zones")}
        tried = [it for it in written_as["formats"] if trial.values({**named, "formats": [it]})]
        written_as["formats"] = list(dict.fromkeys(tried))
    return written_as


def _tried(trial: Trial, written_as: Forms, kept: Sequence[str] = ()) -> Form:
    """A form with its evidence."""
    column, values = trial.column, trial.values(written_as)
    valid = trial.records(values)
    said = of_all(valid, column.filled, "values are valid")
    pairs = [set(it) for it in trial.conflicts()]
    beaten = [it for pair in pairs if pair & set(kept) for it in pair - set(kept)]
    if beaten:
        rival = {value for it in beaten for value in trial.read[it]}
        only = trial.records(trial.values(written_as).keys() - rival)
        said += f"; {only:,} only so" if only else ""
    said += "" if valid == column.filled else f"; they look like {column.shapes(6)}"
    told = told_of(trial.holds, column.counts.keys() - values.keys())
    return Form(written_as, said, unread=column.filled - valid, told=told)


def _with_unit(name: str, trial: Trial, form: Form, answers: Answers) -> Form:
    """The form, with the unit and the sign that the header says, or that were answered."""
    said = header_says(trial.column)
    question = unit_question(name, trial.column)
    if question:
        answer = answered(question, answers)
        if answer is None:
            return replace(form, questions=[question])
        said |= {"unit": "cents"} if answer == "cents" else {}
        if answer != "cents":
            said.pop("unit", None)
    if answers.get("refunds") in ("spend", "spend_net"):
        said["sign"] = "spend_is_negative"
    return replace(form, written_as=_with(form.written_as, said))


def _with(written_as: Forms, said: WrittenAs) -> Forms:
    """The same of each form; nothing is the canonical one any more."""
    if not said or not isinstance(written_as, list):
        return written_as | said if isinstance(written_as, dict) else written_as
    return [said if it == "canonical" else it | said for it in written_as]


def _with_zone(
    name: str, trial: Trial, form: Form, written_as: WrittenAs, answers: Answers
) -> Form:
    """The form, with the zone of local times, which nobody can tell from the values."""
    local = [it for it in trial.values(written_as) if not _is_zoned(it, written_as)]
    formats = written_as.get("formats", ())
    literal = [it for it in formats if is_literal_zone(it)]
    if not local:
        zone = {"zone": "UTC"} if literal else {}
        return replace(form, written_as=written_as | zone)
    question = Question(
        f"{name}.zone",
        f"in which time zone is {name}? {of_all(trial.records(local), trial.column.filled, 'say')} "
        "none",
        {},
        "America/New_York",
    )
    zone_name = answered(question, answers)
    if zone_name is None:
        return replace(form, questions=[question])
    if zone_name not in available_timezones():
        near = wording.meant(wording.nearest(zone_name, available_timezones()))
        raise ProjectError(
            f"--answer {question.name}={zone_name}: there is no such zone"
            + (near or "; write it as America/New_York")
        )
    zoned: Forms = written_as | {"zone": zone_name}
    if literal and zone_name != "UTC":
        # Their instants are in UTC, and one form would have them in the zone.
        zoned = _apart(trial, written_as, literal, zone_name)
    return _tried(trial, zoned)


def _apart(trial: Trial, written_as: WrittenAs, literal: Sequence[str], zone: str) -> Forms:
    """Instants in UTC by their format in a form of their own, beside local ones."""
    local = {word: it for word, it in written_as.items() if word != "formats"}
    formats = [it for it in written_as["formats"] if it not in literal]
    local |= {"formats": formats} if formats else {}
    utc: WrittenAs = {"formats": list(literal), "zone": "UTC"}
    is_canonical = trial.values(utc).keys() <= trial.values({}).keys()
    return ["canonical" if is_canonical else utc, local | {"zone": zone}]


def _is_zoned(value: str, written_as: WrittenAs) -> bool:
    is_named = value.endswith(tuple(written_as.get("zones", ())))
    return is_named or zone_in(value) is not None or ("epoch" in written_as and is_count(value))
