"""Defects made on purpose, to see whether the tests notice: `python tests/mutations/mutate.py`.

Each entry of `mutations.toml` replaces one text of the package or of `sql/` by another, and names
the tests that have to fail then. The text is looked for in all files, so that it may move from one
to another; a text that stands nowhere, or more than once, is an error that names the mutation.

A mutation is applied to a copy of the tree, and the tests of that copy run there until the first
one fails. Of each test that noticed something it is then made sure that it passes without any
mutation: a test that fails in any case notices nothing.

The copy is what is imported, here and in every process that a test starts: `PYTHONPATH` names it,
which comes before what is installed, and `PYTHONSAFEPATH` keeps the working folder out.

Exit code: 0 where everything was caught; 1 where something survived; 2 where something could not be
tried, since its text or its tests are not there, or no test came to run.

It needs git, the package with the extra `site`, and the dependency group `test`. It takes some
seconds for each mutation, so it is run at night; an environment of tox needs no more than

    commands = python tests/mutations/mutate.py {posargs}

By day, `--check` says which mutations still apply and have a test in the matrix, and `--only ID`
tries a single one.
"""

import argparse
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import tomllib
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Literal

from _pytest.mark.expression import Expression

HERE = Path(__file__).resolve().parent
MUTATED = ("benepass_tasks", "sql")
SECONDS = 900
"""What the tests of one mutation may take; hanging is no way to notice a defect."""

BY_DAY = "not browser and not nightly"
"""The tests that are asked: those of the matrix, which catch a defect before it is merged."""

SOME_FAILED = 1
"""The exit code of pytest where tests ran and one failed."""

Outcome = Literal["caught", "survived", "not tried"]


class MutationError(Exception):
    """A mutation cannot be tried; the message says why."""


@dataclass(frozen=True, slots=True)
class Mutation:
    """A defect; an entry of `mutations.toml`.

    Attributes:
        id: Its name.
        area: What it is in.
        breaks: What goes wrong with it, in one sentence.
        old: A text that stands in one file, once.
        new: What takes its place.
        tests: Patterns of test files, below `tests/`.
        only: A `-k` expression; empty for all tests of the files.
    """

    id: str
    area: str
    breaks: str
    old: str
    new: str
    tests: Sequence[str]
    only: str = ""


@dataclass(frozen=True, slots=True)
class Result:
    """What became of a mutation.

    Attributes:
        mutation: The mutation.
        outcome: Whether the tests noticed.
        seconds: How long it took.
        detail: The test that noticed, or why it could not be tried.
    """

    mutation: Mutation
    outcome: Outcome
    seconds: float
    detail: str = ""

    def __str__(self) -> str:
        """One line for people."""
        it = self.mutation
        return f"{self.outcome:<9} {self.seconds:6.1f} s  {it.area:<16} {it.id:<34} {self.detail}"


def main() -> int:
    """Try the mutations that the command line asks for; returns the exit code."""
    options = _options()
    mutations = _chosen(_read(), options.only, options.area)
    if options.list:
        for it in mutations:
            _say(f"{it.id}: {it.breaks} ({it.area}; {', '.join(it.tests)})")
        return 0
    if options.check:
        return _check(options.tree, mutations)
    with ThreadPoolExecutor(options.jobs) as pool:
        results = list(pool.map(lambda it: _tried(options.tree, it), mutations))
    results = _confirmed(options.tree, results)
    missed = [it for it in results if it.outcome != "caught"]
    for result in missed:
        _say(f"\n{result}\n    {result.mutation.breaks}")
    _say(f"\n{len(results)} mutations: {len(results) - len(missed)} caught, {len(missed)} not")
    return _exit_code(results)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=str(__doc__).partition("\n")[0])
    parser.add_argument("--only", action="append", default=[], metavar="ID", help="this one alone")
    parser.add_argument("--area", action="append", default=[], help="those of this area alone")
    parser.add_argument("--list", action="store_true", help="say which there are, and try none")
    parser.add_argument("--check", action="store_true", help="say which still apply, and try none")
    parser.add_argument("--jobs", type=int, default=1, help="how many to try at a time")
    parser.add_argument(
        "--tree", type=Path, default=HERE.parent.parent, help="the project's folder"
    )
    return parser.parse_args()


