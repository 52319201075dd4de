"""A file that would put bad data in the place of good is refused, whole, unless it is accepted."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from examples import at_night
from workspace import KILLER, MadeOnce, Workspace, new_project

if TYPE_CHECKING:
    from collections.abc import Iterable

HEADER = (
    "transaction_id,employee_id,benefit_account_id,merchant,amount,transaction_timestamp,category"
)
FILE = "data/transactions.csv"
RAW = "raw.transactions"
ROWS = f"select * from {RAW} order by all"
ACCEPTED = "select file, guard, detail, run_id is not null from meta.decisions order by all"


def charges(numbers: Iterable[int]) -> str:
    """A file with a charge for each number, of the day of March that it says."""
    rows = [f"T{i},E1,A1,Fit,{i}.00,2025-03-{i:02}T10:00:00Z,gym" for i in numbers]
    return "\n".join([HEADER, *rows, ""])


def lines(count: int, *, broken: int = 0) -> str:
    """A file of so many records, of which the first ones lack all fields but one."""
    rows = [f"T{i},E1,A1,Fit,{i}.00,2025-03-01T10:00:00Z,gym" for i in range(1, count + 1)]
    rows[:broken] = ["broken"] * broken
    return "\n".join([HEADER, *rows, ""])


def attempt(workspace: Workspace, content: str, **settings: str) -> bool:
    workspace.write(FILE, content)
    return workspace.attempt(RAW, **settings)[1]


@pytest.fixture
def loaded(tmp_path: Path, made_once: MadeOnce) -> Workspace:
    """A project that holds a file of ten good rows."""
    return holding(lines(10), made_once, "ten rows").copied(tmp_path / "project")


@pytest.fixture
def dated(tmp_path: Path, made_once: MadeOnce) -> Workspace:
    """A project that holds the charges of the first ten days of March."""
    return holding(charges(range(1, 11)), made_once, "ten days").copied(tmp_path / "project")


def holding(content: str, made_once: MadeOnce, name: str) -> Workspace:
    def make(root: Path) -> None:
        assert attempt(new_project(root), content)

    return Workspace(made_once(name, make))


@pytest.mark.parametrize(
    ("content", "figures"),
    [
        *at_night(
            (
                lines(10, broken=10),
                "10 of its 10 records (100%) are rejected, and max_rejected is 50%",
            )
        ),
        (lines(11, broken=6), "6 of its 11 records (55%) are rejected, and max_rejected is 50%"),
        (lines(4), "it holds 4 rows where its last load held 10, and max_shrink is 50%"),
        (lines(0), "it holds no rows where its last load held 10, and max_shrink is 50%"),
        # Half overwritten: neither rate is passed by itself, and most good rows are gone.
        (lines(8, broken=4), "it holds 4 rows where its last load held 10, and max_shrink is 50%"),
        (lines(9)[:-20], "it ends within a record, and holds 8 rows where its last load held 10"),
    ],
    ids=["all rejected", "most rejected", "shrunk", "header only", "half overwritten", "cut off"],
)
def test_a_bad_file_is_refused_with_the_figures_and_nothing_of_it_is_replaced(
    loaded: Workspace, caplog: pytest.LogCaptureFixture, content: str, figures: str
) -> None:
    before = loaded.built()
    assert not attempt(loaded, content)
    assert figures in caplog.text
    assert "Nothing of it was loaded; the 10 rows of its last load stay" in caplog.text
    assert loaded.built() == before


@pytest.mark.parametrize(
    "content",
    [lines(10, broken=5), lines(5), *at_night(lines(11, broken=5), lines(11)[:-20])],
    ids=["half rejected", "half as long", "nearly half rejected", "cut off, and no shorter"],
)
def test_what_is_not_more_than_half_passes(loaded: Workspace, content: str) -> None:
    assert attempt(loaded, content)


@pytest.mark.parametrize(
    ("numbers", "figures"),
    [
        (range(11, 21), "it has none of the 10 records of its last load, and max_shrink is 50%"),
        *at_night(
            (range(7, 17), "it has 4 of the 10 records of its last load, and max_shrink is 50%")
        ),
        (range(2, 12), "it begins with 2025-03-02, and lacks 1 of the 10 records of its last load"),
    ],
    ids=["another month", "mostly another month", "a day later"],
)
def test_a_later_export_under_the_name_of_an_earlier_one_takes_nothing_away(
    dated: Workspace, caplog: pytest.LogCaptureFixture, numbers: Iterable[int], figures: str
) -> None:
    held = dated.query(ROWS)
    assert not attempt(dated, charges(numbers))
    assert f"transactions.csv is refused: {figures}" in caplog.text
    assert (
        "Give each a name of its own, which filepath (data/transactions*.csv) takes" in caplog.text
    )
    assert dated.query(ROWS) == held
    # As the message says.
    (dated.root / FILE).rename(dated.root / "data/transactions_later.csv")
    assert attempt(dated, charges(range(1, 11)))
    count = len({*range(1, 11), *numbers})
    assert dated.query(f"select count(distinct transaction_id) from {RAW}") == [(count,)]


@pytest.mark.parametrize(
    "numbers",
    [
        *at_night(range(1, 12)),
        range(6, 11),
        [1, *range(3, 12)],
        *at_night([*range(2, 11), *range(1, 2)]),
    ],
    ids=["more", "none that is newer", "one in the middle is gone", "another order"],
)
def test_a_file_may_grow_and_be_corrected(dated: Workspace, numbers: Iterable[int]) -> None:
    assert attempt(dated, charges(numbers))


def test_what_another_file_has_is_not_lost(dated: Workspace) -> None:
    dated.write("data/transactions_march.csv", charges(range(1, 11)))
    assert attempt(dated, charges(range(11, 21)))


def test_a_file_may_move_on_where_the_catalog_says_so(dated: Workspace) -> None:
    dated.replace("catalog.yaml", "guards: {min_clean: 50%}", "guards: {moves_on: true}")
    assert attempt(dated, charges(range(3, 13)))
    assert not attempt(dated, charges(range(14, 24)))


@pytest.mark.nightly
def test_of_three_rows_two_may_go_but_not_all(workspace: Workspace) -> None:
    assert attempt(workspace, lines(3))
    assert attempt(workspace, lines(1))
    assert not attempt(workspace, lines(0))


@pytest.mark.nightly
def test_a_first_load_is_judged_too(workspace: Workspace) -> None:
    assert not attempt(workspace, lines(3, broken=2))
    assert workspace.query("select count(*) from meta.loads") == [(0,)]
    assert attempt(workspace, lines(0))


@pytest.mark.nightly
def test_the_limits_are_those_of_the_catalog(loaded: Workspace) -> None:
    loaded.replace(
        "catalog.yaml",
        "guards: {min_clean: 50%}",
        "guards: {max_rejected: 70%, max_shrink: 80%}",
    )
    assert attempt(loaded, lines(10, broken=7))
    assert not attempt(loaded, lines(10, broken=8))
    loaded.replace("catalog.yaml", "max_shrink: 80%", "max_shrink: 100%")
    assert attempt(loaded, lines(0))


@pytest.mark.nightly
def test_the_other_sources_go_on(loaded: Workspace) -> None:
    loaded.write(FILE, lines(0))
    made, succeeded = loaded.attempt()
    assert not succeeded
    assert {"employees/employees.csv", "raw.employees", "marts.dim_employees"} <= made
    assert not any(node.startswith("transactions/") for node in made)


def test_a_run_may_accept_a_source_and_the_guard_stands_again(loaded: Workspace) -> None:
    assert attempt(loaded, lines(4), accept="employees, transactions")
    detail = "it holds 4 rows where its last load held 10, and max_shrink is 50%"
    accepted = [("transactions.csv", "max_shrink", detail, True)]
    assert loaded.query(ACCEPTED) == accepted
    assert not attempt(loaded, lines(0))
    assert loaded.query(ACCEPTED) == accepted


@pytest.mark.nightly
def test_what_no_guard_stands_against_is_not_kept_as_accepted(loaded: Workspace) -> None:
    assert attempt(loaded, lines(9), accept="transactions")
    assert loaded.query(ACCEPTED) == []


def test_an_unknown_source_cannot_be_accepted(
    workspace: Workspace, caplog: pytest.LogCaptureFixture
) -> None:
    assert not attempt(workspace, lines(9), accept="transaction")
    assert "--benepass-accept: transaction is not a source of the catalog" in caplog.text


@pytest.mark.parametrize("moment", ["loaded", *at_night(4, 12)])
def test_a_killed_load_takes_nothing_from_the_guard(loaded: Workspace, moment: int | str) -> None:
    loaded.write(FILE, lines(9))
    assert loaded.run_until_killed(KILLER, moment, RAW)
    assert not attempt(loaded, lines(4))
    assert attempt(loaded, lines(8))
    assert loaded.query("select count(*) from raw.transactions") == [(8,)]


def test_a_file_that_vanished_is_an_error_and_its_rows_stay(
    loaded: Workspace, caplog: pytest.LogCaptureFixture
) -> None:
    (loaded.root / "data/transactions_2.csv").write_text(lines(12))
    loaded.run(RAW)
    (loaded.root / "data/transactions_2.csv").unlink()
    before = loaded.built()
    assert not loaded.attempt(RAW)[1]
    assert "transactions_2.csv was loaded, and now there is no file" in caplog.text
    assert "its 12 rows stay" in caplog.text
    assert "benepass source forget transactions_2.csv" in caplog.text
    assert loaded.built() == before
    (loaded.root / "data/transactions_2.csv").write_text(lines(12))
    assert loaded.attempt(RAW)[1]


def test_a_link_that_leads_nowhere_a_folder_and_a_folder_that_is_gone_are_not_an_empty_source(
    loaded: Workspace, caplog: pytest.LogCaptureFixture
) -> None:
    path, away = loaded.root / FILE, loaded.root / "away.csv"
    path.rename(away)
    path.symlink_to(away)
    loaded.run(RAW)
    away.rename(loaded.root / "mounted elsewhere.csv")
    assert not loaded.attempt(RAW)[1]
    assert "is a link that leads nowhere; its 10 rows stay" in caplog.text
    path.unlink()
    path.mkdir()
    assert not loaded.attempt(RAW)[1]
    assert "data/transactions.csv is a folder; its 10 rows stay" in caplog.text
    assert not loaded.attempt(RAW, data_dir="unmounted")[1]
    assert "there is no folder" in caplog.text
    assert loaded.query("select count(*) from raw.transactions") == [(10,)]


@pytest.mark.parametrize("content", ["", "\n\n\r\n\n"], ids=["empty", "blank lines"])
def test_a_file_without_a_header_is_refused(loaded: Workspace, content: str) -> None:
    assert not attempt(loaded, content)
    assert loaded.query("select count(*) from raw.transactions") == [(10,)]


@pytest.mark.nightly
def test_a_file_that_cannot_be_read_fails_alone(
    loaded: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    loaded.write(FILE, lines(9))
    real = Path.open

    def refusing(path: Path, *args: Any, **kwargs: Any) -> object:  # noqa: ANN401 - as open
        if path.name == "transactions.csv":
            raise PermissionError(13, "Permission denied", str(path))
        return real(path, *args, **kwargs)

    monkeypatch.setattr(Path, "open", refusing)
    made, succeeded = loaded.attempt()
    assert not succeeded
    assert {"employees/employees.csv", "raw.employees"} <= made
