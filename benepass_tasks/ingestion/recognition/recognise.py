"""What a file is, whatever its name and its declaration say: told by its first bytes.

Says kinds, codecs and counts, and never a word of the file, which may be somebody's.
"""

import gzip
import json
import re
import zipfile
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

import pyarrow as pa

from benepass_tasks.catalog.layout import CSV, EXCEL, JSON_LINES, PARQUET
from benepass_tasks.ingestion.readers import signatures
from benepass_tasks.ingestion.readers.debezium import is_event
from benepass_tasks.ingestion.readers.signatures import Format, format_of
from benepass_tasks.ingestion.readers.streams import is_of_the_system
from benepass_tasks.ingestion.recognition.encodings import NAMES, Encoding, decode, detect
from benepass_tasks.ingestion.recognition.separators import SEPARATORS, Division, divide

DEBEZIUM: Final = "debezium"
"""The kind of files with change events."""

HEAD: Final = 256 << 10
"""Bytes that are looked at."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that a file is.

    Attributes:
        kind: A word for programs, such as `gzip` or `semicolon`.
        says: The predicate of a sentence about the file, such as `is a gzip file`.
        evidence: What speaks for it; no word of the file.
        load_args: What a source's `load_args` have to say of it, in pandas' words.
        advice: What to do where no declaration helps.
    """

    kind: str
    says: str
    evidence: str
    load_args: Mapping[str, Any] = field(default_factory=lambda: MappingProxyType({}))
    advice: str | None = None


@dataclass(frozen=True, slots=True)
class Recognition:
    """All that a file is, from the outermost to the innermost.

    Attributes:
        findings: What it is; a plain comma-separated file in UTF-8 has none.
        type: The `type` of a source that reads it; None where there is none.
        encodings: Of a text, the codecs that may be meant, the likeliest first.
        facts: Of a delimited text all that its `load_args` may say, also what need not be said.
    """

    findings: tuple[Finding, ...]
    type: str | None
    encodings: tuple[str, ...] = ()
    facts: Mapping[str, Any] = field(default_factory=lambda: MappingProxyType({}))

    @property
    def load_args(self) -> dict[str, Any]:
        """The `load_args` of a source that reads it."""
        return {name: it for finding in self.findings for name, it in finding.load_args.items()}

    def said_of(self, word: str) -> str:
        """What is said of the file that a word of `load_args` is about."""
        said = (it.says for it in self.findings if word in it.load_args)
        return next(said, _UNSAID[word])

    @property
    def kinds(self) -> frozenset[str]:
        """The words of the findings."""
        return frozenset(finding.kind for finding in self.findings)

    @property
    def advice(self) -> str | None:
        """What to do where no declaration helps."""
        return next((it.advice for it in self.findings if it.advice), None)

    @property
    def sentence(self) -> str:
        """The predicate of a sentence about the file; empty where there is nothing to say."""
        return joined([finding.says for finding in self.findings])


_UNSAID: Final = MappingProxyType(
    {
        "encoding": "is UTF-8",
        "sep": "is comma-separated",
        "compression": "is not compressed",
        "skiprows": "has its header on the first line",
        "quotechar": 'quotes its fields with "',
        "skipinitialspace": "has no space before quoted fields",
    }
)
"""What is said of a file that needs no word in `load_args`."""


def joined(parts: Sequence[str]) -> str:
    """Join parts of a sentence: `a, b and c`."""
    return " and ".join(filter(None, [", ".join(parts[:-1]), *parts[-1:]]))


def recognise(path: Path) -> Recognition:
    """Look at a file's first bytes, and at those within them where they are compressed.

    Raises:
        OSError: the file cannot be read.
    """
    with path.open("rb") as file:
        head = file.read(HEAD)
    if not head:
        return _alone("empty", "is empty", "it has no byte", "put the file there anew")
    known = format_of(path, head)
    if known is None:
        return _text(_with_later_letters(path, head))
    if known.kind in _COMPRESSED:
        return _compressed(path, known)
    evidence = "its first bytes are those of the format"
    if known in signatures.WORKBOOKS:
        return Recognition((Finding(known.kind, known.says, evidence),), EXCEL)
    if known is signatures.PARQUET:
        return Recognition((Finding(known.kind, known.says, evidence),), PARQUET)
    return _alone(known.kind, known.says, evidence, known.advice)


