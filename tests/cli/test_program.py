"""The program as a whole: its settings, its help, how it ends, and what it looks like."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import shlex
import signal
import struct
import subprocess
import sys
import termios
from pathlib import Path
from typing import TYPE_CHECKING

import click
import pytest
from commands import run_line
from examples import at_night

from benepass_tasks.cli import main, program
from benepass_tasks.cli.command import Command
from benepass_tasks.config.settings import benepass, current_settings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from workspace import Workspace

    from tests.cli.conftest import Said

    Say = Callable[..., Said]

ELSEWHERE = (
    *("run", "serve", "pages", "pages serve", "visualiser"),
    *("source", "source forget", "source drop-slot", "asof", "diff", "privacy erase"),
    *("branch", "branch create", "branch delete", "promote"),
)
"""They run until Ctrl-C, end the process, or are for a file that is gone, a database, a past that
was kept, somebody who is to be, or a branch; tests of their own call them as their examples do."""

PROGRAM = [sys.executable, "-m", "benepass_tasks"]
SLOW_TO_IMPORT = ("dlt", "duckdb", "sqlglot", "sqlalchemy", "pyarrow", "marshmallow")


def commands(command: click.Command, name: str = "") -> Iterator[tuple[str, Command]]:
    """Every command below one, and itself, by the words that call it."""
    assert isinstance(command, Command)
    yield name, command
    if isinstance(command, click.Group):
        ctx = click.Context(command)
        for word in command.list_commands(ctx):
            below = command.get_command(ctx, word)
            assert below is not None
            yield from commands(below, f"{name} {word}".strip())


COMMANDS = dict(commands(program.program))


@pytest.mark.parametrize("name", COMMANDS)
def test_help_says_what_a_command_does_with_examples(
    name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*name.split(), "--help"]) == 0
    said = capsys.readouterr().out
    command = COMMANDS[name]
    assert command.help
    assert command.examples
    for example in command.examples:
        assert f"\n  benepass {example}\n" in said
    assert "--benepass-as-of DATE " in said


EXAMPLES = sorted(
    {
        line
        for name, command in COMMANDS.items()
        if name not in ELSEWHERE
        for line in command.examples
    }
)


@pytest.mark.parametrize("example", [EXAMPLES[0], *at_night(*EXAMPLES[1:])])
@pytest.mark.usefixtures("finished")
def test_the_examples_work(
    say: Say, workspace: Workspace, example: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(workspace.root)
    arguments, _, _ = example.partition(" > ")
    said = say(*shlex.split(arguments))
    assert said.code == 0, said.err
    assert said.out


def test_help_waits_for_nothing_that_is_slow_to_import() -> None:
    done = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "benepass_tasks", "--help"],
        capture_output=True,
        text=True,
        check=True,
    )
    imported = {line.rpartition("|")[2].strip() for line in done.stderr.splitlines()}
    assert "benepass_tasks.pipeline.tasks" in imported
    assert not imported.intersection(SLOW_TO_IMPORT)


def test_a_run_that_finds_nothing_to_do_waits_for_no_reader_of_files() -> None:
    code = "import sys, benepass_tasks.pipeline.run; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not {"dlt", "pyarrow", "sqlglot"}.intersection(done.stdout.split())


def test_importing_the_package_registers_the_tasks_whoever_imports_it() -> None:
    code = (
        "import benepass_tasks, luigi;"
        "print(luigi.task_register.Register.get_task_cls('BuildMarts'))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "BuildMarts" in done.stdout


def test_each_setting_of_luigi_is_a_flag(capsys: pytest.CaptureFixture[str]) -> None:
    main(["--help"])
    said = capsys.readouterr().out
    for name, parameter in benepass.get_params():
        assert f"--benepass-{name.replace('_', '-')} " in said
        assert parameter.description.split()[0] in said


@pytest.mark.parametrize(
    "place",
    [
        "--benepass-project-dir ROOT catalog validate",
        "catalog --benepass-project-dir ROOT validate",
        "catalog validate --benepass-project-dir ROOT",
        "catalog validate --benepass-project-dir=ROOT",
    ],
)
def test_a_setting_may_stand_anywhere(
    workspace: Workspace, place: str, capsys: pytest.CaptureFixture[str]
) -> None:
    workspace.replace("catalog.yaml", "treatment: mask", "treatment: maks")
    arguments = [word.replace("ROOT", str(workspace.root)) for word in place.split()]
    assert main(arguments) == 1
    assert "did you mean 'mask'" in capsys.readouterr().err


def test_a_setting_holds_for_one_command_line(say: Say) -> None:
    before = current_settings()
    assert say("catalog", "validate", "--benepass-memory-limit", "50%").code == 0
    assert current_settings() == before


def test_not_even_where_the_line_is_not_understood(say: Say) -> None:
    before = current_settings()
    assert say("status", "--benepass-memory-limit", "50%", "--nothing").code == 2
    assert current_settings() == before


@pytest.mark.nightly
def test_a_setting_of_luigi_cfg_holds_unless_a_flag_says_otherwise(
    workspace: Workspace,
) -> None:
    workspace.replace("luigi.cfg", "data_dir = data", "data_dir = data\nproject_dir = nowhere")
    nowhere = run(workspace, "catalog", "validate")
    assert nowhere.returncode == 1
    assert "nowhere holds no catalog.yaml" in nowhere.stderr
    assert run(workspace, "catalog", "validate", "--benepass-project-dir", ".").returncode == 0


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (
            "data_dir = data",
            "dat_dir = data",
            "luigi.cfg: setting dat_dir of [benepass] is unknown (did you mean 'data_dir'?)",
        ),
        (
            "[benepass]",
            "[benpass]",
            "luigi.cfg: section [benpass] is unknown (did you mean 'benepass'?)",
        ),
    ],
)
def test_a_misspelt_setting_is_refused(
    workspace: Workspace, old: str, new: str, message: str
) -> None:
    workspace.replace("luigi.cfg", old, new)
    line = [*PROGRAM, "catalog", "validate"]
    said = run_line(line, workspace.root, workspace.environment)
    assert (said.returncode, said.stderr) == (1, f"{message}\n")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["catlog"], "No such command 'catlog'"),
        (["catalog", "--layer", "mart"], "'mart' is not one of"),
        (["catalog", "show"], "Missing argument 'DATASET'"),
        (["--benepass-as-of", "yesterday", "catalog"], "'yesterday'"),
        (["catalog", "--benepass-pii-masking", "perhaps"], "'perhaps'"),
    ],
)
def test_a_command_line_that_cannot_be_understood_ends_with_2(
    say: Say, arguments: list[str], message: str
) -> None:
    said = say(*arguments)
    assert said.code == 2
    assert message in said.err
    assert said.out == ""


def test_a_setting_that_cannot_be_used_ends_with_1(say: Say) -> None:
    said = say("catalog", "--benepass-memory-limit", "much")
    assert said.code == 1
    assert said.err.startswith("--benepass-memory-limit is 'much'; it must be an amount")


def test_an_error_has_no_traceback_and_steers_no_terminal(say: Say, workspace: Workspace) -> None:
    workspace.replace("catalog.yaml", "marts.dim_merchants:", '"marts.dim_\\e[2Jmerchants":')
    said = say("catalog", "validate")
    assert said.code == 1
    assert "\x1b" not in said.err
    assert r"\x1b[2J" in said.err
    assert "Traceback" not in said.err


def test_without_a_command_there_is_help(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 2
    assert "Usage: benepass" in capsys.readouterr().err


def run(
    workspace: Workspace, *arguments: str, **environment: str
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*PROGRAM, *arguments],
        cwd=workspace.root,
        env=workspace.environment | environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_from_a_shell_the_catalog_is_listed(workspace: Workspace) -> None:
    done = run(workspace, "catalog")
    assert (done.returncode, done.stderr) == (0, "")
    assert "\x1b" not in done.stdout
    assert all(line == line.rstrip() for line in done.stdout.splitlines())


def test_letters_that_the_output_cannot_write_are_shown_by_their_code(
    workspace: Workspace,
) -> None:
    workspace.replace("catalog.yaml", "Merchants where money was spent.", "Café ❤")
    done = run(workspace, "catalog", PYTHONIOENCODING="ascii", PYTHONUTF8="0")
    assert done.returncode == 0
    assert r"Caf\xe9 \u2764" in done.stdout


def test_a_reader_that_leaves_ends_it_quietly(workspace: Workspace) -> None:
    process = subprocess.Popen(
        [*PROGRAM, "catalog", "--json"],
        cwd=workspace.root,
        env=workspace.environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert process.stdout
    assert process.stderr
    process.stdout.close()
    assert process.stderr.read() == b""
    assert process.wait() == 141
    process.stderr.close()


@pytest.mark.usefixtures("ctrl_c")
def test_ctrl_c_ends_with_130_and_no_traceback(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupt() -> None:
        signal.raise_signal(signal.SIGINT)

    monkeypatch.setattr("benepass_tasks.cli.definitions.read_catalog", interrupt)
    assert main(["catalog"]) == 130
    assert capsys.readouterr().err == ""


def on_a_terminal(workspace: Workspace, columns: int, *arguments: str, **environment: str) -> str:
    """What a command shows on a terminal of so many columns."""
    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 40, columns, 0, 0))
    inherited = {k: v for k, v in workspace.environment.items() if k not in ("COLUMNS", "LINES")}
    process = subprocess.Popen(
        [*PROGRAM, *arguments],
        cwd=workspace.root,
        env=inherited | {"TERM": "xterm"} | environment,
        stdin=slave,
        stdout=slave,
        stderr=slave,
    )
    os.close(slave)
    shown = b""
    while True:
        try:
            shown += os.read(master, 65536)
        except OSError:
            break
    process.wait()
    os.close(master)
    return shown.decode().replace("\r\n", "\n")


@pytest.mark.parametrize("columns", [30, *at_night(50, 80, 120, 200)])
def test_no_terminal_is_too_narrow_for_a_name(workspace: Workspace, columns: int) -> None:
    shown = on_a_terminal(workspace, columns, "catalog", "--layer", "marts", NO_COLOR="1")
    for name in ("marts.fact_transactions", "marts.dim_benefit_programs"):
        assert name in re.sub(r"\n +", "", shown)
    assert "…" not in shown


@pytest.mark.nightly
def test_a_wide_terminal_shows_a_table_and_a_narrow_one_a_list(workspace: Workspace) -> None:
    wide = on_a_terminal(workspace, 200, "catalog", "--layer", "marts", NO_COLOR="1")
    assert "─────" in wide
    narrow = on_a_terminal(workspace, 60, "catalog", "--layer", "marts", NO_COLOR="1")
    assert re.search(r"^dataset +marts.dim_merchants\nlayer +marts\n", narrow, re.MULTILINE)
    assert all(len(line) <= 60 for line in narrow.splitlines())


def test_no_colour_is_shown(workspace: Workspace) -> None:
    shown = on_a_terminal(workspace, 200, "catalog", NO_COLOR="1")
    assert "\x1b[3" not in shown


@pytest.mark.skipif(
    not Path("/dev/full").exists(), reason="no /dev/full, which is never written to"
)
def test_an_output_that_cannot_be_written_is_said(workspace: Workspace) -> None:
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "benepass_tasks", "catalog"],
            cwd=workspace.root,
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    assert done.returncode == 1
    assert done.stderr == "the output cannot be read or written: No space left on device\n"
