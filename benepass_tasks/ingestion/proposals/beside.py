"""The files that lie beside some others in their folder and are written alike."""

import re
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Final

from benepass_tasks.config.errors import SourceError
from benepass_tasks.ingestion.proposals.places import common_start
from benepass_tasks.ingestion.proposals.question import Answers
from benepass_tasks.ingestion.proposals.sampling import Sample, sample

MOST: Final = 20
"""Files that are looked into."""

_NAMED_ALIKE: Final = re.compile(r"[^\W\d_]{3}")
"""What names have to begin with, to be of one kind."""


def find_beside(group: Sequence[Sample], answers: Answers) -> Iterator[Path]:
    """Find the files whose names begin as those of a group do, with the same columns.

    Args:
        group: Files that are written alike, in one folder.
        answers: What was answered so far.
    """
    first = group[0]
    known = {it.path.name for it in group}
    likely = (
        it
        for it in sorted(first.path.absolute().parent.iterdir())
        if it.name not in known and it.is_file() and _is_alike(it, group)
    )
    for it in islice(likely, MOST):
        path = first.path.with_name(it.name)
        try:
            likeness = sample(path, answers, 1).likeness
        except SourceError:
            # It is of no kind that a source can be, so it is none of these.
            continue
        if likeness == first.likeness:
            yield path


def _is_alike(path: Path, group: Sequence[Sample]) -> bool:
    names = [it.path.name for it in group]
    has_kind = path.suffix.lower() in {it.path.suffix.lower() for it in group}
    return has_kind and _NAMED_ALIKE.match(common_start([*names, path.name])) is not None
