"""Keeps what is published where most of the money of a source would vanish from it."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection

from benepass_tasks.catalog import Catalog, Source
from benepass_tasks.config.digests import digest
from benepass_tasks.config.errors import PublicationError
from benepass_tasks.state.decisions import MONEY_GUARD, Decision, pending_decisions
from benepass_tasks.state.history.read import SourceFigures, figures_before, newest_figures
from benepass_tasks.state.markers import Load


@dataclass(frozen=True, slots=True)
class Money:
    """The money of the sources, as it came by these loads.

    Attributes:
        catalog: The sources with their limits.
        loads: What is loaded.
        run_id: The run that is about to publish it, if one is.
    """

    catalog: Catalog
    loads: Iterable[Load]
    run_id: str | None = None

    def losses(self, figures: Iterable[SourceFigures]) -> Iterator[Decision]:
        """What says that money may be missing, once, where by some figures too much of it would."""
        sha256 = digest(*sorted(load.sha256 for load in self.loads))
        for it in figures:
            source, share = self.catalog.sources.get(it.source), it.accepted_money_rate
            if source is not None and share is not None and _is_too_much(share, source):
                limit = f"{MONEY_GUARD} is {source.guards.max_quarantined_money:.0%}"
                detail = f"{1 - share:.1%} of its money is quarantined, and {limit}"
                yield Decision(
                    "accepted", it.source, None, detail, MONEY_GUARD, sha256, self.run_id
                )


def guard_money(
    connection: Connection,
    money: Money,
    published_at: datetime | None,
    accepted: frozenset[str],
) -> Sequence[Decision]:
    """Let it be published unless the money of a source would vanish that is published now.

    Args:
        connection: A session; reads `meta.quality_figures`, `meta.runs` and `meta.decisions`.
        money: The money of the sources.
        published_at: When it was published last; None where only the files know.
        accepted: The sources that this run accepts.

    Returns:
        The acceptances that are used up by it.

    Raises:
        PublicationError: too much money of a source is quarantined, and was not before.
    """
    needed = list(money.losses(newest_figures(connection)))
    if not needed:
        return ()
    # Where it was missing before, nothing good would be replaced.
    before = figures_before(connection, published_at) if published_at else ()
    missing = {it.source for it in money.losses(before)}
    pending = {it.subject for it in pending_decisions(connection)}
    needed = [it for it in needed if it.source not in missing]
    stopped = [it for it in needed if it.source not in accepted and it.subject not in pending]
    if stopped:
        raise PublicationError(_refusal(stopped))
    return needed


def _is_too_much(accepted: float, source: Source) -> bool:
    return 1 - accepted > source.guards.max_quarantined_money


def _refusal(stopped: Sequence[Decision]) -> str:
    named = "; ".join(f"{it.source}: {it.detail}" for it in stopped)
    first = stopped[0].source
    return (
        f"{named}. What was published before stays. See `benepass quarantine {first}`, correct the "
        f"files, or let it pass once with --benepass-accept {first} or with: benepass schema "
        f"accept {first}"
    )
