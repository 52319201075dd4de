"""A run: what it was told, what it builds, what it knows, and what of it is still to be done.

Everything that belongs to one run is in one object, which is passed down to whatever works for it.
"""

import math
import os
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import cached_property
from typing import TYPE_CHECKING, TypeAlias

from benepass_tasks.config.errors import ProjectError
from benepass_tasks.config.hash_key import PADS, missing_hash_key
from benepass_tasks.config.project import open_project
from benepass_tasks.config.settings import Settings
from benepass_tasks.engine.session import Warehouse
from benepass_tasks.sqlmodels.cache import Cache
from benepass_tasks.sqlmodels.effective import Definitions, read_definitions
from benepass_tasks.sqlmodels.privacy import require_proof
from benepass_tasks.state.erasures import erased_people
from benepass_tasks.state.expired_ids import ExpiredIds, expired_ids
from benepass_tasks.state.history import runs
from benepass_tasks.state.history.beacon import Beacon
from benepass_tasks.state.markers import Snapshot, now, read_snapshot
from benepass_tasks.state.ownership import (
    refuse_other_environment,
    refuse_other_hash_key,
    refuse_other_project,
)
from benepass_tasks.state.plan import Asker, Node, Plan, assess, in_order
from benepass_tasks.state.publication import folders_of, publications_of
from benepass_tasks.state.source_files import SourceFile, find_files, loaded_files
from benepass_tasks.state.verifications import due_table
from benepass_tasks.state.warehouse import warehouse_of

if TYPE_CHECKING:
    from benepass_tasks.engine.spark import Spark
    from benepass_tasks.sqlmodels.spark import SparkQuery


