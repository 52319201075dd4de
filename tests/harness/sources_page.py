"""The examples of docs/sources.md: files, commands, and what they print."""

from __future__ import annotations

import csv
import io
import re
import shlex
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import openpyxl
import pyarrow as pa
import pyarrow.parquet as pq

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from workspace import Workspace

ENCODINGS = {"Windows-1252": "cp1252", "UTF-8": "utf-8"}

_FILE = re.compile(
    r"^`(data/[^`]+)`(?:, (?:in|as) ([^:\n]+))?:\n\n```\w*\n(.*?)```$", re.MULTILINE | re.DOTALL
)
_BLOCK = re.compile(r"^```(\w+)\n(.*?)```$", re.MULTILINE | re.DOTALL)


@dataclass
class Example:
    """A section of the page.

    Attributes:
        title: Its heading.
        files: The text of each file, and its encoding.
        commands: The command lines, without the name of the program.
        printed: The lines that they print.
    """

    title: str
    files: dict[str, tuple[str, str]] = field(default_factory=dict)
    commands: list[list[str]] = field(default_factory=list)
    printed: list[str] = field(default_factory=list)


def examples(page: str) -> Iterator[Example]:
    """The sections of the page that have a file."""
    for section in page.split("\n## ")[1:]:
        example = Example(section.partition("\n")[0])
        for name, encoding, text in _FILE.findall(section):
            example.files[name] = (text, encoding or "UTF-8")
        rest = _FILE.sub("", section)
        for kind, text in _BLOCK.findall(rest):
            lines = text.splitlines()
            if kind == "console":
                commands = [line for line in lines if line.startswith("$ benepass source")]
                example.commands += [shlex.split(it)[2:] for it in commands]
                lines = [line for line in lines if not line.startswith("$ ")]
            if kind in ("console", "diff", "text"):
                example.printed += lines
        if example.files:
            yield example


def lay_out(example: Example, workspace: Workspace) -> None:
    """Put the files of an example where its commands look for them."""
    for name in example.files:
        path = workspace.root / name
        for other in workspace.data.glob(f"{path.stem.partition('_2')[0]}*"):
            other.unlink()
    for name, (text, encoding) in example.files.items():
        path = workspace.root / name
        records = list(csv.reader(io.StringIO(text)))
        if path.suffix == ".xlsx":
            _write_workbook(path, records)
        elif path.suffix == ".parquet":
            columns = zip(*records[1:], strict=True)
            pq.write_table(pa.table(dict(zip(records[0], map(list, columns), strict=True))), path)
        else:
            path.write_bytes(text.encode(ENCODINGS[encoding]))


def _write_workbook(path: Path, records: list[list[str]]) -> None:
    book = openpyxl.Workbook()
    sheet = book.worksheets[0]
    for record in records:
        sheet.append([float(it) if re.fullmatch(r"[0-9]+\.[0-9]+", it) else it for it in record])
    book.save(path)
