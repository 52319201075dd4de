"""How far the retention of each source is enforced, and which day decides that."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import date, datetime, timedelta

from sqlalchemy import Connection, delete, insert, update

from benepass_tasks.catalog.datasets import Retention
from benepass_tasks.config.settings import Settings
from benepass_tasks.state.meta import RETENTIONS
from benepass_tasks.state.store import read_all, state_of

FEW = 4
"""Of fewer a share says nothing; only all of them are too many."""

LEAP = 31
"""Days that may lie between two enforcements; after more the clock may be wrong."""


@dataclass(frozen=True, slots=True)
class OtherLimit:
    """How long something is kept that is no record of a source, and may say something of people.

    Attributes:
        what: What it is.
        kept: For how long, or until when.
        setting: What sets that; empty where nothing does.
    """

    what: str
    kept: str
    setting: str = ""

    def __str__(self) -> str:
        """In a line."""
        return f"{self.what}{f' ({self.setting})' if self.setting else ''}: {self.kept}"


def other_limits(settings: Settings) -> list[OtherLimit]:
    """All that is kept besides the records of sources."""
    changes, rejected = settings.keep_changes, settings.keep_rejected
    return [
        OtherLimit("history of runs", f"the last {settings.keep_runs:,} runs", "keep_runs"),
        OtherLimit(
            "rows that went from the marts",
            f"{changes.days} days" if changes else "until the next run",
            "keep_changes",
        ),
        OtherLimit(
            "records that could not be parsed",
            f"{rejected.days} days after their load"
            if rejected
            else "as long after their load as the retention of their source says",
            "keep_rejected",
        ),
        OtherLimit("branches", "as long after their last run", "branch create --keep"),
        OtherLimit("files, schemas and pages of audiences", "one version, until the next one"),
        OtherLimit(
            "tables of Iceberg", f"the last {settings.keep_snapshots} versions", "keep_snapshots"
        ),
        OtherLimit(
            "the log of the database (.wal), and what is written aside", "until a command ends"
        ),
        OtherLimit("logs", "none is written"),
        OtherLimit(
            "source files, and what was read of databases, APIs and buckets",
            "they stay, as what a warehouse is built of",
        ),
        OtherLimit(
            "certificates, and who is erased, as digests", "for good, as they hold no value"
        ),
    ]


@dataclass(frozen=True, slots=True)
class Enforced:
    """A retention as it was last enforced; a row of `meta.retentions`.

    Attributes:
        source: The source.
        declared: What the catalog said then.
        enforced_on: The day that decided.
        oldest: The day of the oldest record that is left, by which it will go; None where none is.
            Where people are anonymised, the earliest day by which somebody will be.
        undated: Records that say no day, and never go.
        has_remains: Whether the file of the warehouse has to be written anew.
    """

    source: str
    declared: str
    enforced_on: date
    oldest: date | None
    undated: int = 0
    has_remains: bool = False

    def leap_to(self, day: date) -> str | None:
        """Why a clock that says this day may be wrong, in words; None where nothing says so."""
        if (day - self.enforced_on).days <= LEAP:
            return None
        return f"the last time that was judged, it was {self.enforced_on}"

    def keep(self, connection: Connection) -> None:
        """Write it down in the place of the one before."""
        state = state_of(connection)
        state.execute(delete(RETENTIONS).where(RETENTIONS.c.source == self.source))
        state.execute(insert(RETENTIONS), [asdict(self)])


def enforced_retentions(connection: Connection) -> dict[str, Enforced]:
    """All that were ever enforced, by source."""
    return {it.source: it for it in read_all(connection, RETENTIONS, Enforced)}


def forget_remains(connection: Connection) -> None:
    """Note that the file of the warehouse was written anew."""
    state_of(connection).execute(update(RETENTIONS).values(has_remains=False))


@dataclass(frozen=True, slots=True)
class KeptFor:
    """How long a setting keeps something that goes by the clock alone, with its guard.

    Attributes:
        what: What it is called in `meta.retentions`.
        keep: How long it is kept.
        now: When that is asked.
        enforced: How that was last enforced; None where it never was.
    """

    what: str
    keep: timedelta
    now: datetime
    enforced: Enforced | None

    @classmethod
    def of(cls, connection: Connection, what: str, keep: timedelta, now: datetime) -> "KeptFor":
        """That of something, as far as it was enforced."""
        return cls(what, keep, now, enforced_retentions(connection).get(what))

    @property
    def declared(self) -> str:
        """What is said of it in `meta.retentions`."""
        return f"kept for {self.keep}"

    def trip(self, due: int, held: int, most: float) -> str | None:
        """The guard that stands against so many of all going, in words; None where none does.

        They come in bursts, so all that there are may be due on a day like any other: how many
        that is only counts where the setting is new.
        """
        if not due:
            return None
        if self.enforced is None or self.enforced.declared != self.declared:
            return too_many(due, held, most)
        return self.enforced.leap_to(self.now.date())

    def write_enforced(self, connection: Connection, *, has_remains: bool) -> None:
        """Keep that it is enforced now, and whether the warehouse has to be written anew."""
        had_remains = self.enforced is not None and self.enforced.has_remains
        left = had_remains or has_remains
        day = self.now.date()
        Enforced(self.what, self.declared, day, None, has_remains=left).keep(connection)


def too_many(due: int, held: int, most: float) -> str | None:
    """Why so many of all must not go at once; None where they may."""
    if due > most * held and (held >= FEW or due == held):
        return f"max_expired is {most:.0%}"
    return None


@dataclass(frozen=True, slots=True)
class Clock:
    """The days that a run knows.

    Attributes:
        as_of: The one that it speaks of.
        today: The one that the computer tells, UTC.
    """

    as_of: date
    today: date

    def day_for(self, enforced: Enforced | None) -> date:
        """The day by which something is past its retention.

        That is the as-of date, but never one that is still to come. A run that looks back brings
        nothing back either: where a later day was enforced, that stands, unless it is to come,
        since then some clock was wrong.
        """
        day = min(self.as_of, self.today)
        if enforced and day < enforced.enforced_on <= self.today:
            return enforced.enforced_on
        return day


NEVER = Clock(date.min, date.min)
"""A clock by which nothing is past anything."""


@dataclass(frozen=True, slots=True)
class Limit:
    """A retention at a moment.

    Attributes:
        retention: What is declared.
        day: The day that decides.
        enforced: How it was last enforced; None where it never was.
    """

    retention: Retention
    day: date
    enforced: Enforced | None

    @classmethod
    def of(
        cls, source: str, retention: Retention, clock: Clock, known: Mapping[str, Enforced]
    ) -> "Limit":
        """That of a source."""
        enforced = known.get(source)
        return cls(retention, clock.day_for(enforced), enforced)

    @property
    def first_kept(self) -> date:
        """The first day whose records are kept."""
        return self.retention.keep.before(self.day)

    @property
    def is_known(self) -> bool:
        """Whether it was enforced as it is declared."""
        return self.enforced is not None and self.enforced.declared == str(self.retention)

    @property
    def is_leap(self) -> bool:
        """Whether so much time has passed since the last time that the clock may be wrong."""
        return self.enforced is not None and self.enforced.leap_to(self.day) is not None

    @property
    def is_due(self) -> bool:
        """Whether something is past it."""
        oldest = self.enforced.oldest if self.enforced else None
        return oldest is not None and oldest < self.first_kept

    @property
    def reason(self) -> str | None:
        """Why the raw table has to be looked through; None where it has not.

        People who are past it are none: their records stay until an erasure makes it anew.
        """
        if not self.is_known:
            return "retention declared"
        if self.is_due and self.retention.then == "delete":
            return "records past their retention"
        return None
