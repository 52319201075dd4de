"""The files for cron, systemd and logrotate: what they say can be run, and is."""

from __future__ import annotations

import configparser
import os
import re
import shutil
import stat
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from benepass_tasks.config.settings import benepass

if TYPE_CHECKING:
    from workspace import Workspace

ROOT = Path(__file__).resolve().parents[2]
DEPLOY = ROOT / "deploy"
HOME = "/srv/benepass-tasks"
SCHEDULED = re.compile(r"^(?P<when>(?:[\d*/,-]+ ){5})(?P<command>.*)$", re.MULTILINE)


def cron_commands(crontab: str) -> list[str]:
    """The commands as cron gives them to the shell: `%` ends one unless it is escaped."""
    commands = [found["command"] for found in SCHEDULED.finditer(crontab)]
    assert not any(re.search(r"(?<!\\)%", command) for command in commands)
    return [command.replace("\\%", "%") for command in commands]


def unit(name: str) -> configparser.RawConfigParser:
    parsed = configparser.RawConfigParser(strict=False)
    parsed.optionxform = str  # type: ignore[assignment,method-assign]
    parsed.read(DEPLOY / name)
    return parsed


def service_command() -> list[str]:
    """What systemd runs, as words."""
    line = unit("benepass-tasks.service")["Service"]["ExecStart"]
    before, quoted = line.rstrip("'").split(" -c '")
    return [*before.split(), "-c", quoted.replace("$$", "$").replace("%%", "%")]


def installed(workspace: Workspace) -> None:
    """Let the project's folder have what `make` installs, and what cron needs."""
    shutil.copytree(DEPLOY, workspace.root / "deploy")
    shutil.copy(ROOT / "Makefile", workspace.root)
    luigi = workspace.root / ".venv" / "bin" / "luigi"
    luigi.parent.mkdir(parents=True)
    luigi.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m luigi "$@"\n')
    luigi.chmod(0o755)


def printed_crontab(folder: Path) -> str:
    made = subprocess.run(
        ["make", "--silent", "--no-print-directory", "install-cron"],
        cwd=folder,
        env=os.environ | {"PWD": str(folder)},
        capture_output=True,
        text=True,
        check=True,
    )
    return made.stdout