@dataclass
class Run:
    """One run, or a question about what the next one would do.

    Attributes:
        settings: What it was told.
        nodes_of: What there is to make, given the files that there are.
        is_alone: Whether no other process works on the same nodes, told by a central scheduler.
        id: Its name among all runs.
        clock: Tells the instant, in UTC.
        started_at: When it began, UTC.
        asked: The nodes that it was asked for, as far as this process knows.
        broken: What went wrong outside of the work on a node; quotes no value of the data.
        waiting: The nodes of these that this process has yet to take the write lock for.
        process: The process that it began in; those forked from it take the write lock once each.
    """

    settings: Settings
    nodes_of: "NodesOf"
    is_alone: bool = True
    id: str = field(default_factory=lambda: uuid.uuid4().hex)
    clock: Callable[[], datetime] = now
    started_at: datetime = field(default_factory=now)
    asked: set[str] = field(default_factory=set)
    broken: list[str] = field(default_factory=list)
    waiting: set[str] = field(default_factory=set)
    process: int = field(default_factory=os.getpid)

    @cached_property
    def warehouse(self) -> Warehouse:
        """The warehouse that the settings name."""
        return warehouse_of(self.settings, self.id)

    @cached_property
    def beacon(self) -> Beacon:
        """What tells others that it goes on."""
        return Beacon(self.warehouse, self.id)

    @cached_property
    def definitions(self) -> Definitions:
        """What is to be built: read once, so that a run builds from one state of the project.

        Raises:
            ProjectError: there is no project, it is invalid, or a hash key is missing: that of
                its pseudonyms, or that of the list of people who are erased.
            ModelError: Spark is to compute the tables, and a model cannot be carried over.
            PrivacyError: a personal value could leave it unmasked.
        """
        cache = Cache(self.warehouse.models_cache)
        found = read_definitions(open_project(self.settings.project_dir), cache)
        require_proof(found, cache)
        _require_hash_key(self.settings, found)
        erased_people(self.settings)
        if self.settings.spark:
            _require_queries(found, self.settings)
        return found

    @cached_property
    def spark(self) -> "Spark | None":
        """The server that computes the tables; None where DuckDB does."""
        if self.settings.spark is None:
            return None
        from benepass_tasks.engine.spark import Spark  # noqa: PLC0415 - for few, and slow to import
        from benepass_tasks.sqlmodels.spark.functions import register  # noqa: PLC0415 - as above

        return Spark(self.settings.spark, register)

    @cached_property
    def spark_queries(self) -> Mapping[str, "SparkQuery"]:
        """The models that are written in files, as queries for Spark."""
        return _require_queries(self.definitions, self.settings)

    @cached_property
    def due(self) -> str | None:
        """The table that it compares with a full build, as `verify_every` asks; mostly None."""
        every, declared = self.settings.verify_every, self.definitions.catalog.tables
        if every is None:
            return None
        built = self.known().materializations
        models = self.definitions.graph.models.keys() & built.keys()
        tables = [it for it in models if declared[it].materialized == "table"]
        if not tables:
            return None
        with self.warehouse.read() as connection:
            return due_table(connection, tables, every, self.now())

    def files(self) -> "Files":
        """The source files that there are now or that have vanished, by source; never none.

        Raises:
            ProjectError: a file belongs to two sources.
        """
        sources = self.definitions.catalog.sources.values()
        known = self.known()
        loaded = {
            it.name: [file for file, load in known.loads_of(it.name).items() if not load.is_kept]
            for it in sources
        }
        before = self._look.files if self._look else {}
        found = {
            it.name: tuple(
                loaded_files(it, self.settings, loaded[it.name])
                if self.definitions.catalog.raw_table_of(it.name).relation in known.of_parent
                else find_files(it, self.settings, loaded[it.name], before.get(it.name, ()))
            )
            for it in sources
        }
        _refuse_shared_files(found)
        return found

    def look_again(self) -> None:
        """Look at the files anew, the next time that something of them is asked."""
        self._is_look_old = True

    def nodes(self) -> Mapping[str, Node]:
        """All nodes; others than before only where files have come or gone."""
        return self._looked().nodes

    def plan(self) -> Plan:
        """What is up to date and what is not; worked out again only when something changed.

        Raises:
            ProjectError: the project is invalid, or does not fit the warehouse.
        """
        look = self._looked()
        if look is not self._assessed:
            known = self.known()
            folders = folders_of(self.settings, self.definitions.catalog)
            refuse_other_environment(self.settings, folders.values())
            _refuse_other_masking(self.settings, known)
            refuse_other_hash_key(self.settings, known.hash_key)
            gone = known.undeclared(self.definitions.catalog.tables)
            refuse_other_project(self.warehouse.path, known.owner, self.settings.project_dir, gone)
            asker = Asker(self.id, self.due, self.started_at)
            self._plan = assess(look.in_order, known, look.seen, asker)
            self._assessed = look
        return self._plan

    def upstream_of(self, names: Iterable[str]) -> list[str]:
        """Some nodes and all that these are made of, each after what it is made of."""
        nodes, found, following = self.nodes(), set[str](), list(names)
        while following:
            name = following.pop()
            if name not in found and name in nodes:
                found.add(name)
                following += [*nodes[name].inputs, *nodes[name].after]
        return [name for name in self.plan() if name in found]

    def _looked(self) -> "_Look":
        """The last look at the files, unless that is old or the warehouse has changed since."""
        last, state = self._look, self._state()
        if last and last.state == state and not self._is_look_old:
            return last
        files = self.files()
        if last and files == last.files:
            nodes, ordered = last.nodes, last.in_order
        else:
            made = self.nodes_of(self.settings, self.definitions, files)
            nodes, ordered = {node.name: node for node in made}, tuple(in_order(made))
        seen = {name: state for node in nodes.values() for name, state in node.see().items()}
        look = _Look(state, files, nodes, ordered, seen)
        self._is_look_old = False
        self._look = last if last == look else look
        return self._look

    def known(self) -> Snapshot:
        """What the warehouse holds; read again only when its file has changed."""
        state = self._state()
        if self._known is None or self._known[0] != state:
            self._known = (state, read_snapshot(self.warehouse))
        return self._known[1]

    def _state(self) -> object:
        """The state of the warehouse, by which to tell whether what is known of it is still so.

        Of many rows DuckDB writes some before their transaction ends: the file is another one then,
        and what it holds would be read anew in the midst of it. So a run is asked before.

        Raises:
            RuntimeError: a transaction of this process is open that writes.
        """
        if self.warehouse.is_being_written:
            raise RuntimeError(
                "a run cannot tell what the warehouse holds while this process writes it: ask "
                "before the transaction begins, and pass on what it says"
            )
        return self.warehouse.state

    def expired_ids(self, source: str) -> ExpiredIds | None:
        """The ids of a source's charges that no file brings back; None where there are none.

        Raises:
            ProjectError: there is no key, or another one than that of their digests.
        """
        if not self.warehouse.exists():
            return None
        if source not in self._expired:
            with self.warehouse.read() as connection:
                self._expired[source] = expired_ids(connection, source, self.settings.hash_key)
        return self._expired[source]

    def remember(self, snapshot: Snapshot | None) -> None:
        """Note what the warehouse holds, so that it need not be read; None where it has to be.

        The files are not looked at again for what this run itself has written.
        """
        state = self.warehouse.state
        self._known = None if snapshot is None else (state, snapshot)
        if self._look is not None:
            self._look = replace(self._look, state=state)

    @contextmanager
    def write_lock(self, node: str, patience: float = math.inf) -> Iterator[Warehouse]:
        """The warehouse, while this run holds its write lock, for the sake of a node.

        Args:
            node: The node.
            patience: For how many seconds to wait for it at most; never longer than is set.

        Raises:
            WarehouseError: another run held it for longer than that.
        """
        warehouse = self.warehouse.waiting(patience)
        with warehouse.exclusive(lambda: self.goes_on_after(node)):
            if not self._is_begun:
                known = self.known()
                runs.begin(warehouse, self.beginning, self.beacon)
                self._is_begun = True
                # Where nothing of schema meta was missing, it alone says now that this run is on.
                begun = replace(known, owner=self.settings.project_dir)
                self.remember(begun if known.is_prepared else None)
            yield warehouse

    @property
    def beginning(self) -> runs.Beginning:
        """How it began."""
        return runs.Beginning(self.id, self.started_at, self.settings)

    def now(self) -> datetime:
        """The present instant in UTC."""
        return self.clock()

    def goes_on_after(self, node: str) -> bool:
        """Strike off a node that is done; returns whether this process goes on with another."""
        self.waiting.discard(node)
        is_where_it_began = os.getpid() == self.process
        return bool(self.waiting) and not self.broken and self.is_alone and is_where_it_began

    _is_begun: bool = field(default=False, init=False, repr=False)
    _expired: dict[str, ExpiredIds | None] = field(default_factory=dict, init=False, repr=False)
    _look: "_Look | None" = field(default=None, init=False, repr=False)
    _is_look_old: bool = field(default=False, init=False, repr=False)
    _assessed: "_Look | None" = field(default=None, init=False, repr=False)
    _plan: Plan = field(default_factory=dict, init=False, repr=False)
    _known: tuple[object, Snapshot] | None = field(default=None, init=False, repr=False)


