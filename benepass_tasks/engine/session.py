"""Sessions on the warehouse file.

A process keeps one in-memory DuckDB and attaches the warehouse to it only while a session is open:
attaching takes under a millisecond where opening a database takes about twenty, and between
sessions the file is free for other processes. A run that goes from one table to the next keeps the
write lock and the file until another process waits, since each time it lets go DuckDB writes out
what has changed, and forgets what it has read. Only the process that holds the write lock has the
file open for writing. Where the warehouse is in object storage, the file is a copy of it, and who
takes the write lock takes that as well (`engine/shared/`).
"""

import importlib
import os
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import IO, Any, Protocol, TypeAlias

import duckdb
from sqlalchemy import Connection, Engine

from benepass_tasks.config.errors import LaterWarehouseError, OutdatedWarehouseError, WarehouseError
from benepass_tasks.config.settings import models_cache
from benepass_tasks.engine.disk import wal_of
from benepass_tasks.engine.quoting import quote_name, quote_text
from benepass_tasks.engine.shared import Shared, Turn
from benepass_tasks.engine.write_lock import Wait, acquire_write_lock, is_awaited

CONFIG: dict[str, str | bool | int | float | list[str]] = {
    # Rows have numbers; to keep their order as well would cost memory and time.
    "preserve_insertion_order": False,
    # A run asks nothing of the network.
    "autoinstall_known_extensions": False,
}

ALIAS = "warehouse"
"""The name of the attached database; fixed, since a file named like a schema is ambiguous."""


Files: TypeAlias = tuple[tuple[int, ...], tuple[int, ...]]
"""A DuckDB file and its log: inode, size and times of each; empty where it is not there."""

Run: TypeAlias = Callable[[str], list[tuple[Any, ...]]]
"""Runs a statement and returns its rows."""


class OwnTables(Protocol):
    """The tables that the program itself keeps in every warehouse."""

    VERSION: str
    """Their version; that of a later release is greater."""

    def version_of(self, connection: Connection) -> str | None:
        """Their version in a warehouse; None where nothing was ever written.

        Raises:
            OwnershipError: the warehouse is not that of who asks.
        """

    def prepare_tables(self, connection: Connection, variables: Mapping[str, str]) -> None:
        """Create them, or bring them to this version."""

    def refuse_moved(self, connection: Connection) -> None:
        """Stop where what the warehouse reads of its parent is not what it knows of it."""

    def joined(
        self, session: AbstractContextManager[Connection]
    ) -> AbstractContextManager[Connection]:
        """A session that is about to be opened, with them at hand."""