_COMPRESSED: Final = ("gzip", "zip", "zstd")
_NUMBERS: Final = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
_AS_LINES: Final = "write one object a line: jq -c '.[]' FILE.json > FILE.jsonl"
_MARKUP = re.compile(
    r"\s*(?:<\?[^>]*>\s*|<!--.*?-->\s*)*<(?:!doctype\s+)?(\w+)", re.IGNORECASE | re.DOTALL
)


def _alone(kind: str, says: str, evidence: str, advice: str | None) -> Recognition:
    return Recognition((Finding(kind, says, evidence, advice=advice),), None)


def _compressed(path: Path, known: Format) -> Recognition:
    """What is in a compressed file, after what it is itself."""
    members = 1
    try:
        if known is signatures.GZIP:
            with gzip.open(path) as unpacked:
                head = unpacked.read(HEAD)
        elif known is signatures.ZSTD:
            with pa.CompressedInputStream(pa.OSFile(str(path)), "zstd") as stream:
                head = stream.read(HEAD)
        else:
            with zipfile.ZipFile(path) as archive:
                files = [it for it in archive.infolist() if not is_of_the_system(it)]
                members = len(files)
                with archive.open(files[0]) as unpacked:
                    head = unpacked.read(HEAD)
    except (OSError, EOFError, IndexError, zlib.error, zipfile.BadZipFile, RuntimeError) as error:
        if isinstance(error, OSError) and error.errno:
            raise
        says = f"{known.says} that cannot be unpacked"
        return _alone("damaged", says, "unpacking its beginning fails", "copy it anew")
    evidence = "its first bytes are those of the format"
    if members > 1:
        says = f"{known.says} of {members:,} files"
        return _alone("zip_of_many", says, "its directory says so", signatures.UNPACK)
    within = _text(head)
    outer = Finding(known.kind, known.says, evidence, {"compression": known.kind})
    facts = {**within.facts, "compression": known.kind} if within.facts else {}
    return Recognition((outer, *within.findings), within.type, within.encodings, facts)


def _with_later_letters(path: Path, head: bytes) -> bytes:
    """The first bytes, and where all are ASCII, the lines of the first block that is not."""
    if not head.isascii() or b"\0" in head:
        return head
    with path.open("rb") as file:
        file.seek(len(head))
        while block := file.read(8 << 20):
            if not block.isascii():
                lines = (line for line in block.split(b"\n")[1:-1] if not line.isascii())
                found = b"\n".join(lines)[:HEAD]
                return head[: head.rfind(b"\n") + 1] + found[: found.rfind(b"\n") + 1]
    return head


def _text(data: bytes) -> Recognition:
    encoding = detect(data)
    if encoding is None:
        return _alone("binary", "is not text", "it has bytes that no text has", None)
    text = decode(data, encoding.codec)
    codecs_ = (encoding.codec, *encoding.others)
    if not text.strip():
        return _alone("blank", "holds nothing but blank lines", "no line has a letter", None)
    written = tuple(_of_encoding(encoding))
    if markup := _of_markup(text):
        return Recognition((markup,), None, codecs_)
    facts: dict[str, Any] = {"encoding": encoding.codec, "compression": None}
    if of_json := _of_json(text):
        type_ = None if of_json.advice else JSON_LINES
        return Recognition((*written, of_json), type_, codecs_, facts)
    division = divide(text)
    found = Recognition((*written, *_of_division(division)), CSV, codecs_)
    facts |= {"sep": division.sep or ",", "skiprows": 0, **found.load_args}
    return replace(found, facts=facts)


def _of_encoding(encoding: Encoding) -> Iterator[Finding]:
    if encoding.codec not in ("ascii", "utf-8"):
        others = [NAMES[it] for it in encoding.others[:3]]
        doubt = f" (or {' or '.join(others)})" if others else ""
        kind = encoding.name.lower().replace("-", "").replace(" ", "_")
        yield Finding(
            kind,
            f"looks like {encoding.name}{doubt}",
            encoding.evidence,
            {"encoding": encoding.codec},
        )


