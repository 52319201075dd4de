"""The proof that nothing is left: every file is read, unpacked, and searched for every value."""

import os
import zipfile
import zlib
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

import duckdb
import pyarrow as pa

from benepass_tasks.config.settings import Settings
from benepass_tasks.engine.searching import opened_texts, parquet_texts
from benepass_tasks.ingestion.people.traces import Traces
from benepass_tasks.publish.targets import targets_of
from benepass_tasks.state.publication import Publication

PIECE = 16 << 20
"""Bytes that are searched at once."""

OVERLAP = 1 << 12
"""Bytes of a piece that are looked at again with the next one: more than any value takes."""

SKIPPED = frozenset({".git", ".venv", "node_modules", ".tox", "__pycache__"})
"""Folders of a project that hold programs and its history, and no data."""

COMPRESSED = {b"\x1f\x8b": "gzip", b"\x28\xb5\x2f\xfd": "zstd"}
"""How a file is compressed, by its first bytes."""

UNREADABLE = (OSError, EOFError, zlib.error, zipfile.BadZipFile, duckdb.Error, pa.ArrowException)
"""What a file raises that is not what its first bytes say."""


@dataclass
class Search:
    """What was searched, and what was found.

    Attributes:
        files: How many files were read.
        bytes: How many bytes they have.
        hits: How often values were found, by file and kind.
        unreadable: The files that could not be unpacked or read, which were searched as they are.
    """

    files: int = 0
    bytes: int = 0
    hits: dict[str, Counter[str]] = field(default_factory=dict)
    unreadable: list[str] = field(default_factory=list)


def search(
    settings: Settings,
    traces: Traces,
    published: Iterable[Publication] = (),
    without: Iterable[Path] = (),
) -> Search:
    """Search all files of a project, and what it publishes elsewhere, for the values of people.

    Args:
        settings: Where they are: below the project, and wherever else data is kept.
        traces: The values.
        published: What is published, wherever that is.
        without: Files that are not searched, since they are about to go.
    """
    found, left_out = Search(), {it.resolve() for it in without}
    audiences = list(published)
    for target in targets_of(audiences):
        for where, text in target.texts():
            hits = traces.found_in(text)
            if hits:
                found.hits[where] = found.hits.get(where, Counter()) + hits
    folders = [it.folder for it in audiences if it.folder is not None]
    for path in _files(settings, folders):
        if path.resolve() in left_out:
            continue
        found.files += 1
        found.bytes += path.stat().st_size
        try:
            hits = _found_in(path, traces)
        except UNREADABLE as error:
            found.unreadable.append(f"{_shown(path, settings)}: {type(error).__name__}")
            hits = _in_stream(path.open("rb"), traces)
        if hits:
            found.hits[_shown(path, settings)] = hits
    return found


def _files(settings: Settings, others: Sequence[Path]) -> Iterator[Path]:
    """Every file below the project and below other folders of its data, once."""
    roots = [
        settings.project_dir,
        settings.data_dir,
        settings.warehouse.parent,
        settings.published_dir,
        settings.site_dir,
        *others,
        settings.branches_dir,
        settings.exchange_dir,
    ]
    seen = set[Path]()
    for root in roots:
        for folder, folders, files in os.walk(root):
            folders[:] = sorted(set(folders) - SKIPPED)
            for name in sorted(files):
                path = Path(folder, name)
                if path.is_file() and path.resolve() not in seen:
                    seen.add(path.resolve())
                    yield path


def _shown(path: Path, settings: Settings) -> str:
    root = settings.project_dir
    return path.relative_to(root).as_posix() if path.is_relative_to(root) else path.as_posix()


def _found_in(path: Path, traces: Traces) -> Counter[str]:
    """What is found in a file, by what its first bytes say that it is."""
    with path.open("rb") as file:
        start = file.read(12)
    if start[8:12] == b"DUCK":
        return _in_database(path, traces) | _in_stream(path.open("rb"), traces, is_packed=True)
    if start[:4] == b"PAR1":
        return _in_parquet(path, traces) | _in_stream(path.open("rb"), traces, is_packed=True)
    for magic, compression in COMPRESSED.items():
        if start.startswith(magic):
            return _in_stream(pa.input_stream(str(path), compression=compression), traces)
    if start[:4] == b"PK\x03\x04":
        return _in_archive(path, traces)
    return _in_stream(path.open("rb"), traces)


def _in_archive(path: Path, traces: Traces) -> Counter[str]:
    found = Counter[str]()
    with zipfile.ZipFile(path) as archive:
        for it in archive.infolist():
            if not it.is_dir():
                found += _in_stream(archive.open(it), traces)
    return found


def _in_stream(stream: IO[bytes], traces: Traces, *, is_packed: bool = False) -> Counter[str]:
    """What is found in a stream of bytes; what stands where two pieces meet may count twice."""
    found, rest = Counter[str](), b""
    with stream:
        while piece := stream.read(PIECE):
            found += traces.found_in(rest + piece, is_packed=is_packed)
            rest = piece[-OVERLAP:]
    return found


def _in_parquet(path: Path, traces: Traces) -> Counter[str]:
    with path.open("rb") as file:
        return sum(map(traces.found_in, parquet_texts(file)), Counter[str]())


def _in_database(path: Path, traces: Traces) -> Counter[str]:
    """What the engine finds in the columns of all tables that hold texts or bytes."""
    found = Counter[str]()
    with opened_texts(path) as texts:
        for kind, values in traces.too_short.items():
            found[kind] += texts.rows_with(values)
        for piece in texts.pieces():
            found += traces.found_in(piece)
    return +found
