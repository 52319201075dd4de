"""Each audience gets its own files, in which nobody's name is that it may not see."""

from __future__ import annotations

import grp
import os
import stat
from datetime import date
from typing import TYPE_CHECKING, Any

import pytest
from audiences import NAMED, Publishing

from benepass_tasks.config.errors import ProjectError, PublicationError
from benepass_tasks.publish import public_files, publishing
from benepass_tasks.state.publication import publication_of_site

if TYPE_CHECKING:
    from pathlib import Path

STAFF = NAMED | {"datasets": ["marts.people"]}
FINANCE = {"treatment": {"EMPLOYEE_ID": "hash", "DATE": "generalise"}}


def published(tmp_path: Path, audiences: dict[str, Any], **settings: Any) -> Publishing:  # noqa: ANN401
    made = Publishing(tmp_path, audiences, settings)
    made.publish()
    return made


def test_analysts_get_every_published_table_and_nobody_s_name(tmp_path: Path) -> None:
    made = published(tmp_path, {})
    first, *_ = made.read("analyst", "people")
    assert first == {
        "id": "E1",
        "hired": date(2020, 3, 4),
        "days": 800,
        "tags": ["a", "it's"],
    }
    assert len(made.read("analyst", "spend")) == 2
    everything = b"".join(it.read_bytes() for it in made.told.published_dir.rglob("*.*"))
    assert b"Ann" not in everything


def test_an_audience_gets_its_tables_with_values_as_it_may_see_them(tmp_path: Path) -> None:
    made = published(tmp_path, {"staff": STAFF, "finance": FINANCE})
    staff = {row["id"]: row["name"] for row in made.read("staff", "people")}
    assert staff == {"E1": "Ann", "E2": "Zoë\n\\.", "E3": None}
    assert sorted(made.publications["staff"].files) == [
        "benepass.duckdb",
        "parquet/marts.people.parquet",
    ]
    finance = made.read("finance", "people")
    assert {(row["hired"], row["days"]) for row in finance} == {
        (date(2020, 1, 1), 730),
        (None, -365),
        (date(1999, 1, 1), None),
    }
    assert "name" not in finance[0]
    ids = {row["id"] for row in finance}
    assert all(len(it) == 64 for it in ids)
    # A hash is the same in each of its tables, so that they still join.
    assert {row["id"] for row in made.read("finance", "spend")} < ids


def test_an_address_is_masked_by_the_macro_of_the_policy(tmp_path: Path) -> None:
    made = published(tmp_path, {"post": {"treatment": {"EMAIL_ADDRESS": "mask"}}})
    emails = [row["email"] for row in made.read("post", "people")]
    assert emails == ["****@example.com", "****@example.com", None]


@pytest.mark.parametrize("umask", [0o077, 0o000])
def test_only_those_can_read_the_files_whom_they_are_for(tmp_path: Path, umask: int) -> None:
    group = grp.getgrgid(os.getgid()).gr_name
    before = os.umask(umask)
    try:
        made = published(tmp_path, {"staff": STAFF | {"group": group, "mode": "0440"}, "b": None})
    finally:
        os.umask(before)
    modes = {
        name: {
            (path.is_dir(), stat.S_IMODE(path.stat().st_mode))
            for path in (it.folder, *it.folder.rglob("*"))
        }
        for name, it in made.publications.items()
        if it.folder
    }
    assert modes == {
        "analyst": {(True, 0o755), (False, 0o644)},
        "staff": {(True, 0o750), (False, 0o440)},
        "b": {(True, 0o750), (False, 0o640)},
    }


def test_where_one_audience_cannot_have_its_files_no_other_gets_new_ones(tmp_path: Path) -> None:
    made = published(tmp_path, {"staff": STAFF, "finance": None})
    before = {it: it.stat().st_ino for it in (tmp_path / "data").rglob("*.*") if it.is_file()}
    made.audiences = {"staff": STAFF, "finance": {"group": "no such group"}}
    with pytest.raises(PublicationError, match=r"finance cannot be written: .*no such group"):
        made.publish()
    after = {it: it.stat().st_ino for it in (tmp_path / "data").rglob("*.*") if it.is_file()}
    assert after == before