@dataclass(frozen=True, slots=True)
class Warehouse:
    """The warehouse file of a run, and how it is opened.

    Attributes:
        path: The file.
        memory_limit: How much memory DuckDB may take, such as `1200MB`.
        lock_timeout: Seconds to wait for others.
        variables: What SQL reads with `getvariable`: names with SQL literals.
        tables: The program's own tables, which it has from its first session on.
        beside: Other DuckDB files that its sessions read, by the names of their databases.
        shared: What the file is a copy of, where the warehouse is in object storage.
    """

    path: Path
    memory_limit: str
    lock_timeout: float = field(compare=False)
    variables: tuple[tuple[str, str], ...] = field(repr=False)
    tables: OwnTables = field(repr=False, compare=False)
    beside: tuple[tuple[str, Path], ...] = ()
    shared: Shared | None = field(default=None, repr=False, compare=False)

    def refresh(self) -> None:
        """Fetch what others have made of a shared warehouse, unless this process has it open."""
        if self.shared and self._hold.write_lock is None and not self._hold.attached:
            self.shared.refresh(self.lock_timeout)

    def waiting(self, patience: float) -> "Warehouse":
        """The same, but for waiting no longer than some seconds for others."""
        return replace(self, lock_timeout=min(self.lock_timeout, patience))

    def exists(self) -> bool:
        """Whether the file is there."""
        return self.path.is_file()

    @property
    def working_dir(self) -> Path:
        """Folder beside the warehouse for what a load needs while it runs."""
        return self.path.with_name(f".{self.path.stem}.work")

    @property
    def models_cache(self) -> Path:
        """File beside the warehouse for what was found out about the project."""
        return models_cache(self.path)

    @property
    def state(self) -> tuple[Files, ...]:
        """What changes whenever the warehouse is written, or one beside it: times and sizes.

        It stays the same where this process has merely let go of it, and DuckDB has written its log
        into the file.
        """
        return tuple(_state_of(it) for it in (self.path, *(path for _, path in self.beside)))

    @property
    def is_being_written(self) -> bool:
        """Whether a transaction of this process that writes is open: its rows are not all there."""
        return self._hold.is_writing

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """A session that only reads; the file must exist.

        Raises:
            OutdatedWarehouseError: an earlier release wrote the file last.
            LaterWarehouseError: a later one did.
            OwnershipError: it is the warehouse of another environment.
        """
        with self._session("read_only") as engine:
            if not self._hold.has_meta:
                self._refuse_other(self._version_in(engine))
                self._refuse_moved(engine)
            with self._joined(engine.connect()) as connection:
                yield connection

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """A session in one transaction: committed at the end, rolled back on an error.

        It takes the write lock unless this process holds it already. What an earlier release wrote
        is brought up to date first.

        Raises:
            LaterWarehouseError: a later release wrote the file last.
            OwnershipError: it is the warehouse of another environment.
        """
        with self._locked(), self._session("read_write") as engine:
            if not self._hold.has_meta:
                self._refuse_later(self._version_in(engine))
                self._refuse_moved(engine)
            try:
                with self._joined(engine.begin()) as connection:
                    if not self._hold.has_meta:
                        self.tables.prepare_tables(connection, dict(self.variables))
                    self._hold.is_writing = True
                    yield connection
            except BaseException:
                self._hold.seen.clear()
                raise
            finally:
                self._hold.is_writing = False
            self._hold.has_meta = True

    def _refuse_other(self, version: str | None) -> None:
        self._refuse_later(version)
        if version is not None and version < self.tables.VERSION:
            raise OutdatedWarehouseError(
                f"{self.path} was written by an earlier release of benepass-tasks; the next "
                "run upgrades it: `benepass run`"
            )

    def _refuse_later(self, version: str | None) -> None:
        if version is not None and version > self.tables.VERSION:
            raise LaterWarehouseError(
                f"{self.path} was written by a later release of benepass-tasks: its schema meta "
                f"has version {version}, and this release knows those up to "
                f"{self.tables.VERSION}. Install that release, restore a backup, or name another "
                "file with --benepass-warehouse"
            )

    def _version_in(self, engine: Engine) -> str | None:
        # Not where the error about it is raised, which would keep the connection alive.
        with self._joined(engine.connect()) as connection:
            return self.tables.version_of(connection)

    def _refuse_moved(self, engine: Engine) -> None:
        if self.beside:
            with self._joined(engine.connect()) as connection:
                self.tables.refuse_moved(connection)

    @contextmanager
    def _joined(self, session: AbstractContextManager[Connection]) -> Iterator[Connection]:
        with self.tables.joined(session) as connection:
            yield connection.execution_options(**{_SEEN: self._hold.seen})

    @contextmanager
    def copying(self) -> Iterator[Run]:
        """A read-only session for writing other files: each statement by itself, rows in order.

        The warehouse is attached as `ALIAS`; what else is attached, the caller detaches.
        """
        with self._session("read_only") as engine:
            raw = engine.raw_connection()
            cursor = raw.cursor()

            def run(sql: str) -> list[tuple[Any, ...]]:
                cursor.execute(sql)
                return list(cursor.fetchall())

            try:
                run("set preserve_insertion_order = true")
                yield run
            finally:
                run("set preserve_insertion_order = false")
                raw.close()

    @contextmanager
    def native(self) -> Iterator[duckdb.DuckDBPyConnection]:
        """A connection of its own, for a library that manages its transactions.

        What it names must be in the database `ALIAS`.
        """
        with self._locked(), self._session("read_write") as engine:
            raw = engine.raw_connection()
            own: duckdb.DuckDBPyConnection = raw.driver_connection.duplicate()  # type: ignore[union-attr]
            try:
                yield own
            finally:
                own.close()
                raw.close()
                self._hold.seen.clear()

    @contextmanager
    def exclusive(self, keeps: Callable[[], bool] = lambda: False) -> Iterator[None]:
        """Let one task of all runs on this warehouse work at a time; files made are private.

        The file stays attached throughout. The file and the write lock are kept afterwards, for the
        next task of this process, where `keeps` says so and no other process waits.

        Raises:
            WarehouseError: another run held the write lock for longer than the time-out.
        """
        hold, is_kept, umask = self._hold, False, os.umask(0o077)
        try:
            if hold.write_lock is None or hold.is_working:
                self._take()
            hold.is_working = True
            try:
                # A killed load may have left its files, and with them records.
                shutil.rmtree(self.working_dir, ignore_errors=True)
                yield
                # Whoever owns a file beside it must not wait for longer than for one task.
                is_kept = keeps() and not self.beside and not is_awaited(self.path)
            finally:
                hold.is_working = False
                if not is_kept or (hold.turn and hold.turn.is_due):
                    let_go()
        finally:
            os.umask(umask)

    @contextmanager
    def kept(self) -> Iterator[None]:
        """Have a shared warehouse throughout, to give it back once; of any other nothing is kept.

        Raises:
            WarehouseError: another run had it for longer than the time-out.
        """
        hold = self._hold
        if self.shared is None or hold.is_kept:
            yield
            return
        if hold.write_lock is None:
            self._take()
        hold.is_kept = True
        try:
            yield
        finally:
            hold.is_kept = False
            let_go()

    def save(self) -> None:
        """Give a shared warehouse back as it is by now, if this process has it, and keep it."""
        if turn := self._hold.turn:
            self._hold.detach(self.path)
            turn.save()

    def _take(self) -> None:
        """Take the write lock, and with it what the file is a copy of."""
        lock = self._acquire_write_lock()
        try:
            if self.shared:
                self._hold.turn = self.shared.take(self._patience)
        except TimeoutError as error:
            lock.close()
            raise self._in_use(self.shared, str(error)) from None
        except BaseException:
            lock.close()
            raise
        self._hold.write_lock = lock

    @property
    def _hold(self) -> "_Hold":
        return _holds.setdefault(self.path, _Hold())

    def _locked(self) -> AbstractContextManager[None]:
        return nullcontext() if self._hold.is_working else self.exclusive()

    def _acquire_write_lock(self) -> IO[str]:
        try:
            return acquire_write_lock(self.path, self._patience)
        except TimeoutError as error:
            raise self._in_use() from error

    @contextmanager
    def _session(self, mode: str) -> Iterator[Engine]:
        engine, hold = _engine(self), self._hold
        is_within_another = bool(hold.attached)
        if not is_within_another:
            self._attach(engine, mode if hold.write_lock is None else "read_write")
        try:
            yield engine
        finally:
            if not is_within_another and hold.write_lock is None:
                let_go()

    def _attach(self, engine: Engine, mode: str) -> None:
        if self.beside and not self.exists():
            # It was deleted under the hands of this process, and nobody asked for a new one.
            raise WarehouseError(f"{self.path} is not there any more")
        raw = engine.raw_connection()
        try:
            run = raw.cursor().execute
            # By a name such as employees.csv alone, DuckDB takes it for data, and keeps nothing.
            options = f"type duckdb, {mode}"
            self._wait(lambda: run(f"attach {quote_text(str(self.path))} as {ALIAS} ({options})"))
            self._hold.attached.append(ALIAS)
            for name, path in self.beside:
                self._attach_beside(run, name, path)
            run(f"use {ALIAS}")
        except BaseException:
            let_go()
            raise
        finally:
            raw.close()
        self._hold.has_meta = False
        self._hold.gave_up_after = None
        # Now that it is attached, no other process writes it.
        if self.beside or self._hold.left != _files_of(self.path):
            self._hold.seen.clear()

    def _attach_beside(self, run: Callable[[str], object], name: str, path: Path) -> None:
        """Open another warehouse for reading, once a run that holds its write lock has let go."""
        if not path.is_file():
            raise WarehouseError(f"{path} is not there, which {self.path} reads from")
        attaching = f"attach {quote_text(str(path))} as {quote_name(name)} (read_only)"
        held = _holds.get(path)
        try:
            with (
                nullcontext()
                if held and held.write_lock
                else acquire_write_lock(path, self._patience)
            ):
                self._keep_trying(lambda: run(attaching), path)
        except TimeoutError as error:
            raise self._in_use(path) from error
        self._hold.attached.append(name)

    def _wait(self, attempt: Callable[[], object]) -> None:
        """Open the file, as soon as no other process has it open."""
        try:
            attempt()
        except duckdb.IOException as error:
            if not _is_locked(error):
                raise WarehouseError(
                    f"{self.path} cannot be opened: {error}. If it is damaged, move it away: "
                    "the next run rebuilds it"
                ) from error
            if self._hold.write_lock is not None:
                self._keep_trying(attempt)
                return
            # A run lets go of it where another process waits; any other process, some time.
            with self._acquire_write_lock():
                self._keep_trying(attempt)

    def _keep_trying(self, attempt: Callable[[], object], path: Path | None = None) -> None:
        import tenacity  # noqa: PLC0415 - rarely needed, and slow to import

        wait = Wait(path or self.path, self._patience)
        try:
            tenacity.Retrying(
                retry=tenacity.retry_if_exception(_is_locked),
                stop=tenacity.stop_after_delay(self._patience),
                wait=tenacity.wait_random_exponential(0.05, max=1.0),
                before_sleep=lambda _: wait.warn(),
            )(attempt)
        except tenacity.RetryError as error:
            raise self._in_use(path) from error

    @property
    def _patience(self) -> float:
        """Seconds to wait for others: once for as long as is said, and from then on not at all."""
        return self.lock_timeout if self._hold.gave_up_after is None else 0.0

    def _in_use(self, place: object = None, holder: str = "another process") -> WarehouseError:
        if self._hold.gave_up_after is None:
            self._hold.gave_up_after = self.lock_timeout
        return WarehouseError(
            f"{place or self.path} was in use by {holder} for "
            f"{self._hold.gave_up_after:g} s: close what has it open, or wait longer with "
            "--benepass-lock-timeout"
        )


