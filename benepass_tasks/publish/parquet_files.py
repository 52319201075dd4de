"""The Parquet files of a table: one, or a folder with one for each month of a large table.

The file of a month says in its metadata which rows it has. Of a folder that is as it was left, that
holds, and the months stay that have the rows that they should.
"""

import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from benepass_tasks.config.digests import digest
from benepass_tasks.engine.disk import sync
from benepass_tasks.engine.quoting import quote_text
from benepass_tasks.engine.session import Run
from benepass_tasks.publish.checks import check_columns, check_rows
from benepass_tasks.publish.pieces import month_column, pieces_of
from benepass_tasks.state.markers import now
from benepass_tasks.state.publication import SUFFIX, PublishedTable, month_states, published_state

ROWS = "rows"
"""What the file of a month says of itself: a digest of its rows and of what is declared of them."""


@dataclass(frozen=True, slots=True)
class WrittenTable:
    """The Parquet files of a table, of which those that are new are aside.

    Attributes:
        table: The table.
        rows: How many it has.
        new: The files that are new, as paths below the published folder.
        kept: The months that stay, each file with the state that it was found in.
    """

    table: PublishedTable
    rows: int
    new: tuple[str, ...]
    kept: Mapping[str, str]

    def moved(self, folder: Path) -> tuple[str, ...]:
        """What takes its place in a published folder: all months at once where there are none."""
        months = self.table.months_folder
        is_first = self._is_in_months and not (folder / months).exists()
        return (months,) if is_first else self.new

    def remove_others(self, folder: Path) -> None:
        """Remove what else a published folder has of the table."""
        months = folder / self.table.months_folder
        if self._is_in_months:
            (folder / self.table.file).unlink(missing_ok=True)
            published = {*self.kept, *(Path(it).name for it in self.new)}
            for name in month_states(months).keys() - published:
                (months / name).unlink()
            sync(months)
        elif months.is_dir():
            shutil.rmtree(months)

    def state(self, folder: Path) -> str:
        """The state that it is left in; of months that stay, the one that they were found in."""
        return published_state(folder, self.table.file, self.kept)

    @property
    def _is_in_months(self) -> bool:
        return self.new != (self.table.file,)


@dataclass(frozen=True, slots=True)
class ParquetFiles:
    """What writes tables as Parquet, beside what is published.

    Attributes:
        run: A session that has the tables as they were written aside.
        aside: The private folder for what is new.
        folder: The published one.
        declared: The digest of what is declared of each file.
        left: The states that files were left in, by name, as far as that is known.
        run_id: The run that publishes, which each file names.
    """

    run: Run
    aside: Path
    folder: Path
    declared: Mapping[str, str]
    left: Mapping[str, str]
    run_id: str

    def write(self, table: PublishedTable, rows: int) -> WrittenTable:
        """Write and check what a published folder does not have yet of a table with some rows.

        Raises:
            PublicationError: what was written is not what is declared, or rows are missing.
        """
        states = month_states(self.folder / table.months_folder)
        column = month_column(self.run, table, is_in_months=bool(states))
        if column is None:
            self._write(table, table.file, table.written, rows, {})
            return WrittenTable(table, rows, (table.file,), {})
        (self.aside / table.months_folder).mkdir(mode=0o700)
        there, kept, new = self._said(table, states), dict[str, str](), list[str]()
        for it in pieces_of(self.run, table, column):
            name, says = f"{it.month}{SUFFIX}", digest(self.declared[table.file], it.rows)
            if there.get(name) == says:
                kept[name] = states[name]
            else:
                new.append(f"{table.months_folder}/{name}")
                self._write(table, new[-1], it.source, it.count, {ROWS: says})
        return WrittenTable(table, rows, tuple(new), kept)

    def _said(self, table: PublishedTable, states: Mapping[str, str]) -> Mapping[str, str]:
        """What the files of months say which rows they have; nothing unless they are as left."""
        found = published_state(self.folder, table.file, states)
        if not states or found != self.left.get(table.file):
            return {}
        months = self.folder / table.months_folder
        files = ", ".join(quote_text(str(months / it)) for it in states)
        said = self.run(
            f"select file_name, decode(value) from parquet_kv_metadata([{files}]) "  # noqa: S608
            f"where decode(key) = '{ROWS}'"
        )
        return {Path(file).name: rows for file, rows in said}

    def _write(
        self, table: PublishedTable, name: str, source: str, rows: int, says: Mapping[str, str]
    ) -> None:
        about = {"relation": table.relation, "run_id": self.run_id}
        about |= {"published_at": now().isoformat(), **says}
        pairs = ", ".join(f"{key}: {quote_text(value)}" for key, value in about.items())
        file = quote_text(str(self.aside / name))
        self.run(
            f"copy (from {source}) to {file} "
            f"(format parquet, compression zstd, kv_metadata {{{pairs}}})"
        )
        check_columns(self.run, table, f"read_parquet({file})")
        written = self.run(f"select count(*) from read_parquet({file})")[0][0]  # noqa: S608
        month = f", {Path(name).stem}" if says else ""
        check_rows(f"{table.relation}{month}", written, rows)
