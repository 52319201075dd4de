"""luigid and its visualiser, in a real browser: a run can be watched, and nothing is in its way."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import stat
import subprocess
import sys
import urllib.parse
import urllib.request
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from browser import find_chromium, opened

if TYPE_CHECKING:
    from collections.abc import Iterator

    from workspace import Workspace

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[2]
PICTURE = "VISUALISER_PICTURE"
"""Names the file for a picture of the graph: `make pictures` makes docs/visualiser.png so."""

# For the picture alone: all of the graph in one window, with names that can be read in it.
STYLE = """
.live.map { height: 980px !important; }
.live.map .node g div { width: 320px !important; height: 106px !important; white-space: normal; }
.live.map .node g div .name {
  display: flex; align-items: center; margin: 0; height: 100%; font-size: 29px; line-height: 1.1;
  text-align: left;
}
.live.map .queue, .live.map .edgeLabel { display: none !important; }
"""
BROKEN_NAMES = """
for (const name of document.querySelectorAll("#mysvg .name")) {
  const text = name.textContent.replace(".", ".<br>").replaceAll("_", "_<wbr>");
  name.innerHTML = `<span>${text}</span>`;
}
"""
FITTING = "window.dispatchEvent(new Event('hashchange'))"
NAMES = "[...document.querySelectorAll('#mysvg g.node .name')].map(it => it.textContent)"
FITTED = "document.querySelector('#mysvg > g').getAttribute('transform')"


class Luigid:
    """A running luigid."""

    def __init__(self, workspace: Workspace, address: str) -> None:
        self.workspace = workspace
        self.address = address

    def run(self, *flags: str, task: str = "Publish") -> subprocess.CompletedProcess[str]:
        """Run a task against it."""
        return self.workspace.run_command(*flags, task=task, LUIGI_CONFIG_PATH="luigid.cfg")

    def ask(self, method: str, **arguments: str) -> Any:  # noqa: ANN401 - any JSON
        """What its API answers."""
        query = urllib.parse.urlencode({"data": json.dumps(arguments)})
        with urllib.request.urlopen(f"{self.address}/api/{method}?{query}") as answer:  # noqa: S310
            return json.load(answer)["response"]

    def done(self) -> dict[str, dict[str, Any]]:
        """The tasks that are done, by family; files under their names."""
        tasks = self.ask("task_list", status="DONE", upstream_status="").values()
        return {it["params"].get("file") or it["name"]: it for it in tasks}


@contextmanager
def serving(workspace: Workspace, port: int) -> Iterator[Luigid]:
    """luigid, as `make visualiser` starts it, until Ctrl-C."""
    server = subprocess.Popen(
        [sys.executable, "-m", "benepass_tasks", "visualiser"],
        cwd=workspace.root,
        env=workspace.environment | {"LUIGI_CONFIG_PATH": "luigid.cfg"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert server.stdout
    assert server.stderr
    said = server.stdout.readline()
    address = f"http://127.0.0.1:{port}"
    assert address in said
    for line in server.stderr:
        if "Scheduler starting up" in line:
            break
    try:
        yield Luigid(workspace, address)
    finally:
        server.send_signal(signal.SIGINT)
        _, said = server.communicate(timeout=30)
        assert server.returncode == 0, said
        assert "/api/" not in said


@pytest.fixture
def port(workspace: Workspace) -> int:
    """A free port, which luigid.cfg names."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        number = int(taken.getsockname()[1])
    workspace.replace("luigid.cfg", "127.0.0.1:8082", f"127.0.0.1:{number}")
    return number


@pytest.fixture
def luigid(workspace: Workspace, port: int) -> Iterator[Luigid]:
    with serving(workspace, port) as started:
        yield started


def tables_of(workspace: Workspace) -> set[str]:
    from projects import catalog_of  # noqa: PLC0415

    return set(catalog_of(workspace.root).tables)


@pytest.mark.nightly
def test_a_run_of_four_workers_tells_rows_seconds_and_quarantined_and_meets_no_lock(
    luigid: Luigid,
) -> None:
    done = luigid.run("--workers", "4")
    assert done.returncode == 0, done.stderr
    assert "lock" not in done.stderr
    assert f"Luigi's scheduler and visualiser: {luigid.address}" in done.stderr
    tasks = luigid.done()
    assert tasks.keys() >= tables_of(luigid.workspace)
    said = {
        "employees.csv": r"3 rows, 0 rejected, \d+\.\d\d s",
        "marts.fact_transactions": r"3 rows, \d+\.\d\d s",
        "staging.stg_employees": r"view, \d+\.\d\d s",
        "quality.quarantine_transactions": r"2 rows quarantined, \d+\.\d\d s",
        "BuildStaging": "4 tables",
        "BuildMarts": "the books balance: 13 records, 11 accepted, 2 quarantined, 0 rejected",
        "CheckContracts": r"Data tests: \d+ of \d+ on \d+ tables passed, .*",
        "Publish": r"Published in .*: \d+ tables, .*",
    }
    for name, message in said.items():
        assert re.fullmatch(message, tasks[name]["status_message"]), tasks[name]
    assert {it["progress_percentage"] for it in tasks.values()} == {100}
    # The small project's people are in no word of it.
    everything = json.dumps(luigid.ask("graph")) + json.dumps(tasks)
    assert not re.search(r"Archer|Baker|@example", everything)