def _read() -> list[Mutation]:
    entries = tomllib.loads((HERE / "mutations.toml").read_text(encoding="utf-8"))["mutation"]
    mutations = [Mutation(**entry) for entry in entries]
    assert len({it.id for it in mutations}) == len(mutations), "two mutations have one id"
    return mutations


def _chosen(
    mutations: Sequence[Mutation], ids: Sequence[str], areas: Sequence[str]
) -> list[Mutation]:
    unknown = {*ids} - {it.id for it in mutations} | {*areas} - {it.area for it in mutations}
    if unknown:
        sys.exit(f"there is no mutation or area {', '.join(sorted(unknown))}; --list names them")
    is_all = not ids and not areas
    return [it for it in mutations if is_all or it.id in ids or it.area in areas]


def _check(tree: Path, mutations: Sequence[Mutation]) -> int:
    """Say which mutations can no longer be applied, or tried by day; returns the exit code."""
    lost = 0
    with _copied(tree) as copy:
        by_day = _tests_by_day(copy)
        for it in mutations:
            try:
                _place(copy, it)
                _require_one_of(by_day, _tests_of(copy, it), it.only)
            except MutationError as error:
                lost += 1
                _say(f"{it.id}: {error}")
    _say(f"{len(mutations)} mutations, of which {lost} can no longer be applied or tried by day")
    return 2 if lost else 0


def _tried(tree: Path, mutation: Mutation) -> Result:
    started = time.perf_counter()
    try:
        with _copied(tree) as copy:
            _apply(copy, mutation)
            _require_imported(copy)
            only = ["-k", mutation.only] if mutation.only else []
            failed = _failing_tests(copy, ["-x", *only, *_tests_of(copy, mutation)])
        outcome: Outcome = "caught" if failed else "survived"
        result = Result(mutation, outcome, time.perf_counter() - started, ", ".join(failed))
    except MutationError as error:
        result = Result(mutation, "not tried", time.perf_counter() - started, str(error))
    _say(str(result))
    return result


def _confirmed(tree: Path, results: Sequence[Result]) -> list[Result]:
    """The results, less those of tests that fail without any mutation, too."""
    catching = sorted({it.detail for it in results if it.outcome == "caught"})
    if not catching:
        return list(results)
    why = "the test fails without the mutation, too"
    try:
        with _copied(tree) as copy:
            failed = _failing_tests(copy, catching)
    except MutationError as error:
        why, failed = f"the test cannot be run without the mutation: {error}", catching
    return [
        replace(it, outcome="not tried", detail=f"{why}: {it.detail}")
        if it.detail in failed
        else it
        for it in results
    ]