def use(session: Connection, database: str) -> None:
    """Let the tables that SQL names be those of a database: of the warehouse, or one beside it."""
    session.exec_driver_sql(f"use {quote_name(database)}")
    session.execution_options(**{_IN_USE: database})


def seen_in(session: Connection) -> dict[str, Any]:
    """What sessions of this process have seen in the warehouse, by what it is about.

    It is forgotten as soon as another process writes the warehouse, a transaction of this one
    fails, or a library writes it. While another database is in use, nothing is known.
    """
    options = session.get_execution_options()
    seen: dict[str, Any] = options.get(_SEEN, {}) if options.get(_IN_USE, ALIAS) == ALIAS else {}
    return seen


_SEEN, _IN_USE = "seen", "database in use"
"""What a session knows, as options of its connection."""


def import_dialect() -> None:
    """Import what the first session needs, for this process and those forked from it.

    A process that imports it only on its way out leaves objects behind, and DuckDB complains.
    """
    importlib.import_module("benepass_tasks.engine.dialect")


def _engine(warehouse: Warehouse) -> Engine:
    """The process's DuckDB, where larger tables spill beside the warehouse that they go to."""
    if warehouse not in _engines:
        from benepass_tasks.engine.dialect import create_memory_engine  # noqa: PLC0415

        close()
        _engines[warehouse] = create_memory_engine(
            {**CONFIG, "memory_limit": warehouse.memory_limit}
        )
        with _engines[warehouse].connect() as connection:
            spill = quote_text(f"{warehouse.path}.tmp")
            connection.exec_driver_sql(f"set temp_directory = {spill}")
            connection.exec_driver_sql("set TimeZone = 'UTC'")
            for name, value in warehouse.variables:
                connection.exec_driver_sql(f"set variable {name} = {value}")
    return _engines[warehouse]


