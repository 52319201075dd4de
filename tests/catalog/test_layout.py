"""What a source says of how its files are written, and what is refused of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import yaml

from benepass_tasks.catalog import load_catalog
from benepass_tasks.catalog.layout import FileType, Layout
from benepass_tasks.config.errors import CatalogError

if TYPE_CHECKING:
    from pathlib import Path


def read(
    folder: Path,
    args: dict[str, Any] | None = None,
    layout: dict[str, Any] | None = None,
    type_: FileType = "pandas.CSVDataset",
) -> Layout:
    """The layout of the only source of a catalog."""
    metadata: dict[str, Any] = {
        "description": "People",
        "domain": "people",
        "columns": {"name": {"description": "Name"}},
    }
    if layout is not None:
        metadata["layout"] = layout
    source: dict[str, Any] = {"type": type_, "filepath": "data/people.csv", "metadata": metadata}
    if args is not None:
        source["load_args"] = args
    path = folder / "catalog.yaml"
    path.write_text(yaml.safe_dump({"people": source}), encoding="utf-8")
    return load_catalog(path).sources["people"].layout


def test_a_source_that_says_nothing_has_comma_separated_utf8(tmp_path: Path) -> None:
    assert read(tmp_path) == Layout()
    assert Layout().said == {}


def test_each_word_is_kept_under_its_own_name(tmp_path: Path) -> None:
    args = {
        "sep": ";",
        "encoding": "cp1252",
        "quotechar": "'",
        "escapechar": "\\",
        "skipinitialspace": True,
        "decimal": ",",
        "thousands": ".",
        "skiprows": 2,
        "skipfooter": 1,
        "comment": "#",
        "na_values": ["NULL", "n/a"],
        "compression": "zip",
    }
    layout = {"header_lines": 2, "skip_lines": [r"^Total\b"]}
    expected = args | layout | {"na_values": ("NULL", "n/a"), "skip_lines": (r"^Total\b",)}
    assert read(tmp_path, args, layout).said == expected


@pytest.mark.parametrize(
    ("args", "said"),
    [
        ({"delimiter": "|"}, {"sep": "|"}),
        ({"sep": r"\t"}, {"sep": "\t"}),
        ({"quoting": 3}, {"quotechar": None}),
        ({"quoting": 0}, {}),
        ({"na_values": "-"}, {"na_values": ("-",)}),
        ({"dtype": "str", "keep_default_na": False, "on_bad_lines": "warn"}, {}),
    ],
)
def test_words_of_pandas_that_mean_the_same(
    args: dict[str, Any], said: dict[str, Any], tmp_path: Path
) -> None:
    assert read(tmp_path, args).said == said


@pytest.mark.parametrize(
    ("args", "message"),
    [
        ({"seperator": ";"}, r"seperator: is not honoured by the pipeline \(allowed|sep"),
        ({"delimeter": ";"}, r"delimeter: .* \(did you mean 'delimiter'\?\)"),
        ({"parse_dates": True}, r"parse_dates: is not honoured .* remove it \(allowed: sep, "),
        ({"encoding": "cp12522"}, r"encoding: must be an encoding .*\(did you mean 'cp1252'\?\)"),
        ({"encoding": "base64"}, "encoding: must be an encoding of text"),
        ({"sep": ";", "delimiter": ","}, "delimiter: says the same as sep"),
        ({"sep": ";", "quotechar": ";"}, "quotechar: is ';', and so is sep"),
        ({"sep": "#", "comment": "#"}, "comment: is '#', and so is sep"),
        ({"decimal": ",", "thousands": ","}, "thousands: is ',', and so is decimal"),
        ({"thousands": "."}, "thousands: is '.', and so is decimal"),
        ({"na_values": [None]}, "na_values.0: must be a word, not nothing: put it in quotes"),
    ],
)
def test_what_is_not_honoured_is_refused_by_name(
    args: dict[str, Any], message: str, tmp_path: Path
) -> None:
    with pytest.raises(CatalogError, match=rf"catalog\.yaml:\d+ people\.load_args\.{message}"):
        read(tmp_path, args)


@pytest.mark.parametrize(
    ("layout", "message"),
    [
        ({"skip_lines": ["("]}, r"skip_lines\.0: is not a regular expression: missing \)"),
        ({"skip_lines": ["x*"]}, r"skip_lines\.0: matches every line"),
        ({"na_values": ["-"]}, "na_values: stands among load_args"),
        ({"header_line": 2}, r"header_line: unknown key \(did you mean 'header_lines'\?\)"),
    ],
)
def test_a_layout_that_cannot_be_is_refused(
    layout: dict[str, Any], message: str, tmp_path: Path
) -> None:
    with pytest.raises(CatalogError, match=rf"people\.metadata\.layout\.{message}"):
        read(tmp_path, layout=layout)


def test_words_are_those_of_the_kind_of_file(tmp_path: Path) -> None:
    assert read(tmp_path, {"sheet_name": "A"}, type_="pandas.ExcelDataset").sheet_name == "A"
    assert read(tmp_path, {"lines": True}, type_="pandas.JSONDataset").type == "pandas.JSONDataset"
    with pytest.raises(CatalogError, match="load_args: must say lines: true"):
        read(tmp_path, type_="pandas.JSONDataset")
    with pytest.raises(CatalogError, match=r"header_lines: is not for pandas\.ParquetDataset"):
        read(tmp_path, layout={"header_lines": 2}, type_="pandas.ParquetDataset")


@pytest.mark.parametrize(
    ("file", "compression"),
    [
        ("a.csv", None),
        ("a.csv.gz", "gzip"),
        ("A.CSV.GZ", "gzip"),
        ("a.zip", "zip"),
        ("a.zst", "zstd"),
    ],
)
def test_the_compression_is_told_by_the_name(file: str, compression: str | None) -> None:
    assert Layout().compression_of(file) == compression
    assert Layout(compression="gzip").compression_of(file) == "gzip"
