"""Where audiences read elsewhere than in files, whatever it is that they read."""

from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Protocol

from benepass_tasks.catalog.audiences import BucketPlace, Place, PostgresPlace
from benepass_tasks.config.errors import PublicationError
from benepass_tasks.engine.session import Run
from benepass_tasks.publish.bucket import BucketTarget
from benepass_tasks.publish.postgres import PostgresTarget
from benepass_tasks.state.publication import Part, Publication


class Filling(Protocol):
    """What is put into a place, and nobody sees before it is committed."""

    def fill(self, run: Run, part: Part) -> None:
        """Put the tables of a part there, from those that were written aside and checked.

        Raises:
            PublicationError: the place is somebody else's, or refuses.
        """

    def commit(self) -> Mapping[str, str]:
        """Let everybody see it; the state of each part, by its name.

        Raises:
            PublicationError: the place refuses, or somebody else has written there meanwhile.
        """


class Target(Protocol):
    """Some parts of what is published, at one place."""

    def states(self) -> Mapping[str, str] | None:
        """What is there, by the name of the part; None where the place is not reached.

        The state of a part changes with whatever anybody writes into it.
        """

    def filling(
        self, publication: Publication, run_id: str, aside: Path
    ) -> AbstractContextManager[Filling]:
        """What is to be put there; what is not committed in the end leaves nothing.

        Args:
            publication: What it is of.
            run_id: The run that publishes.
            aside: A private folder for what is written on the way.

        Raises:
            PublicationError: the place is not reached.
        """

    def drop(self) -> None:
        """Take away what is there, where it is ours.

        Raises:
            PublicationError: the place is not reached, or refuses.
        """

    def forget_past(self) -> None:
        """Take away whatever is not what is published now: earlier versions, and what was left.

        Raises:
            PublicationError: the place is not reached, or refuses.
        """

    def texts(self) -> Iterator[tuple[str, bytes]]:
        """All texts that are there, some at a time, each with where it stands.

        Raises:
            PublicationError: the place is not reached.
        """


def target_of(place: Place, parts: Collection[str]) -> Target:
    """What some parts, given by their names, are at a place.

    Raises:
        PublicationError: what reads and writes there is not installed.
    """
    if isinstance(place, PostgresPlace):
        return PostgresTarget(place)
    if isinstance(place, BucketPlace):
        return BucketTarget(place)
    try:
        from benepass_tasks.publish.iceberg import IcebergTarget  # noqa: PLC0415 - of the extra
    except ModuleNotFoundError as error:
        raise PublicationError(
            f"{place.name}: {error.name} is not installed: pip install 'benepass-tasks[iceberg]'"
        ) from None
    return IcebergTarget(place, parts)


def targets_of(publications: Iterable[Publication]) -> list[Target]:
    """All that is published for some audiences elsewhere than in files."""
    return [
        target_of(place, [it.name for it in parts])
        for publication in publications
        for place, parts in publication.parts_by_place.items()
    ]
