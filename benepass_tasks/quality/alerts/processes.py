"""Programs that get something on their standard input, side by side, and end in time."""

import os
import selectors
import signal
import subprocess
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

MOST_OUTPUT = 500
"""Bytes that are kept of what a program says; it may say more."""

_CHUNK = 65536
_LOOK_EVERY = 0.05
"""Seconds between two looks at whether a program has ended."""


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
    running = [_Running(job) for job in jobs]
    end = time.monotonic() + seconds
    try:
        with selectors.DefaultSelector() as selector:
            for one in running:
                one.listen(selector)
            while any(one.goes_on() for one in running) and time.monotonic() < end:
                for key, _ in selector.select(_LOOK_EVERY):
                    if not key.data.hear():
                        selector.unregister(key.fileobj)
    finally:
        for one in running:
            one.stop()
    return [one.ending(seconds) for one in running]


class _Running:
    """A program that was started, if it could be."""

    def __init__(self, job: Job) -> None:
        self._heard = b""
        self._failure: str | None = None
        self._process = self._start(job)

    def _start(self, job: Job) -> "subprocess.Popen[bytes] | None":
        # A file, since a program that reads slowly, or not at all, would fill a pipe.
        with tempfile.TemporaryFile() as stdin:
            stdin.write(job.stdin)
            stdin.seek(0)
            try:
                return subprocess.Popen(  # noqa: S603 - the operator's own command
                    job.command,
                    stdin=stdin,
                    stdout=subprocess.PIPE,
                    stderr=subprocess.STDOUT,
                    cwd=job.folder,
                    env=job.environment,
                    start_new_session=True,
                )
            except OSError as error:
                self._failure = f"cannot be started: {error.strerror}"
                return None

    @property
    def _output(self) -> IO[bytes] | None:
        return self._process.stdout if self._process else None

    def listen(self, selector: selectors.BaseSelector) -> None:
        if self._output:
            os.set_blocking(self._output.fileno(), False)
            selector.register(self._output, selectors.EVENT_READ, self)

    def hear(self) -> bool:
        """Take what it says; False when it has nothing more to say."""
        if self._output is None:
            return False
        try:
            chunk = os.read(self._output.fileno(), _CHUNK)
        except BlockingIOError:
            return True
        self._heard = (self._heard + chunk)[:MOST_OUTPUT]
        return bool(chunk)

    def goes_on(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def stop(self) -> None:
        """Kill it with all that it started, if it goes on."""
        if self._process is None:
            return
        if self.goes_on():
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
            self._failure = "killed"
        self.hear()
        if self._output:
            self._output.close()

    def ending(self, seconds: float) -> Ending:
        output = self._heard.decode(errors="replace")
        if self._process is None:
            return Ending(self._failure)
        if self._failure:
            return Ending(f"took longer than {seconds:g} s and was killed", output)
        code = self._process.returncode
        if code < 0:
            return Ending(f"was ended by signal {-code}", output)
        return Ending(f"ended with {code}" if code else None, output, code)