_engines: dict[Warehouse, Engine] = {}
"""This process's DuckDB, if there is one yet, by what it was made for."""


@dataclass(slots=True)
class _Hold:
    """What this process has of a warehouse file.

    Attributes:
        write_lock: The write lock, while this process holds it; also between two of its tasks.
        is_working: Whether it holds the lock for a task.
        is_writing: Whether a transaction of it is open that writes.
        attached: The names of the databases that are attached: the file, and those beside it.
        has_meta: Whether schema meta is known to be in the attached file.
        seen: What was seen of what the file holds; see `seen_in`.
        left: How the file was, and its log, when this process let go of it.
        held: How they were before that, when they held the same.
        gave_up_after: The seconds that it waited for the file in vain, if it has not had it since.
        turn: What the file is a copy of, while this process holds the write lock.
        is_kept: Whether it holds the lock until it says otherwise, whatever its tasks do.
    """

    write_lock: IO[str] | None = None
    is_working: bool = False
    is_writing: bool = False
    attached: list[str] = field(default_factory=list)
    has_meta: bool = False
    seen: dict[str, Any] = field(default_factory=dict)
    left: Files | None = None
    held: Files | None = None
    gave_up_after: float | None = None
    turn: Turn | None = None
    is_kept: bool = False

    def detach(self, path: Path) -> None:
        """Detach what is attached: all that was committed is in the file then."""
        if self.attached:
            _detach(path, self)

    def give_up(self) -> None:
        """Give up the write lock, and with it what the file is a copy of."""
        lock, self.write_lock = self.write_lock, None
        turn, self.turn = self.turn, None
        try:
            if turn:
                turn.give_back()
        finally:
            if lock:
                lock.close()


