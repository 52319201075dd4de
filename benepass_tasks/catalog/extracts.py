"""Sources that are elsewhere: a table of a SQL database, an API of the web, files in a bucket.

What is read of one becomes a file, its extract, which is loaded as any other.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import PurePosixPath
from types import MappingProxyType
from typing import ClassVar, Literal
from urllib.parse import urlsplit

from benepass_tasks.config.object_address import SCHEME

SQL_TABLE = "pandas.SQLTableDataset"
API = "api.APIDataset"
EXTRACTED_TYPES = (SQL_TABLE, API)

EXTRACTS = "data/extracts/"
"""What the paths of extracts begin with; the folder beside the warehouse takes its place."""

SUFFIX = ".parquet"

POSITION = ".slot.json"
"""What the name of the file ends with that says how far the changes of a database were read."""

VARIABLE = r"[A-Z][A-Z0-9_]*"
"""The name of a variable of the environment that holds a secret."""

BUCKETS = SCHEME
"""What the paths of files in object storage begin with."""

PAGINATORS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "single_page": (),
        "json_link": ("next_url_path",),
        "header_link": ("links_next_key",),
        "cursor": ("cursor_path", "cursor_param", "has_more_path"),
        "offset": ("limit", "offset_param", "limit_param", "total_path", "has_more_path"),
        "page_number": ("base_page", "page_param", "total_path", "has_more_path"),
    }
)
"""How an API hands its pages out, with the words of each; all of them are dlt's."""


@dataclass(frozen=True, slots=True)
class Extract:
    """What is read of a source each time.

    Attributes:
        unit: What is counted of it.
        cursor: The column, or the path in a record of an API, that grows with each change, so that
            only later records are read; None where all are read each time.
        lag: How far before the last value reading begins again, for what comes late.
    """

    unit: ClassVar[str] = "rows"

    cursor: str | None = None
    lag: timedelta = timedelta()

    @property
    def is_whole(self) -> bool:
        """Whether there is one file with all that the source has, and not one for each reading."""
        return self.cursor is None

    def filepath(self, source: str) -> str:
        """Where the extracts of a source of this name are."""
        return f"{EXTRACTS}{source}{SUFFIX if self.is_whole else f'/*{SUFFIX}'}"


@dataclass(frozen=True, slots=True, kw_only=True)
class TableExtract(Extract):
    """A table or view of a SQL database.

    Attributes:
        credentials: The variable of the environment with the address of the database.
        table: The table's name.
        schema: Its schema; None for that of the connection.
        deletes: Whether the keys are compared each time, so that rows leave that are gone; None
            where a cursor alone is followed.
        mode: Whether the changes are followed that the database itself writes down; None where
            rows are asked for.
        publication: What of Postgres names the tables whose changes are followed.
        max_lag: Bytes of its log that Postgres may have to keep for a reading before that is an
            incident.
    """

    credentials: str
    table: str
    schema: str | None = None
    deletes: Literal["compare_keys"] | None = None
    mode: Literal["cdc"] | None = None
    publication: str = "benepass"
    max_lag: int = 10 << 30

    @property
    def is_whole(self) -> bool:
        """With deletes, what is read is put into the one file."""
        return self.cursor is None or self.deletes is not None

    def place(self, source: str) -> str:  # noqa: ARG002 - of an API it is the source
        """What is read at one moment: all tables of one database."""
        return self.credentials

    def __str__(self) -> str:
        """The table and its database."""
        return f"table {self.name} of {self.credentials}"

    @property
    def name(self) -> str:
        """The table, with its schema where that is declared."""
        return f"{self.schema}.{self.table}" if self.schema else self.table


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiExtract(Extract):
    """A list of records that an API hands out in pages.

    Attributes:
        url: The address, without what is asked of it.
        params: What is asked each time.
        headers: Headers that each request has.
        timeout: Seconds that an answer may take.
        records: The JSON path of the records in a page.
        paginator: How the next page is found: its `type`, and the words of that.
        cursor_param: The parameter that asks for records from a cursor on.
        token: The variable of the environment with the token that the API wants to see.
        max_pages: Pages that are too many.
    """

    url: str
    params: Mapping[str, str]
    headers: Mapping[str, str]
    records: str
    paginator: Mapping[str, object]
    timeout: int = 60
    cursor_param: str | None = None
    token: str | None = None
    max_pages: int = 10_000

    def place(self, source: str) -> str:
        """What is read at one moment: this source."""
        return source

    def __str__(self) -> str:
        """The host and path."""
        parts = urlsplit(self.url)
        return f"{parts.netloc}{parts.path}"


@dataclass(frozen=True, slots=True, kw_only=True)
class BucketExtract(Extract):
    """Files in a bucket of object storage, each of which is copied as it is.

    Attributes:
        address: Where they are, as the catalog says: `s3://`, the bucket, folders, and a file name
            that may be a glob.
    """

    unit: ClassVar[str] = "files"

    address: str

    @property
    def is_whole(self) -> bool:
        """Each object is a file of its own."""
        return False

    @property
    def bucket(self) -> str:
        """The bucket's name."""
        return self.address.removeprefix(BUCKETS).partition("/")[0]

    @property
    def key(self) -> PurePosixPath:
        """The keys that are meant, of which the last part may be a glob."""
        return PurePosixPath(self.address.removeprefix(f"{BUCKETS}{self.bucket}/"))

    def filepath(self, source: str) -> str:  # noqa: ARG002 - of the others it is named for it
        """Users see the objects, and not their copies."""
        return self.address

    def place(self, source: str) -> str:
        """What is read at one moment: this source."""
        return source

    def __str__(self) -> str:
        """The address."""
        return self.address
