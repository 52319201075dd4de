"""What is up to date, what has to be made, and why: one loop over a graph of nodes.

A node is whatever a run makes: the rows of a file, a table, a proof, what is published. It has a
fingerprint, a digest of its code version and of the data hashes of its inputs, and is up to date
while its materialization record holds the fingerprint that would be computed now. Since it is the
data that counts, an input that was made again with the same rows leaves what is downstream up to
date.

Judging is pure. What a node knows of files outside of the warehouse it `sees` beforehand.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Literal, TypeAlias

from sqlalchemy import Connection

from benepass_tasks.config.digests import digest
from benepass_tasks.config.errors import BenepassError, WarehouseError
from benepass_tasks.config.spark_server import EngineName, on_engine
from benepass_tasks.engine.measure import Measure
from benepass_tasks.state.markers import Materialization, Snapshot
from benepass_tasks.state.nodes import Kind

if TYPE_CHECKING:
    from benepass_tasks.state.run import Run

WAITING = "input to be built"
"""Why a node is not up to date of which an input is not either."""


@dataclass(frozen=True, slots=True)
class Status:
    """Whether a node is up to date.

    Attributes:
        reason: Why it has to be made; None where it is up to date.
        fingerprint: What its record will hold; None while an input is not up to date.
        data_hash: Digest of what it holds; None where it is not up to date.
        code_version: Digest of how it is made.
    """

    reason: str | None
    fingerprint: str | None
    data_hash: str | None
    code_version: str

    @property
    def is_current(self) -> bool:
        """Whether nothing has to be done."""
        return self.reason is None


Plan = Mapping[str, Status]
"""Status by node."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """What a node is judged by.

    Attributes:
        known: What the warehouse holds.
        seen: What the nodes have seen outside of it: by node or file, its state.
        run_id: This run, in which what was forced is made once, and what was published stays so.
        statuses: The statuses of the nodes that it depends on, at least.
        due: The table that is compared with a full build in this run; None where none is.
        began: When this run began, UTC; None where that does not matter.
    """

    known: Snapshot
    seen: Mapping[str, str]
    run_id: str
    statuses: Plan
    due: str | None = None
    began: datetime | None = None

    def record(self, name: str) -> Materialization | None:
        """The record of a node, if it was ever made."""
        return self.known.materializations.get(name)

    def is_ours(self, name: str) -> bool:
        """Whether it was this run that made a node."""
        record = self.record(name)
        return record is not None and record.run_id == self.run_id

    def first_reason(self, names: Iterable[str]) -> str | None:
        """Why the first of some nodes has to be made that has to be."""
        return next(filter(None, (self.statuses[name].reason for name in names)), None)


@dataclass(frozen=True, slots=True)
class How:
    """How a table was built.

    Attributes:
        how: In `full`, by `changes`, `unchanged` since nothing that changed counts, or only the
            `months` that were asked for.
        touched_rows: How many rows went or came; None where that was not found out.
        why_full: Why not by changes, where it was there before.
        changed_rows: How many rows of what it reads had changed, where it was found out from these.
        engine: What computed its rows, where any were.
    """

    how: Literal["full", "changes", "unchanged", "months"]
    touched_rows: int | None = None
    why_full: str | None = None
    changed_rows: int | None = None
    engine: EngineName | None = "duckdb"

    def __str__(self) -> str:
        """In a few words."""
        if self.how == "changes":
            return f"by changes, {self.touched_rows:,} rows touched"
        on = on_engine(self.engine)
        return f"in full{on}: {self.why_full}" if self.why_full else f"{self.how}{on}"


@dataclass(frozen=True, slots=True)
class Outlook:
    """How a table would be made, as far as can be told before anything is.

    Attributes:
        how: As `How` has it; by `changes` unless more rows have changed by then than pay.
        why: Why in full, or what is done with it though nothing has changed.
        changed_rows: How many rows of what it reads have changed; None where that is not known yet.
        seconds: How long it took the last time, by how it was made.
        engine: What would compute its rows; None where none are.
    """

    how: Literal["full", "changes", "unchanged"]
    why: str | None
    changed_rows: int | None
    seconds: Mapping[str, float]
    engine: EngineName | None = "duckdb"


@dataclass(frozen=True, slots=True)
class Made:
    """What came of making a node.

    Attributes:
        measures: What is recorded: of the node and its parts, by name, what came out. Where the
            node itself is not among them, it has to be made again.
        known: What the warehouse holds now, but for these records; None where it has to be read.
        void: The names of records that are void.
        said: What to say about it; empty where rows and seconds say it.
        failure: What is raised once all of this is kept.
        how: How a table was built.
    """

    measures: Mapping[str, Measure]
    known: Snapshot | None = None
    void: Collection[str] = ()
    said: str = ""
    failure: BenepassError | None = None
    how: How | None = None


Work: TypeAlias = Callable[[Connection], Made]
"""What is left to do in the transaction that also writes the records."""


class OtherWorkError(Exception):
    """Some work could not be done; what it did is rolled back, and other work takes its place."""

    def __init__(self, work: Work) -> None:
        """Note what is to be done instead."""
        super().__init__()
        self.work = work


OnProgress: TypeAlias = Callable[[float], None]
"""Told which share of something is done."""


class Node(ABC):
    """Something that a run makes; a new kind of it is one class.

    By default it is judged by its record and by its inputs. A kind overrides `reason` for what else
    it has to be made again for, and calls the original for the rest.
    """

    kind: Kind
    """What it is; its records say so."""

    never_made = "first run"
    """The reason where there is no record."""

    @property
    @abstractmethod
    def name(self) -> str:
        """What it is called, in plans, records and messages."""

    @property
    @abstractmethod
    def code_version(self) -> str:
        """Digest of how it is made: what is made anew when that changes."""

    @property
    def changed(self) -> str:
        """The reason where the record has another fingerprint."""
        return "input changed"

    @property
    def already(self) -> str:
        """What to say where another run has made it meanwhile."""
        return "up to date"

    @property
    def rows(self) -> str:
        """What its rows are called, where they are counted."""
        return "rows"

    @property
    def inputs(self) -> Sequence[str]:
        """The nodes whose data it is made of."""
        return ()

    @property
    def after(self) -> Sequence[str]:
        """The nodes that have to be up to date before it is made, whatever their data."""
        return ()

    @property
    def parts(self) -> "Sequence[Node]":
        """The nodes that are made together with it, and by no task of their own."""
        return ()

    def see(self) -> Mapping[str, str]:
        """Look at what is outside of the warehouse: by node or file, its state."""
        return {}

    def judge(self, evidence: Evidence) -> Status:
        """Tell whether it has to be made."""
        fingerprint = self.fingerprint(evidence)
        reason = self.reason(evidence, fingerprint)
        data_hash = self.data_hash(evidence) if reason is None else None
        return Status(reason, fingerprint, data_hash, self.code_version)

    def fingerprint(self, evidence: Evidence) -> str | None:
        """What its record should hold; None where an input is not up to date."""
        if evidence.first_reason(self.after) is not None:
            return None
        return fingerprint_of(
            self.code_version, {name: evidence.statuses[name].data_hash for name in self.inputs}
        )

    def reason(self, evidence: Evidence, fingerprint: str | None) -> str | None:
        """Why it has to be made; None where it is up to date."""
        record = evidence.record(self.name)
        if fingerprint is None:
            return WAITING
        if record is None:
            return self.never_made
        return None if record.fingerprint == fingerprint else self.changed

    def data_hash(self, evidence: Evidence) -> str | None:
        """Digest of what it holds, where it is up to date."""
        record = evidence.record(self.name)
        return record.data_hash if record else None

    def make(self, run: "Run", status: Status, on_progress: OnProgress) -> Work:  # noqa: ARG002
        """Do what is done outside of the warehouse; returns what is left to do in it.

        Args:
            run: The run that makes it, which holds the write lock.
            status: Why it is made.
            on_progress: Told how far it is, where it may take long.

        Raises:
            BenepassError: it cannot be made. What was there before stays.
        """
        raise WarehouseError(f"{self.name} is made by what it depends on; run again")

    def finish(self, run: "Run") -> None:  # noqa: B027 - for most there is nothing left
        """Do what is left to do once it is recorded."""


def fingerprint_of(code_version: str, hashes: Mapping[str, str | None]) -> str | None:
    """Digest of how something is made and of the data it is made of; None where some is missing."""
    parts = []
    for name, data_hash in sorted(hashes.items()):
        if data_hash is None:
            return None
        parts.append(f"{name} {data_hash}")
    return digest(code_version, *parts)


@dataclass(frozen=True, slots=True)
class Asker:
    """The run that asks what is up to date.

    Attributes:
        run_id: Its id.
        due: The table that it is to compare with a full build; None where none is.
        began: When it began, UTC; None where that does not matter.
    """

    run_id: str
    due: str | None = None
    began: datetime | None = None


def assess(
    nodes: Iterable[Node], known: Snapshot, seen: Mapping[str, str], asker: Asker
) -> dict[str, Status]:
    """Compare what the warehouse holds with what there is to make it from.

    Args:
        nodes: All nodes and their parts, as `in_order` gives them.
        known: What the warehouse holds.
        seen: What the nodes have seen.
        asker: The run that asks.

    Returns:
        The status of each.
    """
    statuses: dict[str, Status] = {}
    about = (asker.run_id, statuses, asker.due, asker.began)
    for node in nodes:
        statuses[node.name] = node.judge(Evidence(known, seen, *about))
    return statuses


def in_order(nodes: Iterable[Node]) -> Iterator[Node]:
    """Nodes and their parts, each after those that it depends on, but otherwise as they are.

    Raises:
        KeyError: a node depends on one that there is not.
    """
    there = {node.name: node for whole in nodes for node in (*whole.parts, whole)}
    done: set[str] = set()

    def until(node: Node) -> Iterator[Node]:
        if node.name not in done:
            done.add(node.name)
            for name in (*node.inputs, *node.after, *(part.name for part in node.parts)):
                yield from until(there[name])
            yield node

    for node in there.values():
        yield from until(node)
