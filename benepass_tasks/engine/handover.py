"""Tables as Parquet files in a folder that DuckDB and a server of Spark both read.

They hold what the tables hold, people included. So the folder is its owner's alone, each warehouse
has one of its own in it, and the process that holds the write lock may remove what is there.
"""

import shutil
import uuid
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Connection

from benepass_tasks.config.errors import EngineError
from benepass_tasks.engine.quoting import quote_name, quote_relation, quote_text

MADE = "made-"
"""How the folders of results begin."""

WIDE = {"UBIGINT": "decimal(20, 0)", "HUGEINT": "decimal(38, 0)"}
"""Types that Parquet has no whole numbers for, or not all who read it."""


@dataclass(frozen=True, slots=True)
class Made:
    """What the server made of a query.

    Attributes:
        place: The folder of its files; there may be none where it has no row.
        rows: How many rows it says that it wrote.
    """

    place: Path
    rows: int


@dataclass(frozen=True, slots=True)
class Handover:
    """The folder of a warehouse.

    Attributes:
        folder: Where it is, by the same path on both sides.
    """

    folder: Path

    def give(
        self, connection: Connection, relation: str, columns: Mapping[str, str], version: str
    ) -> Path:
        """Write the rows of a table or view, unless this version of it is there.

        Args:
            connection: A session.
            relation: `layer.table`.
            columns: Its columns with their types.
            version: A digest that changes with its rows.

        Returns:
            The file.
        """
        file = self.folder / f"{relation}-{version}.parquet"
        if not file.exists():
            self._prepare()
            aside = file.with_suffix(".partial")
            names = ", ".join(_given(it, kind) for it, kind in columns.items())
            connection.exec_driver_sql(
                f"copy (select {names} from {quote_relation(relation)}) "  # noqa: S608
                f"to {quote_text(str(aside))} (format parquet)"
            )
            aside.chmod(0o600)
            aside.replace(file)
        return file

    def new_place(self) -> Path:
        """A folder that is not there yet, for the files of a result; those before it go."""
        self._prepare()
        for before in self.folder.glob(f"{MADE}*"):
            shutil.rmtree(before)
        return self.folder / f"{MADE}{uuid.uuid4().hex}"

    def taken(self, made: Made, columns: Mapping[str, str], hashed: Collection[str]) -> str:
        """The SELECT of a result, with the types that DuckDB gives the columns.

        Args:
            made: The result.
            columns: Its columns with these types.
            hashed: Those that are the hashes of the texts that stand in their place.

        Raises:
            EngineError: there are other rows here than the server wrote.
        """
        from pyarrow import parquet  # noqa: PLC0415 - most runs hand nothing over

        files = sorted(made.place.glob("*.parquet"))
        for file in files:
            file.chmod(0o600)
        here = sum(parquet.read_metadata(file).num_rows for file in files)
        if here != made.rows:
            raise EngineError(
                f"the server wrote {made.rows:,} rows to {made.place}, and {here:,} are there: it "
                "has to be one folder for both; name such a one with --benepass-exchange-dir"
            )
        if not files:
            nothing = (f"cast(null as {kind}) as {quote_name(it)}" for it, kind in columns.items())
            return f"select {', '.join(nothing)} where false"
        typed = (_taken(it, kind, it in hashed) for it, kind in columns.items())
        listed = ", ".join(quote_text(str(it)) for it in files)
        return f"select {', '.join(typed)} from read_parquet([{listed}])"  # noqa: S608

    def clear(self) -> None:
        """Remove all that is there.

        Raises:
            EngineError: something cannot be removed.
        """
        try:
            shutil.rmtree(self.folder)
        except FileNotFoundError:
            return
        except OSError as error:
            raise EngineError(
                f"{self.folder} holds what was handed to Spark, people included, and "
                f"{error.filename} cannot be removed: {error.strerror}; remove the folder"
            ) from error

    def _prepare(self) -> None:
        try:
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            self.folder.chmod(0o700)
        except OSError as error:
            raise EngineError(
                f"{self.folder} cannot be written: {error.strerror}; correct that, or name "
                "another folder with --benepass-exchange-dir"
            ) from error


def _given(column: str, kind: str) -> str:
    name = quote_name(column)
    return f"cast({name} as {WIDE[kind]}) as {name}" if kind in WIDE else name


def _taken(column: str, kind: str, is_hashed: bool) -> str:  # noqa: FBT001
    name = quote_name(column)
    value = f"hash(cast({name} as varchar))" if is_hashed else name
    return f"cast({value} as {kind}) as {name}"
