"""What a source says of a table, an API or a bucket, and what is refused of it."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from jsonschema import Draft202012Validator

from benepass_tasks.catalog import load_catalog
from benepass_tasks.catalog.extracts import ApiExtract, BucketExtract, TableExtract
from benepass_tasks.catalog.json_schema import catalog_schema
from benepass_tasks.config.errors import CatalogError

if TYPE_CHECKING:
    from pathlib import Path

TABLE: dict[str, Any] = {
    "type": "pandas.SQLTableDataset",
    "table_name": "staff",
    "credentials": "HR_DATABASE",
    "load_args": {"schema": "hr"},
}
API: dict[str, Any] = {
    "type": "api.APIDataset",
    "url": "https://api.example.com/v1/people",
    "load_args": {"params": {"limit": 100}, "headers": {"Accept": "*/*"}, "timeout": 30},
}
BY_CURSOR = {"cursor": "changed_at", "lag": "3d", "deletes": "compare_keys"}
BY_PAGE: dict[str, Any] = {
    "records": "data",
    "paginator": {"type": "json_link", "next_url_path": "next"},
}


def write(folder: Path, entry: dict[str, Any], extract: dict[str, Any] | None) -> Path:
    metadata = {
        "description": "People",
        "domain": "people",
        "columns": {"name": {"description": "Name"}},
    } | ({"extract": extract} if extract is not None else {})
    path = folder / "catalog.yaml"
    path.write_text(yaml.safe_dump({"people": entry | {"metadata": metadata}}), encoding="utf-8")
    return path


def test_a_table_is_all_read_unless_its_entry_says_otherwise(tmp_path: Path) -> None:
    source = load_catalog(write(tmp_path, TABLE, None)).sources["people"]
    assert source.extract == TableExtract(credentials="HR_DATABASE", table="staff", schema="hr")
    assert source.filepath == "data/extracts/people.parquet"
    assert source.origin == "table hr.staff of HR_DATABASE"


@pytest.mark.parametrize(
    ("extract", "filepath"),
    [
        ({"cursor": "changed_at"}, "data/extracts/people/*.parquet"),
        (BY_CURSOR, "data/extracts/people.parquet"),
    ],
)
def test_with_a_cursor_there_is_a_file_for_each_reading_unless_rows_can_leave(
    tmp_path: Path, extract: dict[str, Any], filepath: str
) -> None:
    assert load_catalog(write(tmp_path, TABLE, extract)).sources["people"].filepath == filepath


def test_an_api_says_where_its_records_are_and_how_it_goes_on(tmp_path: Path) -> None:
    extract = BY_PAGE | {
        "cursor": "changed",
        "cursor_param": "since",
        "lag": "1h",
        "token": "API_TOKEN",
        "max_pages": 5,
    }
    source = load_catalog(write(tmp_path, API, extract)).sources["people"]
    assert source.extract == ApiExtract(
        cursor="changed",
        lag=timedelta(hours=1),
        url=API["url"],
        params={"limit": "100"},
        headers={"Accept": "*/*"},
        timeout=30,
        records="data",
        paginator=BY_PAGE["paginator"],
        cursor_param="since",
        token="API_TOKEN",  # noqa: S106 - the name of a variable
        max_pages=5,
    )
    assert source.origin == "api.example.com/v1/people"


FILE: dict[str, Any] = {
    "type": "pandas.CSVDataset",
    "load_args": {"dtype": "str", "keep_default_na": False},
}


def test_files_may_be_in_a_bucket(tmp_path: Path) -> None:
    address = "s3://my.bucket-1/in/people*.csv.gz"
    source = load_catalog(write(tmp_path, FILE | {"filepath": address}, None)).sources["people"]
    assert source.extract == BucketExtract(address=address)
    assert (source.extract.bucket, str(source.extract.key)) == ("my.bucket-1", "in/people*.csv.gz")
    assert source.filepath == source.origin == address


def test_changes_may_be_followed(tmp_path: Path) -> None:
    extract = {"mode": "cdc", "publication": "hr", "max_lag": "500MB"}
    source = load_catalog(write(tmp_path, TABLE, extract)).sources["people"]
    assert source.extract == TableExtract(
        credentials="HR_DATABASE",
        table="staff",
        schema="hr",
        mode="cdc",
        publication="hr",
        max_lag=500 << 20,
    )
    assert source.filepath == "data/extracts/people.parquet"


REFUSED = {
    "changes and a cursor": (
        TABLE,
        {"mode": "cdc", "cursor": "changed_at"},
        "people.metadata.extract.cursor: is for reading without mode: cdc, which needs none",
    ),
    "a publication of nothing": (
        TABLE,
        {"publication": "hr"},
        "people.metadata.extract.publication: is for mode: cdc; add that, or remove this",
    ),
    "a lag without a unit": (
        TABLE,
        {"mode": "cdc", "max_lag": 500},
        "people.metadata.extract.max_lag: must be bytes such as 10GB, not 500",
    ),
    "a secret in the address of a bucket": (
        FILE | {"filepath": "s3://key:s3cret@bucket/in/people.csv"},
        None,
        "people.filepath: must begin with data/, or with s3:// and the bucket alone",
    ),
    "another storage": (
        FILE | {"filepath": "gs://bucket/in/people.csv"},
        None,
        "people.filepath: must begin with data/, or with s3:// and the bucket alone",
    ),
    "a bucket without a file": (
        FILE | {"filepath": "s3://bucket/"},
        None,
        "people.filepath: must be a file below data/, not 's3://bucket/'",
    ),
    "a glob in a folder of a bucket": (
        FILE | {"filepath": "s3://bucket/*/people.csv"},
        None,
        "people.filepath: must have *, ? and [ only in the file name",
    ),
    "a way up in a bucket": (
        FILE | {"filepath": "s3://bucket/in/../people.csv"},
        None,
        "people.filepath: must have names between slashes, and no '.' and '..'",
    ),
    "credentials of a bucket": (
        FILE | {"filepath": "s3://bucket/people.csv", "credentials": "KEYS"},
        None,
        "people.credentials: unknown key",
    ),
    "a secret in place of its name": (
        TABLE | {"credentials": "postgresql://u:s3cret@host/db"},
        None,
        (
            "people.credentials: must be the name of a variable of the environment such as "
            "HR_DATABASE, which holds the secret: it does not belong in this file"
        ),
    ),
    "a table without credentials": (
        {name: it for name, it in TABLE.items() if name != "credentials"},
        None,
        "people.credentials: is required",
    ),
    "a table in a file": (
        TABLE | {"filepath": "data/x.csv"},
        None,
        "people.filepath: a table is read, and no file; remove it",
    ),
    "a lag without a cursor": (
        TABLE,
        {"lag": "3d"},
        "people.metadata.extract.lag: is for a cursor, and there is none: all is read",
    ),
    "an unknown way to find deletes": (
        TABLE,
        BY_CURSOR | {"deletes": "guess"},
        "people.metadata.extract.deletes: must be one of compare_keys, not 'guess'",
    ),
    "an argument of pandas": (
        TABLE | {"load_args": {"chunksize": 5}},
        None,
        "people.load_args.chunksize: unknown key (allowed: schema)",
    ),
    "a user in an address": (
        API | {"url": "https://u:s3cret@host/x"},
        BY_PAGE,
        "people.url: must have no user and password; name the variable of a token",
    ),
    "a query in an address": (
        API | {"url": "https://host/x?key=s3cret"},
        BY_PAGE,
        "people.url: must end with its path; what is asked stands in load_args.params",
    ),
    "no address": (
        API | {"url": "ftp://host/x"},
        BY_PAGE,
        "people.url: must be an address that begins with https:// or http://",
    ),
    "an API without its words": (API, None, "people.metadata.extract: is required"),
    "an unknown paginator": (
        API,
        BY_PAGE | {"paginator": {"type": "jsonlink"}},
        (
            "people.metadata.extract.paginator.type: must be one of single_page, json_link, "
            "header_link, cursor, offset, page_number (did you mean 'json_link'?)"
        ),
    ),
    "a word of another paginator": (
        API,
        BY_PAGE | {"paginator": {"type": "json_link", "limit": 5}},
        "people.metadata.extract.paginator.limit: unknown key (allowed: type, next_url_path)",
    ),
    "a cursor that nobody is told": (
        API,
        BY_PAGE | {"cursor": "changed"},
        (
            "people.metadata.extract.cursor_param: is required beside a cursor: "
            "the parameter that asks from where on"
        ),
    ),
    "a nested parameter": (
        API | {"load_args": {"params": {"a": [1]}}},
        BY_PAGE,
        "people.load_args.params: must hold texts or whole numbers, not a list",
    ),
    "a file where extracts are": (
        {"type": "pandas.CSVDataset", "filepath": "data/extracts/people.csv"},
        None,
        (
            "people.filepath: data/extracts/ stands for what is read of databases and APIs; "
            "choose another folder"
        ),
    ),
    "an extract of a file": (
        {"type": "pandas.CSVDataset", "filepath": "data/people.csv"},
        {"cursor": "x"},
        (
            "people.metadata.extract: is for pandas.SQLTableDataset and api.APIDataset only; "
            "files are read as they come"
        ),
    ),
}


@pytest.mark.parametrize(("entry", "extract", "said"), REFUSED.values(), ids=REFUSED)
def test_what_is_wrong_is_told_without_a_secret(
    tmp_path: Path, entry: dict[str, Any], extract: dict[str, Any] | None, said: str
) -> None:
    path = write(tmp_path, entry, extract)
    with pytest.raises(CatalogError) as told:
        load_catalog(path)
    assert said in str(told.value)
    assert "s3cret" not in str(told.value)


# A user or a query in an address no pattern tells; the program does.
OF_THE_PROGRAM = {
    "a user in an address",
    "a query in an address",
    "a file where extracts are",
    "a way up in a bucket",
}


def is_valid(path: Path) -> bool:
    validator = Draft202012Validator(catalog_schema())
    return bool(validator.is_valid(yaml.safe_load(path.read_text())))


@pytest.mark.parametrize(
    ("entry", "extract"), [it[:2] for name, it in REFUSED.items() if name not in OF_THE_PROGRAM]
)
def test_an_editor_refuses_the_same(
    tmp_path: Path, entry: dict[str, Any], extract: dict[str, Any] | None
) -> None:
    assert not is_valid(write(tmp_path, entry, extract))


@pytest.mark.parametrize(
    ("entry", "extract"),
    [
        (TABLE, None),
        (TABLE, BY_CURSOR),
        (API, BY_PAGE),
        (API, BY_PAGE | {"cursor": "a", "cursor_param": "b", "lag": "1h", "token": "T"}),
    ],
)
def test_an_editor_accepts_what_the_program_reads(
    tmp_path: Path, entry: dict[str, Any], extract: dict[str, Any] | None
) -> None:
    path = write(tmp_path, entry, extract)
    load_catalog(path)
    assert is_valid(path)