@dataclass(frozen=True, slots=True)
class _Look:
    """What there is to make, as it was seen once.

    Attributes:
        state: The state of the warehouse then.
        files: The source files.
        nodes: What there is to make, by name.
        in_order: The same and its parts, each after what it depends on.
        seen: What the nodes saw outside of the warehouse.
    """

    state: object
    files: "Files"
    nodes: Mapping[str, Node]
    in_order: Sequence[Node]
    seen: Mapping[str, str]


Files: TypeAlias = Mapping[str, Sequence[SourceFile]]
"""The source files by source; where there is none, one that does not exist stands for them."""

NodesOf: TypeAlias = Callable[[Settings, Definitions, Files], Sequence[Node]]


def _require_queries(found: Definitions, settings: Settings) -> Mapping[str, "SparkQuery"]:
    from benepass_tasks.sqlmodels.spark.models import known_queries  # noqa: PLC0415 - as above

    return known_queries(found, settings.variables)


def _require_hash_key(settings: Settings, read: Definitions) -> None:
    if settings.hash_key is None and settings.pii_masking:
        graph = read.graph
        needing = [it.relation for it in graph.models.values() if it.variables.intersection(PADS)]
        needing += [
            f"audience {it.audience.name}"
            for it in publications_of(settings, read.catalog).values()
            if any(graph.macros[name].variables.intersection(PADS) for name in it.macros)
        ]
        if needing:
            raise missing_hash_key(needing)


def _refuse_shared_files(files: Files) -> None:
    owners = dict[str, str]()
    for file in (it for found in files.values() for it in found):
        owner = owners.setdefault(file.name, file.source)
        if owner != file.source:
            raise ProjectError(
                f"catalog.yaml: {file.name} matches the file paths of both {owner} and "
                f"{file.source}; narrow one of them"
            )


def _refuse_other_masking(settings: Settings, known: Snapshot) -> None:
    if known.is_masked not in (None, settings.pii_masking):
        held, wanted = ("masked", "false") if known.is_masked else ("unmasked", "true")
        raise ProjectError(
            f"{settings.warehouse} holds {held} personal data, and one file never holds both: "
            f"with --benepass-pii-masking {wanted}, name another one with --benepass-warehouse, "
            f"such as {settings.warehouse.with_stem(f'{settings.warehouse.stem}-other').name}"
        )