@contextmanager
def _copied(tree: Path) -> Iterator[Path]:
    """A copy of all files that git knows or would add."""
    listed = ["git", "-C", str(tree), "ls-files", "-z", "--cached", "--others"]
    names = subprocess.run([*listed, "--exclude-standard"], capture_output=True, check=True).stdout
    with tempfile.TemporaryDirectory(prefix="mutated-") as folder:
        copy = Path(folder).resolve() / "project"
        for name in map(os.fsdecode, filter(None, names.split(b"\0"))):
            if (tree / name).is_file():
                (copy / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(tree / name, copy / name)
        yield copy


def _place(copy: Path, mutation: Mutation) -> Path:
    """The file in which a mutation's old text stands.

    Raises:
        MutationError: it stands nowhere, or more than once.
    """
    found_in = (path for folder in MUTATED for path in (copy / folder).rglob("*"))
    files = [it for it in found_in if it.is_file() and it.suffix != ".pyc"]
    counts = {path: path.read_bytes().count(mutation.old.encode()) for path in sorted(files)}
    found = [str(path.relative_to(copy)) for path, count in counts.items() for _ in range(count)]
    if not found:
        raise MutationError(f"its text stands in no file: {mutation.old!r}")
    if len(found) > 1:
        raise MutationError(f"its text stands in {' and '.join(found)}: {mutation.old!r}")
    return copy / found[0]


def _apply(copy: Path, mutation: Mutation) -> None:
    path = _place(copy, mutation)
    path.write_bytes(path.read_bytes().replace(mutation.old.encode(), mutation.new.encode()))


def _tests_of(copy: Path, mutation: Mutation) -> list[str]:
    """The files with a mutation's tests, as paths in the copy.

    Raises:
        MutationError: a pattern fits no file.
    """
    found: dict[str, None] = {}
    for pattern in mutation.tests:
        paths = sorted((copy / "tests").rglob(pattern))
        if not paths:
            raise MutationError(f"there is no tests/**/{pattern}")
        found |= dict.fromkeys(str(path.relative_to(copy)) for path in paths)
    return list(found)


def _tests_by_day(copy: Path) -> list[str]:
    """The ids of all tests of the matrix."""
    command = [sys.executable, "-m", "pytest", "-q", "--collect-only", "-m", BY_DAY]
    done = subprocess.run(
        [*command, "-p", "no:cacheprovider", "tests"],
        cwd=copy,
        env=_environment(copy),
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise MutationError(f"the tests cannot be listed: {done.stdout[-1000:]}{done.stderr}")
    return [line for line in done.stdout.splitlines() if "::" in line]


def _require_one_of(by_day: Sequence[str], files: Sequence[str], only: str) -> None:
    """Make sure that a mutation has a test in the matrix.

    Raises:
        MutationError: all its tests run at night.
    """
    chosen = Expression.compile(only) if only else None
    for test in by_day:
        file, _, name = test.partition("::")
        if file in files and (chosen is None or chosen.evaluate(partial(_is_in, name.lower()))):
            return
    raise MutationError(f"no test of the matrix is among its own: {', '.join(files)} {only}")


def _is_in(test: str, word: str, /, **_: object) -> bool:
    """Whether a test has a word of a `-k` expression in its name."""
    return word.lower() in test


def _require_imported(copy: Path) -> None:
    """Make sure that a process imports the package of the copy, wherever it runs."""
    command = [sys.executable, "-c", "import benepass_tasks; print(benepass_tasks.__file__)"]
    done = subprocess.run(
        command,
        cwd=copy.parent,
        env=_environment(copy),
        capture_output=True,
        text=True,
        check=False,
    )
    if not done.stdout.startswith(str(copy)):
        raise MutationError(
            f"a process cannot import the mutated package: {done.stdout}{done.stderr}".strip()
        )


def _environment(copy: Path) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if name != "PYTEST_ADDOPTS"}
    return kept | {"PYTHONPATH": str(copy), "PYTHONSAFEPATH": "1"}


def _failing_tests(copy: Path, arguments: Sequence[str]) -> list[str]:
    """Run tests in a copy; returns the ids of those that failed, which with `-x` is one at most.

    Raises:
        MutationError: no test ran, or they took too long.
    """
    cache = copy.parent / "cache"
    command = [sys.executable, "-m", "pytest", "-q", "--tb=no", "-m", BY_DAY]
    said = _run(copy, [*command, "-o", f"cache_dir={cache}", *arguments])
    if not said:
        return []
    last_failed = cache / "v" / "cache" / "lastfailed"
    return list(json.loads(last_failed.read_text(encoding="utf-8")))


def _run(copy: Path, command: Sequence[str]) -> bool:
    """Whether a test failed."""
    process = subprocess.Popen(
        command,
        cwd=copy,
        env=_environment(copy),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    try:
        said, _ = process.communicate(timeout=SECONDS)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
        raise MutationError(f"its tests took more than {SECONDS} seconds") from None
    if process.returncode not in (0, SOME_FAILED):
        raise MutationError(f"pytest ended with {process.returncode}: {said[-1000:].strip()}")
    return process.returncode == SOME_FAILED


def _exit_code(results: Sequence[Result]) -> int:
    outcomes = {it.outcome for it in results}
    return 2 if "not tried" in outcomes else int("survived" in outcomes)


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
