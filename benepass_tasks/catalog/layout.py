"""How the files of a source are written: what its `type`, `load_args` and `layout` say.

The words are those of pandas, by which Kedro reads the same files, wherever pandas has one.
"""

from dataclasses import dataclass, fields, replace
from pathlib import PurePath
from types import MappingProxyType
from typing import Literal, TypeAlias, get_args

FileType = Literal[
    "pandas.CSVDataset", "pandas.ExcelDataset", "pandas.ParquetDataset", "pandas.JSONDataset"
]
CSV, EXCEL, PARQUET, JSON_LINES = FILE_TYPES = get_args(FileType)
Compression: TypeAlias = Literal["gzip", "zip", "zstd"]
EventFormat: TypeAlias = Literal["debezium"]

SUFFIXES = MappingProxyType({".gz": "gzip", ".zip": "zip", ".zst": "zstd"})
"""How the name of a compressed file ends."""


@dataclass(frozen=True, slots=True)
class Layout:
    """How each file of a source is written.

    Attributes:
        type: The kind of file, as Kedro calls it.
        sep: What separates the fields of a line of text; one ASCII character.
        encoding: The codec of the text, as Python calls it; UTF-8 may have a byte order mark.
        quotechar: What a quoted field begins and ends with; None where no field is ever quoted.
        escapechar: What takes the meaning from the character after it, if anything does.
        skipinitialspace: Whether spaces at the beginning of a field are no part of it.
        decimal: What stands before the decimals of an amount.
        thousands: What stands between groups of digits in an amount, if anything does.
        skiprows: How many lines stand above the header.
        skipfooter: How many lines stand below the last record.
        comment: What the lines begin with that are no records; None where all are.
        na_values: The texts that mean NULL besides the empty one.
        compression: How the file is compressed; `infer` to tell by its name.
        sheet_name: The sheet of a workbook; None for its only one.
        header_lines: How many lines the header takes; the names are on the first.
        skip_lines: Regular expressions, which are searched in a line where a record would begin: if
            one is found, the line is not a record.
        format: Whose events of changes the lines of JSON are, of which the last for each key
            counts; None where each line is a record.
        table: The table that the events are of, with its schema where that matters; None where all
            are of one.
    """

    type: FileType = "pandas.CSVDataset"
    sep: str = ","
    encoding: str = "utf-8"
    quotechar: str | None = '"'
    escapechar: str | None = None
    skipinitialspace: bool = False
    decimal: str = "."
    thousands: str | None = None
    skiprows: int = 0
    skipfooter: int = 0
    comment: str | None = None
    na_values: tuple[str, ...] = ()
    compression: Literal["infer"] | Compression = "infer"
    sheet_name: str | None = None
    header_lines: int = 1
    skip_lines: tuple[str, ...] = ()
    format: EventFormat | None = None
    table: str | None = None

    @property
    def said(self) -> dict[str, object]:
        """What differs from a file of comma-separated UTF-8, by its word."""
        usual = Layout()
        return {
            word.name: value
            for word in fields(self)
            if (value := getattr(self, word.name)) != getattr(usual, word.name)
        }

    @property
    def is_of_events(self) -> bool:
        """Whether its records are changes of rows, of which the last for each key counts."""
        return self.format is not None

    @property
    def of_raw(self) -> "Layout":
        """What decides over the raw records; raw keeps numbers and NULL words as written."""
        # The numbers of a sheet are written as its texts are.
        decimal = self.decimal if self.type == EXCEL else "."
        return replace(self, decimal=decimal, thousands=None, na_values=())

    def compression_of(self, file: str) -> str | None:
        """How a file of this name is compressed; None where it is not."""
        if self.compression == "infer":
            return SUFFIXES.get(PurePath(file).suffix.lower())
        return self.compression