_holds: dict[Path, _Hold] = {}


def let_go() -> None:
    """Detach what this process has attached, and give up the write lock unless a task needs it."""
    for path, hold in _holds.items():
        try:
            hold.detach(path)
        finally:
            if not (hold.is_working or hold.is_kept):
                hold.give_up()


def _detach(path: Path, hold: _Hold) -> None:
    names, hold.attached = hold.attached, []
    (engine,) = _engines.values()
    raw = engine.raw_connection()
    try:
        run, held = raw.cursor().execute, _state_of(path)
        if wal_of(path).exists() and hold.write_lock is not None:
            # As long as it is attached, no other process writes it. What cannot be written into the
            # file now stays in the log, and it counts as another one.
            with suppress(duckdb.Error):
                run(f"checkpoint {ALIAS}")
        hold.left, hold.held = _files_of(path), held
        run("use memory")
        for name in names:
            run(f"detach {quote_name(name)}")
    finally:
        raw.close()


def close() -> None:
    """Close this process's DuckDB; the next session opens another."""
    let_go()
    while _engines:
        _engines.popitem()[1].dispose()


# A forked process has none of DuckDB's threads, and would wait for them forever.
os.register_at_fork(before=close)


def _is_locked(error: BaseException) -> bool:
    return isinstance(error, duckdb.IOException) and "Could not set lock" in str(error)


def _state_of(path: Path) -> Files:
    """How a file and its log are, or were when they held the same."""
    found, hold = _files_of(path), _holds.get(path)
    return hold.held if hold and hold.held and found == hold.left else found


def _files_of(path: Path) -> Files:
    return _file_state(path), _file_state(wal_of(path))


def _file_state(path: Path) -> tuple[int, ...]:
    try:
        found = path.stat()
    except FileNotFoundError:
        return ()
    return (found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns)
