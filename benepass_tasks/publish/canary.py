"""A search of every published byte for what personal values become where no key is needed.

The files that analysts open, and the pages, are read as words: those of a database and of Parquet
as the engine reads them, since their blocks are compressed, all others as they are. A word that is
a raw value, or one of its shapes, should not be there.
"""

import gzip
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import duckdb

from benepass_tasks.config.errors import WarehouseError
from benepass_tasks.engine.failures import explain
from benepass_tasks.engine.quoting import quote_name, quote_text
from benepass_tasks.sqlmodels.privacy.shapes import SHAPES, shaped

MOST_VALUES = 5_000
"""Of each raw column; a shape that is published is published of most of them."""

SHORTEST = 6
"""Letters of a word or a value that is looked for; a shorter one is a word of its own anywhere."""

WORD = rf"[0-9a-z+/@._%-]{{{SHORTEST},}}"
PART = re.compile(r"[+/@._%-]+")
NUMBERS = rf"[0-9]{{2,4}}(?:[^0-9a-z]{{1,3}}[0-9]{{2,4}}){{{SHORTEST - 1},}}"
NUMBER = re.compile(r"[0-9]+")

Needles = Mapping[str, tuple[str, str]]
"""The raw column and the shape, by what is looked for."""


@dataclass(frozen=True, slots=True, order=True)
class Remains:
    """What is left of a raw column in a published file.

    Attributes:
        file: The file.
        origin: The raw column, as `layer.table.column`.
        shape: What its values have become; empty where they are as they were.
    """

    file: Path
    origin: str
    shape: str

    def __str__(self) -> str:
        """One line for a person."""
        shape = f" as {self.shape}" if self.shape else ""
        return f"{self.file}: values of {self.origin} are there{shape}"


def search_published(
    warehouse: Path, folders: Iterable[Path], secrets: Iterable[tuple[str, str, str]]
) -> tuple[int, list[Remains]]:
    """Search all files of some folders for what must not be published.

    Args:
        warehouse: The file with the raw tables; it is only read.
        folders: What is published; one that is not there holds nothing.
        secrets: The raw columns: relation, column and kind.

    Returns:
        How many files were searched, and what is in them.

    Raises:
        WarehouseError: the warehouse or a published database cannot be read.
    """
    files = sorted(it for folder in folders for it in folder.rglob("*") if it.is_file())
    try:
        with duckdb.connect(config={"autoinstall_known_extensions": False}) as connection:
            needles = dict(_needles(connection, warehouse, secrets))
            found = {
                Remains(file, *needles[it])
                for file in files
                for it in needles.keys() & _words(connection, file)
            }
    except duckdb.Error as error:
        raise WarehouseError(
            f"{warehouse} and what is published could not be searched: {explain(error)}"
        ) from None
    return len(files), sorted(found)


def _needles(
    connection: duckdb.DuckDBPyConnection, warehouse: Path, secrets: Iterable[tuple[str, str, str]]
) -> Iterator[tuple[str, tuple[str, str]]]:
    connection.execute(f"attach {quote_text(str(warehouse))} as original (read_only)")
    for relation, column, _ in secrets:
        name, table = quote_name(column), quote_name("original", *relation.split("."))
        rows = connection.execute(
            f"select distinct unnest([{name}, trim({name}), lower(trim({name})), "  # noqa: S608
            f"upper(trim({name}))]) from (select distinct {name} from {table} "
            f"where length(trim({name})) >= {SHORTEST} order by {name} limit {MOST_VALUES})"
        ).fetchall()
        origin = f"{relation}.{column}"
        for value, *shapes in shaped(connection, [it for (it,) in rows]):
            yield value.lower(), (origin, "")
            for shape, it in zip(SHAPES, shapes, strict=True):
                yield it, (origin, shape)
    connection.execute("detach original")


def _words(connection: duckdb.DuckDBPyConnection, file: Path) -> set[str]:
    if file.suffix == ".parquet":
        return set(_words_of(connection, f"read_parquet({quote_text(str(file))})"))
    if file.suffix == ".duckdb":
        return set(_words_of_database(connection, file))
    content = file.read_bytes()
    text = (gzip.decompress(content) if file.suffix == ".gz" else content).decode("latin-1")
    lower = text.lower()
    return {*_parted(re.findall(WORD, lower)), *map(_codes, re.findall(NUMBERS, lower))}


def _words_of_database(connection: duckdb.DuckDBPyConnection, file: Path) -> Iterator[str]:
    connection.execute(f"attach {quote_text(str(file))} as published (read_only)")
    tables = connection.execute(
        "select schema_name, table_name from duckdb_tables() where database_name = 'published'"
    ).fetchall()
    for schema, table in tables:
        yield from _words_of(connection, quote_name("published", schema, table))
    connection.execute("detach published")


def _words_of(connection: duckdb.DuckDBPyConnection, table: str) -> Iterator[str]:
    columns = connection.execute(f"describe from {table}").fetchall()
    for column, *_ in columns:
        text = f"lower({quote_name(column)}::varchar)"
        for pattern, read in ((WORD, _parted), (NUMBERS, lambda it: map(_codes, it))):
            rows = connection.execute(
                f"select distinct unnest(regexp_extract_all({text}, ?)) from {table}",  # noqa: S608
                [pattern],
            ).fetchall()
            yield from read(it for (it,) in rows)


def _parted(words: Iterable[str]) -> Iterator[str]:
    """Each word, and its parts: a path may hold a hash."""
    for word in words:
        yield word
        yield from PART.split(word)


def _codes(numbers: str) -> str:
    return " ".join(NUMBER.findall(numbers))
