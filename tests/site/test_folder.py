"""The site's folder: whole files only, ours only, and everybody may read them."""

from __future__ import annotations

import errno
import json
import os
import stat
import subprocess
import sys
import threading
from typing import TYPE_CHECKING

import pytest

from benepass_tasks.config.errors import SiteError
from benepass_tasks.site.folder import files_of_site, place, place_ending, take

if TYPE_CHECKING:
    from pathlib import Path

OLD = {
    "index.html": b"old page",
    "catalog/raw.employees.html": b"old dataset",
    "catalog/raw.gone.html": b"gone",
    "assets/site.css": b"old look",
    "downloads/spend.csv": b"old rows",
    "search.js": b"old words",
}
NEW = {name: content.replace(b"old", b"new") for name, content in OLD.items() if b"old" in content}


def contents(folder: Path) -> dict[str, bytes]:
    files = (path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "data" / "site"
    place(made, OLD)
    return made


def test_files_take_the_place_of_those_before_and_what_is_no_more_goes(folder: Path) -> None:
    assert contents(folder) == OLD
    place(folder, NEW)
    assert contents(folder) == NEW


def test_what_is_not_of_the_site_stays(folder: Path) -> None:
    others = {
        "notes.txt": b"mine",
        "about.html": b"mine",
        "catalog/readme.md": b"mine",
        "catalog/sub/raw.employees.html": b"mine",
        "assets/logo.png": b"mine",
        "downloads/spend.xlsx": b"mine",
        "old/index.html": b"mine",
        ".htaccess": b"mine",
    }
    for name, content in others.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    state = files_of_site(folder)
    place(folder, NEW)
    assert contents(folder) == NEW | others
    assert files_of_site(folder) != state


@pytest.mark.parametrize("name", ["index.html", "downloads/statement.csv", "assets/app.js"])
def test_a_folder_with_such_files_of_somebody_else_is_not_taken(tmp_path: Path, name: str) -> None:
    (tmp_path / name).parent.mkdir(exist_ok=True)
    (tmp_path / name).write_bytes(b"mine")
    with pytest.raises(SiteError, match=f"^{tmp_path} has {name} already and no runs.js"):
        take(tmp_path, kept=("assets/vega.js",))
    assert contents(tmp_path) == {name: b"mine"}


def test_a_folder_is_taken_once_and_for_all(tmp_path: Path) -> None:
    for name in ("notes.txt", "assets/vega.js"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(b"there")
    take(tmp_path, kept=("assets/vega.js",))
    place(tmp_path, OLD)
    take(tmp_path)


def test_what_is_kept_stays_as_it_is(folder: Path) -> None:
    before = (folder / "assets/site.css").stat()
    rest = {name: content for name, content in NEW.items() if name != "assets/site.css"}
    place(folder, rest, kept=("assets/site.css",))
    assert (folder / "assets/site.css").stat() == before
    assert contents(folder) == rest | {"assets/site.css": OLD["assets/site.css"]}


def test_everybody_may_read_whatever_the_umask(tmp_path: Path) -> None:
    before = os.umask(0o077)
    try:
        place(tmp_path / "site", OLD)
        place_ending(tmp_path / "site", b"how it ended")
    finally:
        os.umask(before)
    for path in (tmp_path / "site", *(tmp_path / "site").rglob("*")):
        mode = stat.S_IMODE(path.stat().st_mode)
        assert mode == (0o755 if path.is_dir() else 0o644), path


@pytest.mark.parametrize(
    "change",
    [
        lambda folder: (folder / "index.html").write_bytes(b"OLD page"),
        lambda folder: (folder / "index.html").chmod(0o600),
        lambda folder: (folder / "search.js").unlink(),
        lambda folder: (folder / "catalog/raw.added.html").write_bytes(b""),
    ],
)
def test_a_change_of_a_file_of_the_site_is_seen(folder: Path, change: object) -> None:
    before = files_of_site(folder)
    assert callable(change)
    change(folder)
    assert files_of_site(folder) != before


def test_how_a_run_ended_and_files_of_others_are_not_a_change(folder: Path) -> None:
    before = files_of_site(folder)
    place_ending(folder, b"how it ended")
    (folder / "notes.txt").write_text("mine")
    assert files_of_site(folder) == before
    assert (folder / "runs.js").read_bytes() == b"how it ended"


def test_no_folder_and_an_empty_one_hold_nothing(tmp_path: Path) -> None:
    assert files_of_site(tmp_path / "none") == files_of_site(tmp_path) == ""


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "site").mkdir()
    (tmp_path / "site" / "assets").write_text("in the way")
    expected = rf"^{tmp_path}/site cannot be written: .*: .*/assets.*--benepass-site-dir names"
    with pytest.raises(SiteError, match=expected):
        place(tmp_path / "site", OLD)
    assert not (tmp_path / "site" / ".building").exists()
    assert not (tmp_path / "site" / "index.html").exists()


def test_a_full_disk_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def write(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr("pathlib.Path.write_bytes", write)
    expected = f"^{tmp_path} cannot be written: No space left on device; "
    with pytest.raises(SiteError, match=expected):
        place(tmp_path, OLD)


def test_builders_take_turns(tmp_path: Path) -> None:
    folder, names = tmp_path / "site", [*OLD, "assets/more.js"]
    failures: list[BaseException] = []

    def build(letter: bytes) -> None:
        try:
            for _ in range(20):
                place(folder, dict.fromkeys(names, letter))
                place_ending(folder, letter)
        except BaseException as failure:  # noqa: BLE001 - shown below
            failures.append(failure)

    builders = [threading.Thread(target=build, args=(letter,)) for letter in (b"a", b"b", b"c")]
    for builder in builders:
        builder.start()
    for builder in builders:
        builder.join()
    assert failures == []
    found = contents(folder)
    assert found.keys() == {*names, "runs.js"}
    assert len({found[name] for name in names}) == 1


# Places files once for each moment at which it can be killed: before a change of the file system.
KILLER = """
import json, os, shutil, sys
from pathlib import Path
from benepass_tasks.site.folder import place

base, old, new = Path(sys.argv[1]), *(json.loads(it) for it in sys.argv[2:])
new = {name: text.encode() for name, text in new.items()}
changes = {"os.rename", "os.remove", "os.rmdir", "os.mkdir", "os.chmod", "open"}

def place_until(moment):
    remaining = moment
    def count(event, arguments):
        nonlocal remaining
        if event in changes:
            remaining -= 1
            if remaining < 0:
                os._exit(9)
    sys.addaudithook(count)
    place(folder, new)
    os._exit(0)

for moment in range(1_000):
    folder = base / str(moment)
    for name, text in old.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    child = os.fork()
    if not child:
        place_until(moment)
    if os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0:
        break
print(moment)
"""


def test_whenever_it_is_killed_each_file_is_whole_and_the_next_build_finishes(
    tmp_path: Path,
) -> None:
    old, new = (
        json.dumps({name: content.decode() for name, content in files.items()})
        for files in (OLD, NEW)
    )
    done = subprocess.run(
        [sys.executable, "-c", KILLER, str(tmp_path), old, new],
        capture_output=True,
        text=True,
        check=True,
    )
    moments = int(done.stdout)
    assert moments > 20
    seen = set()
    for moment in range(moments + 1):
        folder = tmp_path / str(moment)
        found = {name: it for name, it in contents(folder).items() if ".building" not in name}
        assert found.keys() <= OLD.keys()
        for name, content in found.items():
            assert content in (OLD[name], NEW.get(name)), (moment, name)
        assert found.keys() >= NEW.keys(), moment
        # What a page refers to is there before it.
        if found["index.html"] == NEW["index.html"]:
            assert found["search.js"] == NEW["search.js"], moment
        seen.add(found == OLD)
        place(folder, NEW)
        assert contents(folder) == NEW, moment
    assert seen == {True, False}
