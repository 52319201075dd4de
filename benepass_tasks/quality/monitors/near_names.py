"""Files in the data folder that no source takes in, and whose names nearly are those of one.

They are looked for beside the files of the sources and in the folders next to them.
"""

import re
from collections.abc import Collection, Iterator
from fnmatch import fnmatchcase
from itertools import chain
from pathlib import Path, PurePosixPath

from benepass_tasks.catalog import Catalog, Source
from benepass_tasks.catalog.wording import printable
from benepass_tasks.config.settings import Settings
from benepass_tasks.quality.monitors.results import Result
from benepass_tasks.state.ownership import environment_of_folder
from benepass_tasks.state.publication import folders_of
from benepass_tasks.state.source_files import DATA_FOLDER, find_files

PACKED = (".gz", ".zip", ".zst", ".bz2", ".xz", ".7z")
WRITTEN = (".csv", ".txt", ".tsv", ".xlsx", ".xls", ".json", ".jsonl", ".parquet", ".dat")
COPY = re.compile(r"\s*(\(\d+\)|[-_ ]*(copy|kopie|copie)(\s*\(?\d+\)?)?)$", re.IGNORECASE)
"""How browsers and file managers call a file whose name is taken."""


def judge_names(catalog: Catalog, settings: Settings) -> Iterator[Result]:
    """Warn of each file whose name nearly is one of a source.

    Args:
        catalog: The sources.
        settings: Those of the run; folders of what the pipeline makes, in whatever
            environment, are not looked into.
    """
    data_dir = settings.data_dir
    made = {settings.site_dir, settings.extracts_dir, *folders_of(settings, catalog).values()}
    made |= {folder for folder in data_dir.glob("*/") if environment_of_folder(folder)}
    sources = [it for it in catalog.sources.values() if it.extract is None]
    taken = {file.path for source in sources for file in find_files(source, settings)}
    for path in sorted(_files(data_dir, made)):
        source = next((it for it in sources if path not in taken and _is_near(path, it)), None)
        if source is not None:
            name = path.relative_to(data_dir).as_posix()
            yield Result(
                "near_names",
                source.name,
                "warn",
                f"{printable(name)} is not taken in; {_remedy(name, source)}",
                f"the catalog: {source.filepath}",
                printable(name),
            )


def _files(data_dir: Path, made: Collection[Path]) -> Iterator[Path]:
    for path in chain(data_dir.glob("*"), data_dir.glob("*/*")):
        is_made = path.parent in made or path.parent.name.startswith(".")
        if path.is_file() and not is_made and not path.name.startswith("."):
            yield path


def _is_near(path: Path, source: Source) -> bool:
    """Whether a name is one of a source but for case, numbering, ending and packing."""
    pattern = PurePosixPath(source.filepath).name.lower()
    ending = PurePosixPath(pattern).suffix
    if not re.search(r"\w", _bare(pattern)):
        # Any name is like one that is nothing but `*`.
        return False
    return fnmatchcase(f"{_bare(path.name)}{ending}", f"{_bare(pattern)}{ending}")


def _bare(name: str) -> str:
    """A name without what does not tell one source from another."""
    bare = name.lower().strip()
    for endings in (PACKED, WRITTEN):
        for ending in endings:
            bare = bare.removesuffix(ending)
    return COPY.sub("", bare).strip()


def _remedy(name: str, source: Source) -> str:
    path, pattern = PurePosixPath(name), PurePosixPath(source.filepath)
    if path.suffix.lower() in PACKED:
        return f"unpack it, or let filepath match it: {pattern}{path.suffix}"
    folder = pattern.parent.as_posix().removeprefix(DATA_FOLDER.rstrip("/")).lstrip("/")
    if path.parent.as_posix() not in (folder, folder or "."):
        return f"move it beside the others, or let filepath lead to it: {DATA_FOLDER}{path}"
    return f"rename it so that it matches {source.filepath}, or let filepath match it"