def test_a_link_does_not_lead_the_files_of_two_audiences_into_one_folder(tmp_path: Path) -> None:
    made = published(tmp_path, {"staff": STAFF})
    (tmp_path / "data" / "published.names").symlink_to(made.told.published_dir)
    made.audiences = {"names": STAFF}
    with pytest.raises(ProjectError, match="folder of analyst"):
        made.publish()


def test_a_branch_publishes_beside_itself_and_nowhere_that_its_parent_does(tmp_path: Path) -> None:
    postgres = {"credentials": "ADDRESS", "schema": "for_finance", "role": "finance_reader"}
    made = Publishing(
        tmp_path,
        {
            "staff": STAFF | {"folder": "data/staff"},
            "finance": {"postgres": postgres, "iceberg": {"catalog": "lake", "namespace": "b"}},
        },
        {"parent": tmp_path / "prod.duckdb"},
    )
    beside = tmp_path / "data"
    assert {name: it.folder for name, it in made.publications.items()} == {
        "analyst": beside / "published",
        "staff": beside / "published.staff",
        "finance": beside / "published.finance",
    }
    assert not any(it.parts for it in made.publications.values())


@pytest.mark.parametrize("folder", ["data/published/staff", "data/site/downloads", "data/site"])
def test_the_names_do_not_go_where_others_read(tmp_path: Path, folder: str) -> None:
    with pytest.raises(ProjectError, match=r"audience staff: its folder .* Name another one"):
        Publishing(tmp_path, {"staff": STAFF | {"folder": folder}}).publish()


def test_a_kill_between_two_audiences_leaves_each_whole_and_the_next_run_finishes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = Publishing(tmp_path, {"staff": STAFF})
    swap = public_files.put_in_place

    def killed(aside: Path, folder: Path, *others: Any) -> None:  # noqa: ANN401 - whatever it takes
        if folder.name == "published.staff":
            raise KeyboardInterrupt
        swap(aside, folder, *others)

    with monkeypatch.context() as patched:
        patched.setattr(publishing, "put_in_place", killed)
        with pytest.raises(KeyboardInterrupt):
            made.publish()
    assert len(made.read("analyst", "people")) == 3
    assert not [*(tmp_path / "data" / "published.staff").rglob("*.*")]
    made.publish()
    assert len(made.read("staff", "people")) == 3


def test_what_was_for_an_audience_that_is_no_more_goes_and_what_is_not_ours_stays(
    tmp_path: Path,
) -> None:
    made = published(tmp_path, {"staff": STAFF})
    folder = tmp_path / "data" / "published.staff"
    (folder / ".publishing").mkdir()
    (folder / ".publishing" / "benepass.duckdb").write_text("Ann")
    (folder / "notes.txt").write_text("somebody's own")
    publishing.retire(folder)
    assert [it.name for it in folder.rglob("*")] == ["notes.txt"]
    (folder / "notes.txt").unlink()
    publishing.retire(folder)
    publishing.retire(folder)
    assert not folder.exists()
    assert made.read("analyst", "spend")


def test_the_site_is_for_an_audience_that_there_is_and_that_gets_files(tmp_path: Path) -> None:
    place = {"credentials": "STAFF_DATABASE", "schema": "staff", "role": "reader"}
    made = Publishing(tmp_path, {"staff": STAFF | {"postgres": place}, "finance": FINANCE})
    catalog = made.publications["analyst"].catalog
    assert publication_of_site(made.told, catalog).audience.name == "analyst"
    made.settings = {"site_audience": "finance"}
    assert publication_of_site(made.told, catalog).audience.name == "finance"
    for name, why in (("staff", "gets no files"), ("nobody", "is not an audience")):
        made.settings = {"site_audience": name}
        with pytest.raises(ProjectError, match=f"{name}, which {why}.*analyst, finance"):
            publication_of_site(made.told, catalog)


def test_what_is_published_says_what_was_done_to_a_value(tmp_path: Path) -> None:
    made = Publishing(tmp_path, {"finance": FINANCE})
    comments = made.publications["finance"].tables["marts.people"].comments
    assert comments["id"] == "It. As a keyed hash."
    assert comments["hired"].startswith("It. The first day of its year")
    assert "name" not in comments