def shell(
    workspace: Workspace, command: str, **environment: str
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["/bin/sh", "-c", command],
        cwd="/",
        env=workspace.environment | environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


# --------------------------------------------------------------------------------------------- cron


@pytest.mark.skipif(not shutil.which("make"), reason="no make")
@pytest.mark.parametrize("name", ["plain", "with spaces", 'it\'s a "50 %" & $HOME \\ <folder>'])
def test_make_install_cron_prints_the_crontab_for_the_folder_whatever_its_name(
    tmp_path: Path, name: str
) -> None:
    folder = tmp_path / name
    folder.mkdir()
    shutil.copy(ROOT / "Makefile", folder)
    shutil.copytree(DEPLOY, folder / "deploy")
    template = (DEPLOY / "crontab").read_text()
    assert template.count(HOME) == 1
    assert printed_crontab(folder) == template.replace(HOME, str(folder))


def test_installing_it_twice_keeps_what_else_the_crontab_has(workspace: Workspace) -> None:
    installed(workspace)
    mine = "MAILTO=me@example.com\n5 4 * * * backup --all\n"
    spool = workspace.root / "spool"
    spool.write_text(mine)
    # A crontab command that keeps the table in a file.
    crontab = workspace.root / "bin" / "crontab"
    crontab.parent.mkdir()
    crontab.write_text(
        f'#!/bin/sh\nif test "$1" = -l; then cat "{spool}"; '
        f'else cat > "{spool}.new" && mv "{spool}.new" "{spool}"; fi\n'
    )
    crontab.chmod(0o755)
    text = (DEPLOY / "crontab").read_text()
    (command,) = re.findall(r"^#   (\(crontab -l .*)$", text, re.MULTILINE)
    for _ in range(2):
        path = f"{crontab.parent}:{os.environ['PATH']}"
        done = shell(workspace, f"cd '{workspace.root}' && {command}", PATH=path)
        assert done.returncode == 0, done.stderr
    assert spool.read_text() == mine + printed_crontab(workspace.root)


@pytest.mark.nightly
@pytest.mark.skipif(not shutil.which("flock"), reason="no flock")
def test_the_line_of_cron_builds_all_and_while_it_does_another_leaves_with_11(
    workspace: Workspace,
) -> None:
    installed(workspace)
    run, _ = cron_commands((DEPLOY / "crontab").read_text())
    home = {"BENEPASS_HOME": str(workspace.root)}
    first = subprocess.Popen(["/bin/sh", "-c", run], env=workspace.environment | home, cwd="/")
    lock = workspace.data / ".scheduled.lock"
    while not lock.exists():
        time.sleep(0.01)
    time.sleep(0.2)
    second = shell(workspace, run, **home)
    log = workspace.root / "logs" / "run.log"
    assert second.stdout == f"benepass-tasks ended with code 11: see {log}\n"
    assert first.wait(timeout=120) == 0
    assert workspace.query_published("select count(*) from marts.dim_employees") == [(3,)]
    assert stat.S_IMODE((workspace.data / "site").stat().st_mode) == 0o755
    assert stat.S_IMODE((workspace.data / "site" / "index.html").stat().st_mode) == 0o644
    assert log.read_text().count("The books balance.") == 1
    assert stat.S_IMODE(log.stat().st_mode) == 0o600
    today = "select distinct date_diff('day', hire_date, utc_date) = tenure_days from (select *, "
    today += "cast(now() at time zone 'UTC' as date) as utc_date from marts.dim_employees) "
    today += "where not is_terminated"
    assert workspace.query(today) == [(True,)]


@pytest.mark.slow
def test_the_line_of_cron_mails_the_code_of_a_run_that_fails(workspace: Workspace) -> None:
    installed(workspace)
    workspace.write("data/employees.csv", "")
    run, _ = cron_commands((DEPLOY / "crontab").read_text())
    done = shell(workspace, run, BENEPASS_HOME=str(workspace.root))
    log = workspace.root / "logs" / "run.log"
    assert done.stdout == f"benepass-tasks ended with code 30: see {log}\n"
    assert "employees.csv is empty" in log.read_text()


# ------------------------------------------------------------------------------------------ systemd


@pytest.mark.nightly
@pytest.mark.skipif(not shutil.which("flock"), reason="no flock")
def test_what_systemd_starts_publishes_under_the_same_lock_as_cron(workspace: Workspace) -> None:
    installed(workspace)
    flock, *words = service_command()
    assert Path(flock).name == "flock"
    assert "data/.scheduled.lock" in words
    done = subprocess.run(
        ["flock", *words],
        cwd=workspace.root,
        env=workspace.environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert workspace.query_published("select count(*) from marts.dim_employees") == [(3,)]
    (cron, _) = cron_commands((DEPLOY / "crontab").read_text())
    assert " ".join(words[:4]) in cron
    assert words[-1].removeprefix("exec ") in cron


def test_the_unit_may_write_where_a_run_writes_and_nowhere_else() -> None:
    service = unit("benepass-tasks.service")["Service"]
    written = {
        Path(default).parts[0]
        for name, parameter in vars(benepass).items()
        if name in ("warehouse", "published_dir", "site_dir")
        for default in [parameter._default]  # noqa: SLF001
    }
    assert {f"{HOME}/{folder}" for folder in written} == {service["ReadWritePaths"]}
    assert service["ProtectSystem"] == "strict"
    assert service["NoNewPrivileges"] == "true"
    assert service["UMask"] == "0077"
    assert service["WorkingDirectory"] == HOME


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="no systemd-analyze")
def test_systemd_understands_the_units(tmp_path: Path) -> None:
    units = [tmp_path / f"benepass-tasks.{kind}" for kind in ("service", "timer")]
    for path in units:
        shutil.copy(DEPLOY / path.name, path)
    done = subprocess.run(
        ["systemd-analyze", "verify", *units], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")


# ---------------------------------------------------------------------------------------- logrotate


def test_the_log_that_is_rotated_is_the_log_that_is_written() -> None:
    (rotated,) = re.findall(r'^"(.*)" \{$', (DEPLOY / "logrotate.conf").read_text(), re.MULTILINE)
    run, rotate = cron_commands((DEPLOY / "crontab").read_text())
    assert f">>{rotated} " in run
    assert "deploy/logrotate.conf" in rotate


LOGROTATE = shutil.which("logrotate", path=f"{os.environ.get('PATH', '')}:/usr/sbin")


@pytest.mark.skipif(not LOGROTATE, reason="no logrotate")
def test_the_second_line_of_cron_rotates_it(workspace: Workspace) -> None:
    installed(workspace)
    workspace.write("logs/run.log", "of last week\n")
    workspace.write(
        "logs/logrotate.state", 'logrotate state -- version 2\n"logs/run.log" 2020-1-1-0:0:0\n'
    )
    (workspace.root / "logs").chmod(0o700)
    (workspace.root / "logs" / "logrotate.state").chmod(0o640)
    _, rotate = cron_commands((DEPLOY / "crontab").read_text())
    path = f"{Path(str(LOGROTATE)).parent}:{os.environ['PATH']}"
    done = shell(workspace, rotate, BENEPASS_HOME=str(workspace.root), PATH=path)
    assert (done.returncode, done.stderr) == (0, "")
    assert (workspace.root / "logs" / "run.log.1").read_text() == "of last week\n"
    assert (workspace.root / "logs" / "run.log").read_text() == ""


# ---------------------------------------------------------------------------------------------- all


def test_every_flag_and_task_that_is_named_exists() -> None:
    named = " ".join([*cron_commands((DEPLOY / "crontab").read_text()), *service_command()])
    for flag in re.findall(r"--benepass-([a-z-]+)", named):
        assert flag.replace("-", "_") in vars(benepass), flag
    (task,) = set(re.findall(r"--module benepass_tasks (\w+)", named))
    import benepass_tasks.pipeline.tasks  # noqa: PLC0415

    assert hasattr(benepass_tasks.pipeline.tasks, task)