def _of_markup(text: str) -> Finding | None:
    found = _MARKUP.match(text[:4096])
    if found is None:
        return None
    root, evidence = found[1].lower(), "it begins with a tag"
    if root in ("html", "head", "body", "table", "script", "div", "meta"):
        advice = (
            "download the file itself, in whose place a page to sign in is often saved; a table in "
            "a page can be opened with Excel and saved as CSV"
        )
        return Finding("web_page", "is a web page", evidence, advice=advice)
    is_sheet = "urn:schemas-microsoft-com:office:spreadsheet" in text[:4096]
    says = "is an Excel workbook in XML of 2003" if is_sheet else "is XML"
    return Finding("xml", says, evidence, advice=signatures.EXPORT)


def _of_json(text: str) -> Finding | None:
    start = text.lstrip()
    if not start.startswith(("{", "[")):
        return None
    first, _, others = start.partition("\n")
    found = _object(first) if start.startswith("{") else None
    if found is not None and not others.strip() and any(map(_is_table, found.values())):
        says = "is one JSON object, with records in a list of it"
        return Finding("json", says, "it has one line", advice=_AS_LINES)
    if found is not None and (events := [*_events(text)]):
        says = f"{sum(events):,} of its first {len(events):,} lines are such"
        args = {"lines": True}
        return Finding(DEBEZIUM, "is JSON lines with Debezium's events", says, args)
    if found is not None:
        return Finding(
            "json_lines", "is JSON lines", "its first line is a JSON object", {"lines": True}
        )
    if re.match(r'\[\s*[{\["\d\]tfn-]|\{\s*["}]', start):
        says = "is a JSON array" if start.startswith("[") else "is JSON that takes several lines"
        return Finding("json", says, "it begins as JSON does", advice=_AS_LINES)
    return None


def _events(text: str) -> Iterator[bool]:
    """Whether each whole line is an event of Debezium; nothing where none is."""
    lines = text.splitlines()
    found = [is_event(it) for line in lines if (it := _object(line)) is not None]
    yield from found if any(found) else ()


def _object(line: str) -> dict[str, Any] | None:
    try:
        found = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def _is_table(value: object) -> bool:
    return isinstance(value, list) and bool(value) and isinstance(value[0], dict)


def _of_division(division: Division) -> Iterator[Finding]:
    agreeing, looked_at = division.records
    if division.is_whole_line_quoted:
        yield Finding(
            "quoted_lines",
            "has a whole record in quotes on each line",
            "each line is one quoted field with commas in it",
            advice="take the outer quotes away, or export it anew",
        )
    elif division.is_fixed_width:
        yield Finding(
            "fixed_width",
            "has columns of a fixed width",
            "its columns begin at the same places, after spaces",
            advice=signatures.EXPORT,
        )
    elif division.sep is None:
        yield Finding("one_column", "has one column only", "no separator divides its lines")
    elif division.sep != ",":
        yield Finding(
            SEPARATORS[division.sep].replace(" ", "_").lower(),
            f"is {SEPARATORS[division.sep]}-separated",
            f"{agreeing:,} of the first {looked_at:,} records have {division.fields} fields",
            {"sep": division.sep},
        )
    if division.title_lines:
        number = division.title_lines
        shown = _NUMBERS[number] if number < len(_NUMBERS) else f"{number:,}"
        yield Finding(
            "title_lines",
            f"has {shown} line{'s' if number > 1 else ''} above the header",
            f"they have fewer fields than the {division.fields} of most records",
            {"skiprows": number},
        )
    if division.has_sep_line:
        yield Finding(
            "sep_line",
            "names its separator on the first line",
            "the line is of the form sep=;",
        )
    if division.has_lone_returns:
        yield Finding(
            "carriage_returns",
            "has lines that end with a carriage return alone",
            "it has more lone carriage returns than line feeds",
        )
    if division.has_spaces_before_quotes:
        yield Finding(
            "spaces_before_quotes",
            "has spaces before quoted fields",
            "most lines have a quoted field after a separator and a space",
            {"skipinitialspace": True},
        )
    if division.is_single_quoted:
        yield Finding(
            "single_quotes",
            "quotes its fields with '",
            "most lines have a field in such quotes",
            {"quotechar": "'"},
        )
