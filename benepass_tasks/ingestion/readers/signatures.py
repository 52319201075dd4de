"""What a file is by the bytes that its format always begins with."""

import zipfile
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Final

UNPACK: Final = "unpack it first"
EXPORT: Final = "export it as CSV or as a workbook (.xlsx)"
DECRYPT: Final = "decrypt it first"

LONGEST: Final = 512
"""Bytes at the beginning of a file that tell its format."""

OLE: Final = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
"""Begins the compound files of Microsoft: old documents, and encrypted new ones."""


@dataclass(frozen=True, slots=True)
class Format:
    """A format of files.

    Attributes:
        kind: A word for programs.
        says: What a file of it is, such as `is a PDF`.
        advice: What to do with one that no reader reads; None where one does.
    """

    kind: str
    says: str
    advice: str | None = None


GZIP: Final = Format("gzip", "is a gzip file")
ZIP: Final = Format("zip", "is a zip archive")
ZSTD: Final = Format("zstd", "is a Zstandard file")
WORKBOOK: Final = Format("workbook", "is an Excel workbook")
BINARY_WORKBOOK: Final = Format("binary_workbook", "is a binary Excel workbook (.xlsb)")
OLD_WORKBOOK: Final = Format("old_workbook", "is an old Excel workbook (.xls)")
OPEN_DOCUMENT: Final = Format("open_document", "is an OpenDocument spreadsheet (.ods)")
PARQUET: Final = Format("parquet", "is a Parquet file")
WORKBOOKS: Final = (WORKBOOK, BINARY_WORKBOOK, OLD_WORKBOOK, OPEN_DOCUMENT)

ENCRYPTED_WORKBOOK: Final = Format(
    "encrypted",
    "is an encrypted Excel workbook",
    "open it with its password and save it without one",
)
ENCRYPTED_ZIP: Final = Format("encrypted", "is an encrypted zip archive", DECRYPT)
DAMAGED_ZIP: Final = Format(
    "damaged", "is a zip archive or a workbook that is cut off", "copy it anew"
)

_TEXTUAL: Final = (
    (
        b"version https://git-lfs.github.com/spec/",
        Format("git_lfs", "is a Git LFS pointer, not the file itself", "run git lfs pull"),
    ),
    (b"-----BEGIN PGP MESSAGE", Format("encrypted", "is encrypted with PGP", DECRYPT)),
    (b"age-encryption.org/", Format("encrypted", "is encrypted with age", DECRYPT)),
    (b"-----BEGIN AGE ENCRYPTED", Format("encrypted", "is encrypted with age", DECRYPT)),
    (b"Salted__", Format("encrypted", "is encrypted with OpenSSL", DECRYPT)),
    (b"{\\rtf", Format("rich_text", "is a rich text document", EXPORT)),
)
_BINARY: Final = (
    (b"\x1f\x8b", GZIP),
    (b"\x28\xb5\x2f\xfd", ZSTD),
    (b"PAR1", PARQUET),
    (b"PARE", Format("encrypted", "is an encrypted Parquet file", DECRYPT)),
    (b"%PDF-", Format("pdf", "is a PDF", EXPORT)),
    (b"SQLite format 3\0", Format("sqlite", "is a SQLite database", EXPORT)),
    (b"BZh", Format("bzip2", "is a bzip2 file", UNPACK)),
    (b"\xfd7zXZ\0", Format("xz", "is an xz file", UNPACK)),
    (b"7z\xbc\xaf\x27\x1c", Format("seven_zip", "is a 7-Zip archive", UNPACK)),
    (b"Rar!\x1a\x07", Format("rar", "is a RAR archive", UNPACK)),
    (b"\x04\x22\x4d\x18", Format("lz4", "is an LZ4 file", UNPACK)),
    (b"\x1f\x9d", Format("compress", "is a compressed file (.Z)", UNPACK)),
    (b"ARROW1\0\0", Format("arrow", "is an Arrow file", "write it as Parquet")),
    (b"FEA1", Format("feather", "is a Feather file", "write it as Parquet")),
    (b"ORC", Format("orc", "is an ORC file", "write it as Parquet")),
    (b"Obj\x01", Format("avro", "is an Avro file", "write it as Parquet")),
    (b"\x89PNG\r\n", Format("image", "is a picture", EXPORT)),
    (b"\xff\xd8\xff", Format("image", "is a picture", EXPORT)),
    (b"\x89HDF\r\n", Format("hdf5", "is an HDF5 file", "write it as Parquet")),
)
_ELSEWHERE: Final = (
    (8, b"DUCK", Format("duckdb", "is a DuckDB database", EXPORT)),
    (257, b"ustar", Format("tar", "is a tar archive", UNPACK)),
)
_IN_ZIP: Final = (
    ("xl/workbook.xml", WORKBOOK),
    ("xl/workbook.bin", BINARY_WORKBOOK),
    ("word/document.xml", Format("document", "is a Word document", EXPORT)),
    ("ppt/presentation.xml", Format("document", "is a PowerPoint presentation", EXPORT)),
    ("Index/Document.iwa", Format("document", "is an Apple Numbers or Pages document", EXPORT)),
)


def format_of(path: Path, head: bytes) -> Format | None:
    """The format of a file, if its beginning or, of an archive, its directory tells it."""
    for start, known in (*_TEXTUAL, *_BINARY):
        if head.startswith(start):
            return known
    for at, signature, known in _ELSEWHERE:
        if head[at : at + len(signature)] == signature:
            return known
    if head.startswith((b"PK\x03\x04", b"PK\x05\x06")):
        return _zipped(path)
    return _compound(path) if head.startswith(OLE) else None


def _zipped(path: Path) -> Format:
    try:
        with zipfile.ZipFile(path) as archive:
            members = {member.filename: member for member in archive.infolist()}
            if b"opendocument.spreadsheet" in _mimetype(archive, members):
                return OPEN_DOCUMENT
    except (zipfile.BadZipFile, zlib.error, OSError, EOFError, ValueError, RuntimeError):
        return DAMAGED_ZIP  # also of a version that zipfile does not implement
    known = next((it for name, it in _IN_ZIP if name in members), ZIP)
    return ENCRYPTED_ZIP if any(it.flag_bits & 1 for it in members.values()) else known


def _mimetype(archive: zipfile.ZipFile, members: dict[str, zipfile.ZipInfo]) -> bytes:
    return archive.read("mimetype") if "mimetype" in members else b""


def _compound(path: Path) -> Format:
    """Tell compound files apart by the names of their streams, which are in UTF-16."""
    content = path.read_bytes()
    if "EncryptedPackage".encode("utf-16-le") in content:
        return ENCRYPTED_WORKBOOK
    if any(name.encode("utf-16-le") in content for name in ("Workbook\0", "Book\0")):
        return OLD_WORKBOOK
    return Format("compound", "is an old Office document", EXPORT)
