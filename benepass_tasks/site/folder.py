"""The folder of the pages: which files are ours, and how they take their places."""

import os
import re
import shutil
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from benepass_tasks.catalog.audiences import Access
from benepass_tasks.config.digests import digest
from benepass_tasks.config.errors import SiteError
from benepass_tasks.engine.disk import sync
from benepass_tasks.publish.public_files import PUBLIC, put_in_place, taking_turns

ASIDE = ".building"
"""The folder in which files are written before they take their places."""

ENDING = "runs.js"
"""The file that each run writes at its end; it is not a part of what makes the pages current."""

# Files in the folder that are not of these names, nor a page of the project, are not ours, and are
# not touched.
_OURS = re.compile(
    r"(index|employees|quality|catalog|lineage|runs)\.html|search\.js"
    r"|catalog/[\w.]+\.html|downloads/[\w.]+\.csv|assets/[\w.-]+\.(js|css|svg)"
)


_FOLDERS = ("", "assets/", "catalog/", "downloads/")


def files_of_site(folder: Path, pages: Collection[str] = ()) -> str:
    """Digest of the states of the site's files; empty where there are none.

    Args:
        folder: The site's folder.
        pages: The files of the project's own pages.
    """
    states = [
        f"{name} {at.st_ino}:{at.st_mode:o}:{at.st_size}:{at.st_mtime_ns}"
        for name, at in sorted(_found(folder, pages))
    ]
    return digest(*states) if states else ""


def take(folder: Path, pages: Collection[str] = (), kept: Collection[str] = ()) -> None:
    """Make a folder the site's own, unless it has files of somebody else that a site would replace.

    Args:
        folder: The site's folder.
        pages: The files of the project's own pages.
        kept: Files of the site that may be there already.

    Raises:
        SiteError: there are such files, or the folder cannot be written.
    """
    with _failures_explained(folder), taking_turns(folder):
        if (folder / ENDING).exists():
            return
        others = sorted({name for name, _ in _found(folder, pages)} - {*kept})
        if others:
            raise SiteError(
                f"{folder} has {others[0]} already and no {ENDING}, so it is not a site of ours, "
                "and the pages would take the place of what is there: name another folder with "
                "--benepass-site-dir, or empty this one"
            )
        (folder / ENDING).touch()


def place(
    folder: Path,
    files: Mapping[str, bytes],
    kept: Collection[str] = (),
    past: Collection[str] = (),
    access: Access = PUBLIC,
) -> None:
    """Put files into the folder, each in one step, and remove the site's files that are no more.

    What a page refers to is there before it.

    Args:
        folder: The site's folder.
        files: The contents by path below it.
        kept: Files of the site that stay as they are.
        past: The files of pages that the project had.
        access: Who may read them.

    Raises:
        SiteError: the folder cannot be written.
    """
    with _failures_explained(folder), taking_turns(folder, access):
        aside = folder / ASIDE
        shutil.rmtree(aside, ignore_errors=True)
        try:
            aside.mkdir(mode=0o700)
            for name, content in files.items():
                (aside / name).parent.mkdir(parents=True, exist_ok=True)
                (aside / name).write_bytes(content)
            put_in_place(aside, folder, sorted(files, key=_last_pages_first_parts), access)
        finally:
            shutil.rmtree(aside, ignore_errors=True)
        for name in {name for name, _ in _found(folder, past)} - {*files, *kept}:
            (folder / name).unlink(missing_ok=True)


def place_ending(folder: Path, content: bytes) -> None:
    """Replace the file that says how the last run ended, in one step.

    Raises:
        SiteError: the folder cannot be written.
    """
    with _failures_explained(folder), taking_turns(folder):
        # Who may enter the folder may read the file.
        written = folder / f".{ENDING}"
        written.write_bytes(content)
        written.chmod(0o644)
        written.replace(folder / ENDING)
        sync(folder)


def is_told_of(folder: Path, claim: str) -> bool:
    """Whether that file is not there yet, or begins with a line.

    Raises:
        SiteError: it cannot be read.
    """
    with _failures_explained(folder):
        try:
            with (folder / ENDING).open(encoding="utf-8") as told:
                return told.readline().rstrip() == claim
        except FileNotFoundError:
            return True


def _last_pages_first_parts(name: str) -> tuple[bool, str]:
    return name.endswith(".html"), name


def _found(folder: Path, pages: Collection[str]) -> Iterator[tuple[str, os.stat_result]]:
    """The site's files, by path below its folder, with their states."""
    # Asked for before each task: listing folders is several times faster than a glob.
    for part in _FOLDERS:
        try:
            with os.scandir(folder / part) as entries:
                found = [(f"{part}{entry.name}", entry) for entry in entries]
        except (FileNotFoundError, NotADirectoryError):
            continue
        for name, entry in found:
            if _OURS.fullmatch(name) or name in pages:
                yield name, entry.stat(follow_symlinks=False)


@contextmanager
def _failures_explained(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        # A full disk names no file.
        where = f": {error.filename}" if error.filename else ""
        raise SiteError(
            f"{folder} cannot be written: {error.strerror}{where}; "
            "--benepass-site-dir names another folder"
        ) from error
