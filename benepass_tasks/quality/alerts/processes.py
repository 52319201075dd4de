"""Programs that get something on their standard input, side by side, and end in time."""

import os
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

MOST_OUTPUT = 500
"""Bytes that are kept of what a program says; it may say more."""


@dataclass(frozen=True, slots=True)
class Job:
    """A program to run.

    Attributes:
        command: The program and its arguments; no shell reads them.
        stdin: What it gets on standard input.
        folder: Where it runs.
        environment: What it finds in its environment.
    """

    command: Sequence[str]
    stdin: bytes
    folder: Path
    environment: Mapping[str, str] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Ending:
    """How a program ended.

    Attributes:
        failure: What went wrong, in words; None where it ended well.
        output: The beginning of what it said.
        code: The code that it ended with; None where it did not get so far.
    """

    failure: str | None
    output: str = ""
    code: int | None = None


def run_all(jobs: Sequence[Job], seconds: float) -> list[Ending]:
    """Run programs side by side; those that take too long are killed, with all they started.

    It needs no thread, of which none can be started when the interpreter is about to end.
    """
    end = time.monotonic() + seconds
    with ExitStack() as stack:
        # Files, since a program that reads slowly, or says much, would fill a pipe.
        outputs = [stack.enter_context(tempfile.TemporaryFile()) for _ in jobs]
        started = list(map(_start, jobs, outputs))
        with _killing_what_goes_on(started) as killed:
            for process in _processes(started):
                with suppress(subprocess.TimeoutExpired):
                    process.wait(max(end - time.monotonic(), 0))
        late = f"took longer than {seconds:g} s and was killed"
        return [
            _ending(one, output, late if one in killed else None)
            for one, output in zip(started, outputs, strict=True)
        ]


def _start(job: Job, output: IO[bytes]) -> "subprocess.Popen[bytes] | str":
    """Start a program; returns why it cannot be, where it cannot."""
    with tempfile.TemporaryFile() as stdin:
        stdin.write(job.stdin)
        stdin.seek(0)
        try:
            return subprocess.Popen(  # noqa: S603 - the operator's own command
                job.command,
                stdin=stdin,
                stdout=output,
                stderr=subprocess.STDOUT,
                cwd=job.folder,
                env=job.environment,
                start_new_session=True,
            )
        except OSError as error:
            return f"cannot be started: {error.strerror}"


@contextmanager
def _killing_what_goes_on(
    started: Sequence["subprocess.Popen[bytes] | str"],
) -> "Iterator[list[subprocess.Popen[bytes]]]":
    """In the end, kill what has not ended, with all that it started; gives these programs."""
    killed: list[subprocess.Popen[bytes]] = []
    try:
        yield killed
    finally:
        for process in _processes(started):
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
                killed.append(process)


def _processes(
    started: Sequence["subprocess.Popen[bytes] | str"],
) -> "list[subprocess.Popen[bytes]]":
    return [one for one in started if not isinstance(one, str)]


def _ending(one: "subprocess.Popen[bytes] | str", output: IO[bytes], late: str | None) -> Ending:
    if isinstance(one, str):
        return Ending(one)
    output.seek(0)
    said = output.read(MOST_OUTPUT).decode(errors="replace")
    code = one.returncode
    if late:
        return Ending(late, said)
    if code < 0:
        return Ending(f"was ended by signal {-code}", said)
    return Ending(f"ended with {code}" if code else None, said, code)
