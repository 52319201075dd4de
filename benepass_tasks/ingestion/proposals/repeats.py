"""Records of one id: sent again, restated, or others because the ids begin anew in each file."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from benepass_tasks.ingestion.proposals.columns import Fit
from benepass_tasks.ingestion.proposals.profile import FileProfile, of_all, plural
from benepass_tasks.ingestion.proposals.question import Question

HALF = 0.5


@dataclass(frozen=True, slots=True)
class Repeats:
    """What ids that come again say.

    Attributes:
        again: Ids that are in more than one file.
        alike: Those of them whose records say the same.
        others: Those of them whose records are of other people, accounts or times.
        within: Ids that a file has more than once, with other values.
    """

    again: int
    alike: int
    others: int
    within: int

    @property
    def restart(self) -> bool:
        """Whether the ids look as if they began anew in each file."""
        return self.again > 0 and self.others >= HALF * self.again


def repeats(fit: Fit, profiles: Sequence[FileProfile]) -> Repeats:
    """Compare the records of each id, within a file and between files.

    Args:
        fit: Which column is which.
        profiles: The files, which have one and the same header.
    """
    own = next(iter(fit.source.columns))
    if own not in fit.matches:
        return Repeats(0, 0, 0, 0)
    come_again = _ids_that_come_again(fit.matches[own].place, profiles)
    files = [_by_id(fit, own, profile, come_again) for profile in profiles]
    within = sum(len(set(records)) > 1 for file in files for records in file.values())
    latest: dict[str, tuple[str, ...]] = {}
    again, alike, others = set(), set(), set()
    columns = fit.source.columns
    telling = [
        place
        for place, name in enumerate(fit.matches)
        if name != own and (name.endswith("_id") or columns[name].form.holds == "instant")
    ]
    for file in files:
        for key, records in file.items():
            before = latest.get(key)
            if before is not None:
                again.add(key)
                if before == records[-1]:
                    alike.add(key)
                elif any(before[it] != records[-1][it] for it in telling):
                    others.add(key)
            latest[key] = records[-1]
    return Repeats(len(again), len(alike - others), len(others), within)


def _ids_that_come_again(place: int, profiles: Sequence[FileProfile]) -> frozenset[str]:
    """The ids of more than one record; of most files these are few, and no others are kept."""
    counts = Counter[str]()
    for profile in profiles:
        counts.update(profile.columns[place].counts)
    return frozenset(it for it, count in counts.items() if count > 1)


def _by_id(
    fit: Fit, own: str, profile: FileProfile, wanted: frozenset[str]
) -> Mapping[str, list[tuple[str, ...]]]:
    places = [match.place for match in fit.matches.values()]
    records: dict[str, list[tuple[str, ...]]] = {}
    for number, value in enumerate(profile.columns[fit.matches[own].place].values):
        key = (value or "").strip()
        if key in wanted:
            fields = profile.record(number)
            records.setdefault(key, []).append(tuple(fields[it] for it in places))
    return records


def questions(fit: Fit, found: Repeats, others: Iterable[str] = ()) -> Iterator[Question]:
    """What the ids leave open.

    Args:
        fit: Which column is which.
        found: What the ids say.
        others: The other columns that have dates.
    """
    own = next(iter(fit.source.columns))
    known = fit.source.records.key[1:]
    if found.restart and not known:
        yield Question(
            "key",
            "do the ids begin anew in each file? "
            f"{of_all(found.others, found.again, f'{own}s')} that are in more than one file are of "
            "other people, accounts or times there",
            {
                "file": f"yes: a record is identified by {own} and its file",
                "id": f"no: a later record of the same {own} takes the place of the earlier one",
            },
        )
    dates = [it for it in ("hire_date", "opened_on") if it in fit.matches]
    # Charges have no such date, and those of one id in a file are a conflict.
    dates += others if dates else ()
    if found.within and dates and not fit.source.records.ordered_by:
        yield Question(
            "ordered_by",
            f"which record counts? Of {plural(found.within, own)} there are several that differ",
            {it: f"the one with the latest {it}" for it in dates}
            | {"_source_file": "the last in the file"},
        )
