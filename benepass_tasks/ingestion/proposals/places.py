"""Where the files of a source are, and what a source is called that has none yet."""

import re
from collections.abc import Sequence
from pathlib import PurePosixPath

from benepass_tasks.catalog.header_names import column_name
from benepass_tasks.config.errors import ProjectError


def filepath_for(known: str, names: Sequence[str]) -> str:
    """Where the files of a source are: as it says, if that finds these files, too.

    Args:
        known: The source's `filepath`; empty where it has none.
        names: The files' paths below the data folder.

    Raises:
        ProjectError: the files are in several folders.
    """
    if known and all(is_found(it, known) for it in names):
        return known
    folders = {PurePosixPath(it).parent for it in names}
    if len(folders) > 1:
        raise ProjectError("the files of a source are in one folder; inspect each folder's apart")
    stem = PurePosixPath(known).name.partition("*")[0] if "*" in known else ""
    files = [PurePosixPath(it).name for it in names]
    return str(PurePosixPath("data", *folders, _pattern(files, stem)))


def is_found(name: str, filepath: str) -> bool:
    """Whether a `filepath` finds the file of a name below the data folder."""
    return PurePosixPath("data", name).match(filepath)


def _pattern(names: Sequence[str], stem: str) -> str:
    """What finds all of some names: one of them itself, of several what they have in common.

    Args:
        names: The names.
        stem: What they have begun with so far.
    """
    is_usual = bool(stem) and all(name.startswith(stem) for name in names)
    if len(names) == 1 and not is_usual:
        return _escaped(names[0])
    # What differs is a number or a date, also where its first digits do not.
    start = stem if is_usual else re.sub(r"[0-9][0-9_.-]*$", "", common_start(names))
    rests = [name[len(start) :] for name in names]
    end = common_start([it[::-1].lower() for it in rests])[::-1]
    suffix = "".join(_either(rests, place, letter) for place, letter in enumerate(end, -len(end)))
    return f"{_escaped(start)}*{suffix}"


def _either(rests: Sequence[str], place: int, letter: str) -> str:
    found = sorted({rest[place] for rest in rests})
    return f"[{''.join(found)}]" if len(found) > 1 else _escaped(found[0] if found else letter)


def name_for(names: Sequence[str]) -> str:
    """The name of a source by those of its files: `Departments 2025-01.csv` is departments."""
    stem = common_start([PurePosixPath(it).name.partition(".")[0] for it in names])
    name = column_name("_".join(re.findall(r"[^\W\d_]+", stem)))
    return name if re.match("[a-z]", name) else "files"


def common_start(texts: Sequence[str]) -> str:
    """What texts begin with, all of them."""
    shortest, longest = min(texts), max(texts)
    for place, letter in enumerate(shortest):
        if longest[place : place + 1] != letter:
            return shortest[:place]
    return shortest


def _escaped(name: str) -> str:
    return re.sub(r"([*?[])", r"[\1]", name)
