"""What a file is that does not fit its declaration, and the command that helps."""

import codecs
import shlex
from collections.abc import Iterator
from contextlib import contextmanager

from benepass_tasks.catalog import Source
from benepass_tasks.catalog.layout import Layout
from benepass_tasks.config.errors import SourceError
from benepass_tasks.ingestion.recognition.recognise import Recognition, joined, recognise
from benepass_tasks.state.source_files import SourceFile


@contextmanager
def told_what_it_is(source: Source, file: SourceFile, *, is_misfit: bool = True) -> Iterator[None]:
    """Let an error about a file say what the file is, where that is not what is declared.

    Where it is a misfit, read as it is declared, the command that proposes a declaration is named
    in any case.

    Raises:
        SourceError: what was raised, with what the file is.
    """
    try:
        yield
    except SourceError as error:
        what = what_it_is(source, file)
        if not what and not is_misfit:
            raise
        said = str(error).removeprefix(f"{source.name}: ").removeprefix(f"{file.name}: ")
        command = _command(file)
        if not what:
            message = f"{source.name}: {said}\nHow to declare the file as it is: {command}"
            raise SourceError(message, reason=error.reason) from error
        raise SourceError(
            f"{source.name}: {file.name} {what}, which catalog.yaml does not say of it.\n"
            f"How to declare it: {command}\n"
            f"Read as it is declared: {said}",
            reason=f"{error.reason}; it {what}",
        ) from error


def misfit_told(source: Source, file: SourceFile) -> str:
    """The end of a warning about a file that was loaded: what it is, if that is not declared."""
    what = what_it_is(source, file)
    return f". The file {what}; how to declare it: {_command(file)}" if what else ""


def _command(file: SourceFile) -> str:
    return f"benepass source inspect {shlex.quote(str(file.path))}"


def what_it_is(source: Source, file: SourceFile) -> str:
    """The predicate of a sentence about a file, of what its declaration does not say of it.

    It has no word of the file. It is empty where the file is as it is declared.
    """
    found = recognise(file.path)
    said = joined([*_misfits(found, source, file.name)])
    return f"{said} ({found.advice})" if said and found.advice else said


def _misfits(found: Recognition, source: Source, name: str) -> Iterator[str]:
    layout = source.layout
    if found.type != layout.type:
        yield found.sentence or "is comma-separated text"
        return
    declared = {
        "encoding": found.facts.get("encoding") if _reads(found, layout) else layout.encoding,
        "sep": layout.sep,
        "compression": layout.compression_of(name),
        "skiprows": layout.skiprows,
        "quotechar": layout.quotechar,
        "skipinitialspace": layout.skipinitialspace,
    }
    for word, value in found.facts.items():
        if declared[word] != value:
            yield found.said_of(word)
    for finding in found.findings:
        if finding.advice or (finding.kind == "one_column" and len(source.columns) > 1):
            yield finding.says


def _reads(found: Recognition, layout: Layout) -> bool:
    """Whether a text may be declared as it is: a codec of before Unicode reads any of its kind."""
    declared, actual = _family(layout.encoding), _family(found.facts.get("encoding", "ascii"))
    return declared == actual or (actual == "ascii" and declared not in ("utf-16", "utf-32"))


def _family(codec: str) -> str:
    name = codecs.lookup(codec).name
    if name in ("ascii", "utf-8", "utf-8-sig"):
        return name.removesuffix("-sig")
    return name[:6] if name.startswith(("utf-16", "utf-32")) else "legacy"