@pytest.mark.nightly
def test_what_ran_is_kept_over_a_restart_in_a_private_file(workspace: Workspace, port: int) -> None:
    with serving(workspace, port) as luigid:
        assert luigid.run(task="raw.employees").returncode == 0
        before = luigid.done()
    state = workspace.data / "luigid-state.pickle"
    assert stat.S_IMODE(state.stat().st_mode) == 0o600
    with serving(workspace, port) as luigid:
        assert luigid.done() == before
        assert "raw.employees" in before


def test_it_serves_this_computer_alone_and_a_second_says_that_the_port_is_taken(
    luigid: Luigid,
) -> None:
    port = int(luigid.address.rpartition(":")[2])
    own = [str(it[4][0]) for it in socket.getaddrinfo(socket.gethostname(), None, socket.AF_INET)]
    for address in {*own, "127.0.0.2"} - {"127.0.0.1"}:
        with pytest.raises(ConnectionRefusedError), socket.create_connection((address, port)):
            pass
    second = subprocess.run(
        [sys.executable, "-m", "benepass_tasks", "visualiser"],
        cwd=luigid.workspace.root,
        env=luigid.workspace.environment | {"LUIGI_CONFIG_PATH": "luigid.cfg"},
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert second.returncode == 1
    assert f"Port {port} of 127.0.0.1 is in use" in second.stderr
    assert "Traceback" not in second.stderr


@pytest.mark.nightly
def test_what_failed_is_red_with_its_message_and_the_next_run_tries_it_again(
    luigid: Luigid,
) -> None:
    employees = luigid.workspace.data / "employees.csv"
    good = employees.read_bytes()
    employees.write_bytes(b"")
    assert luigid.run().returncode == 30
    failed = luigid.ask("task_list", status="FAILED", upstream_status="")
    (task,) = failed
    assert "employees.csv is empty" in luigid.ask("fetch_error", task_id=task)["error"]
    employees.write_bytes(good)
    done = luigid.run()
    assert done.returncode == 0, done.stderr
    assert luigid.ask("task_list", status="FAILED", upstream_status="") == {}


@pytest.mark.nightly
def test_of_two_runs_at_once_one_does_the_work_and_the_other_leaves_with_10_or_25(
    luigid: Luigid,
) -> None:
    workspace = luigid.workspace
    environment = workspace.environment | {"LUIGI_CONFIG_PATH": "luigid.cfg"}
    runs = [
        subprocess.Popen(
            workspace.command,
            cwd=workspace.root,
            env=environment,
            stderr=subprocess.PIPE,
            text=True,
        )
        for _ in range(2)
    ]
    said = [run.communicate(timeout=120)[1] for run in runs]
    codes = sorted(run.returncode for run in runs)
    assert codes[0] == 0, said
    assert codes[1] in (0, 10, 25), said
    files = len(list(workspace.data.glob("*.csv")))
    assert workspace.query("select count(*) from raw._dlt_loads") == [(files,)]
    assert workspace.run() == set()


# A run that says when it begins to load a file, and goes on when it may.
PAUSING = """
import sys
from benepass_tasks.ingestion import load

load_file = load.load_file

def pausing(*arguments):
    print("loading", flush=True)
    sys.stdin.readline()
    return load_file(*arguments)

load.load_file = pausing
from luigi.cmdline import luigi_run
luigi_run(sys.argv[1:])
"""


@pytest.mark.nightly
def test_a_luigid_that_goes_away_ends_the_run_with_45_and_what_was_built_is_kept(
    workspace: Workspace, port: int
) -> None:
    flags = [word.replace("BuildMarts", "raw.employees") for word in workspace.command[3:]]
    with serving(workspace, port):
        run = subprocess.Popen(
            [sys.executable, "-c", PAUSING, *flags],
            cwd=workspace.root,
            env=workspace.environment | {"LUIGI_CONFIG_PATH": "luigid.cfg"},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert run.stdout
        assert run.stdout.readline() == "loading\n"
    _, said = run.communicate("\n", timeout=60)
    assert run.returncode == 45, said
    assert "No Luigi scheduler answers" in said
    assert "Traceback" not in said
    assert {name for name, _ in workspace.vouched_for()} == {"employees/employees.csv"}


def test_the_graph_of_a_finished_run_shows_every_table(luigid: Luigid, tmp_path: Path) -> None:
    chromium = find_chromium()
    if not chromium:
        pytest.skip("no Chromium to look at the visualiser with")
    assert luigid.run().returncode == 0
    (task,) = (name for name in luigid.ask("graph") if name.startswith("Publish_"))
    url = f"{luigid.address}/static/visualiser/index.html#tab=graph&taskId={task}&visType=d3"
    picture = os.environ.get(PICTURE)
    with opened(chromium, tmp_path / "profile") as page:
        page.open(url, width=2200, height=1190, style=STYLE if picture else "")
        shown = page.wait_for(f"{NAMES}.length && {NAMES}")
        assert set(shown) - {"LoadRaw"} == {
            *tables_of(luigid.workspace),
            *("BuildStaging", "BuildIntermediate", "BuildQuality", "BuildMarts"),
            *("CheckContracts", "Publish"),
        }
        assert shown.count("LoadRaw") == 4
        assert page.evaluate("document.querySelectorAll('#mysvg g.node.DONE').length") == len(shown)
        if picture:
            page.evaluate(FITTING)
            page.wait_for(f"/scale\\(0/.test({FITTED})")
            page.evaluate(BROKEN_NAMES)
            Path(picture).write_bytes(page.take_picture())
