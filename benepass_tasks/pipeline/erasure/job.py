"""An erasure that has begun: all that is needed to finish it, whatever ended it.

It is a file beside the warehouse, which its owner alone can read. It holds the values that are to
be gone, since the proof has to look for them, and goes itself with the last step.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from typing import Self

from benepass_tasks.config.errors import WarehouseError
from benepass_tasks.config.settings import Settings
from benepass_tasks.engine.disk import write_privately
from benepass_tasks.engine.write_lock import acquire_write_lock
from benepass_tasks.ingestion.people.traces import Traces
from benepass_tasks.state.erasures import job_file
from benepass_tasks.state.warehouse import warehouse_of

Count = Mapping[str, int]


@dataclass(frozen=True)
class Job:
    """An erasure.

    Attributes:
        people: The ids of the people, as ids are compared.
        reason: Why, in the words of whoever erases.
        began_at: When it began, UTC.
        rewrites_sources: Whether source files are written anew without them.
        originals: The folder that keeps the originals of these; None where they go.
        rejected: The rejected records that go, by file and number.
        traces: Their values.
        totals: What everything came to before.
        rows: How many rows each table held about them before.
        records: How many records of each file were theirs.
        is_anonymised: Whether raw has nothing of them any more.
        dates_as_written: Dates that stayed, since they are in a form that cannot be written.
        moved: The totals that were others when it was done, where only a search is left to do:
            later loads change them. None before.
        rewritten: The source files that were written anew by then.
    """

    people: tuple[str, ...]
    reason: str
    began_at: str
    rewrites_sources: bool
    originals: str | None
    rejected: tuple[tuple[str, int], ...]
    traces: Traces
    totals: Mapping[str, str]
    rows: Count
    records: Count = field(default_factory=dict)
    is_anonymised: bool = False
    dates_as_written: int = 0
    moved: Sequence[str] | None = None
    rewritten: Sequence[str] = ()

    def save(self, settings: Settings) -> None:
        """Write it down."""
        content = asdict(replace(self, traces=Traces({}, frozenset(), frozenset())))
        content["traces"] = self.traces.as_json()
        write_privately(job_file(settings.warehouse), json.dumps(content) + "\n")

    @classmethod
    def pending(cls, settings: Settings) -> Self | None:
        """The erasure that began and is not finished, if there is one."""
        try:
            content = json.loads(job_file(settings.warehouse).read_text(encoding="utf-8"))
        except FileNotFoundError:
            return None
        content["traces"] = Traces.from_json(content["traces"])
        content["people"] = tuple(content["people"])
        content["rejected"] = tuple((file, number) for file, number in content["rejected"])
        return cls(**content)


@contextmanager
def alone(settings: Settings) -> Iterator[None]:
    """Let one process at a time erase.

    Raises:
        WarehouseError: another one erased for longer than the time-out.
    """
    try:
        lock = acquire_write_lock(job_file(settings.warehouse), settings.lock_timeout)
    except TimeoutError as error:
        raise WarehouseError(
            f"another process has erased people of {settings.warehouse} for "
            f"{settings.lock_timeout:g} s; wait for it, or longer with --benepass-lock-timeout"
        ) from error
    with lock, warehouse_of(settings).kept():
        yield
