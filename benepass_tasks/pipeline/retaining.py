"""What is past its retention: told beforehand, gone for good, and people anonymised in time."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from datetime import UTC, date, datetime, timedelta

from sqlalchemy import Connection

from benepass_tasks.catalog.datasets import Retention
from benepass_tasks.config.errors import SourceError
from benepass_tasks.config.settings import Settings, on_branch
from benepass_tasks.engine.compaction import compact
from benepass_tasks.engine.session import let_go
from benepass_tasks.ingestion.retention import Expiry, OldRejected
from benepass_tasks.pipeline.anonymising import settle_charges, tables_of
from benepass_tasks.pipeline.erasure.beginning import Wish
from benepass_tasks.pipeline.erasure.certificate import Certificate
from benepass_tasks.pipeline.erasure.erase import build_all, erase, opened_run
from benepass_tasks.pipeline.making import make_outdated
from benepass_tasks.pipeline.nodes.raw_table import RawTableNode
from benepass_tasks.publish.targets import targets_of
from benepass_tasks.state.branches.folders import branches_of
from benepass_tasks.state.branches.grafting import forget_built
from benepass_tasks.state.history.runs import old_runs
from benepass_tasks.state.kept import OldChanges, forget_old_changes
from benepass_tasks.state.publication import publications_of
from benepass_tasks.state.retentions import OtherLimit, forget_remains, other_limits
from benepass_tasks.state.run import Run

SOON = timedelta(30)
"""How far ahead is told what will go."""

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Foreseen:
    """What the retention of a source means for what raw holds now.

    Attributes:
        source: The source.
        table: Its raw table.
        retention: What is declared.
        day: The day that decides.
        first_kept: The first day whose records stay.
        what: What goes one by one: records, people, or charges with all their records.
        held: How many of these there are.
        due: How many of them the next run deletes or anonymises.
        rejected: How many records go that could not be parsed, since they were loaded before.
        undated: How many records say no day, and stay.
        soon: How many more will be due within 30 days.
        next_on: The day on which the next one will be due; None where none is left.
        refused: Why the next run would refuse to do it; None where it would not.
    """

    source: str
    table: str
    retention: Retention
    day: date
    first_kept: date
    what: str
    held: int
    due: int
    rejected: int
    undated: int
    soon: int
    next_on: date | None
    refused: str | None

    def as_json(self) -> dict[str, object]:
        """All of it, as JSON has it."""
        days = {name: str(getattr(self, name)) for name in ("retention", "day", "first_kept")}
        next_on = self.next_on.isoformat() if self.next_on else None
        return asdict(self) | days | {"next_on": next_on}

    def __str__(self) -> str:
        """In a line or two."""
        does = "anonymises" if self.retention.then == "anonymise" else "deletes"
        goes = f"{does} {self.due:,} of {self.held:,} {self.what}, from before {self.first_kept}"
        told = [f"{self.source} ({self.retention}): the next run {goes}"]
        if self.rejected:
            told.append(f"{self.rejected:,} records go that could not be parsed")
        if self.next_on:
            told.append(f"{self.soon:,} more within 30 days, the next on {self.next_on}")
        if self.undated:
            told.append(f"{self.undated:,} records say no day, and stay")
        if self.refused:
            told.append(f"it will refuse to, unless that is accepted: {self.refused}")
        return "; ".join(told)


def foreseen(run: Run) -> list[Foreseen]:
    """Tell what will go of each source that has a retention, and when; deletes nothing."""
    expiries = list(_expiries(run))
    if not expiries:
        return []
    with run.warehouse.read() as connection:
        return [_foreseen(connection, it) for it in expiries]


def _expiries(run: Run) -> Iterator[Expiry]:
    """The retentions of the sources of which raw has something."""
    for node in run.nodes().values():
        expiry = node.expiry(run) if isinstance(node, RawTableNode) else None
        if expiry is not None and expiry.table.relation in run.known().relations:
            yield expiry


def _foreseen(connection: Connection, expiry: Expiry) -> Foreseen:
    limit, ages = expiry.limit, expiry.ages(connection)
    units = expiry.units(connection, ages)
    left = {day: count for day, count in units.days.items() if day >= limit.first_kept}
    soon = limit.retention.keep.before(limit.day + SOON)
    return Foreseen(
        source=expiry.source.name,
        table=expiry.table.relation,
        retention=limit.retention,
        day=limit.day,
        first_kept=limit.first_kept,
        what=expiry.what,
        held=units.held,
        due=units.before(limit.first_kept),
        rejected=ages.rejected_before(limit.first_kept).total(),
        undated=ages.undated,
        soon=sum(count for day, count in left.items() if day < soon),
        next_on=limit.retention.keep.ends_on(min(left)) if left else None,
        refused=expiry.trip(units),
    )


@dataclass(frozen=True, slots=True)
class Going:
    """What the next run deletes of what is no record of a source.

    Attributes:
        limit: How long that is kept.
        due: How much of it goes; None where that is not known before.
        next_on: The day on which more of it will be due; None where nothing is left, or where that
            is no matter of days.
        refused: Why the next run would refuse to, by source or setting.
    """

    limit: OtherLimit
    due: int | None = None
    next_on: date | None = None
    refused: Mapping[str, str] = field(default_factory=dict)

    def __str__(self) -> str:
        """In a line or two."""
        told = [str(self.limit)]
        if self.due is not None:
            told.append(f"the next run deletes {self.due:,}")
        if self.next_on:
            told.append(f"more will be due on {self.next_on}")
        told += [
            f"it will refuse to, unless {name} is accepted: {why}"
            for name, why in self.refused.items()
        ]
        return "; ".join(told)


def others_foreseen(run: Run) -> list[Going]:
    """How long all else is kept, and what of it the next run deletes; deletes nothing."""
    if not run.known().materializations:
        return [Going(it) for it in other_limits(run.settings)]
    with run.warehouse.read() as connection:
        return [_going(connection, run, it) for it in other_limits(run.settings)]


def _going(connection: Connection, run: Run, limit: OtherLimit) -> Going:
    settings = run.settings
    if limit.setting == "keep_runs":
        return Going(limit, len(old_runs(connection, settings.keep_runs - 1)))
    if limit.setting == "keep_changes":
        gone = OldChanges.of(connection, settings.keep_changes, run.now())
        refused = {limit.setting: gone.refusal} if gone.refusal else {}
        return Going(limit, gone.due, gone.next_at.date() if gone.next_at else None, refused)
    if limit.setting == "keep_rejected" and settings.keep_rejected is not None:
        catalog = run.definitions.catalog
        old = OldRejected.of(connection, catalog, settings.keep_rejected, run.now())
        next_on = old.next_at.date() if old.next_at else None
        return Going(limit, sum(old.counts.values()), next_on, old.refusals)
    return Going(limit)


def retain(settings: Settings, say: Say) -> list[Certificate]:
    """Enforce all retentions now, as each run does.

    Args:
        settings: Those of the project.
        say: Told each step, in words.

    Returns:
        What certifies that people were anonymised.

    Raises:
        SourceError: a guard stands; nothing of its source is deleted.
        BenepassError: a table cannot be built; the next run goes on.
    """
    with opened_run(settings) as run:
        say("Bringing everything up to date ...")
        make_outdated(run, tables_of(run))
        settle_charges(run, say)
        build_all(run)
        certificates = anonymise_in_time(run, say)
    # The branches begin anew where this run has ended.
    if has_remains(run):
        remove_remains(run, say)
    return certificates


def has_remains(run: Run) -> bool:
    """Whether bytes are left in the file of the warehouse of what went."""
    return any(it.has_remains for it in run.known().retentions.values())


def remove_remains(run: Run, say: Say) -> None:
    """Remove what may still have what went: of the past of the marts, of branches, and free blocks.

    Args:
        run: A run that has ended.
        say: Told each step, in words.
    """
    with run.warehouse.write() as connection:
        # It cannot be told apart from what went.
        forget_old_changes(connection, None, run.now())
    for branch in branches_of(run.settings):
        say(f"Branch {branch.name} has what its parent has; its next run builds what differs ...")
        let_go()
        forget_built(on_branch(run.settings, branch))
    if run.settings.may_publish:
        publications = publications_of(run.settings, run.definitions.catalog)
        for target in targets_of(publications.values()):
            target.forget_past()
    say("Writing the warehouse anew, without what was past its retention ...")
    compact(run.warehouse)
    with run.warehouse.write() as connection:
        forget_remains(connection)
    run.remember(None)


def anonymise_in_time(run: Run, say: Say) -> list[Certificate]:
    """Erase the people who are past the retention of a source that says so.

    Args:
        run: A run, between two of its nodes.
        say: Told each step, in words.

    Raises:
        SourceError: a guard stands.
    """
    done: list[Certificate] = []
    for source, people in _people_due(run).items():
        retention = run.definitions.catalog.sources[source].retention
        say(f"{source}: {len(people):,} people are past their retention ({retention}) ...")
        wish = Wish(
            people=people,
            at=datetime.now(UTC).isoformat(timespec="seconds"),
            decide=lambda _: False,
            reason=f"retention of {source}: {retention}",
        )
        done += erase(run.settings, wish, say)
        run.remember(None)
        run.look_again()
    return done


def _people_due(run: Run) -> Mapping[str, list[str]]:
    due: dict[str, list[str]] = {}
    for expiry in _expiries(run):
        limit, name = expiry.limit, expiry.source.name
        is_due = limit.retention.then == "anonymise" and limit.is_due
        if not is_due or not expiry.source.is_of_people:
            continue
        with run.warehouse.read() as connection:
            units = expiry.units(connection, expiry.ages(connection))
            last = expiry.last_days(connection)
        people = sorted(who for who, day in last.items() if day < limit.first_kept)
        refusal = expiry.refusal(units)
        if refusal and name not in run.settings.accept:
            raise SourceError(
                f"{name}: {refusal}. Nobody is anonymised, and nothing published. If the date is "
                f"right, and what is declared, let it pass once with --benepass-accept {name}",
                reason=f"refused: {refusal}",
            )
        if people:
            due[name] = people
    return due
