"""When the pages are made, of what, and what they never hold."""

from __future__ import annotations

import csv
import os
import re
import shutil
import sys
from typing import TYPE_CHECKING, Any

import pytest
from projects import catalog_of
from workspace import MadeOnce, Workspace, new_project

from benepass_tasks.config.errors import ProjectError, SiteError
from benepass_tasks.config.project import open_project
from benepass_tasks.config.settings import current_settings
from benepass_tasks.pipeline.nodes import nodes_of
from benepass_tasks.pipeline.run import current_plan
from benepass_tasks.site import code_version, vega
from benepass_tasks.site.building import build_site
from benepass_tasks.site.extra import require
from benepass_tasks.state.run import Run

if TYPE_CHECKING:
    from pathlib import Path

ROOT_OF_SQL = "sql/marts/dim_merchants.sql"
MOST_BYTES = 5_000_000


def whole(project: Workspace) -> set[str]:
    """The nodes of all pages."""
    return {"site", *(f"page:{path.stem}" for path in (project.root / "pages").glob("*.md"))}


def reason(workspace: Workspace, **settings: str) -> str | None:
    """Why the next run would build the site; None where it would not."""
    with workspace.configured(**settings):
        return current_plan()["site"].reason


@pytest.fixture
def built(workspace: Workspace, published_run: Workspace, made_once: MadeOnce) -> Workspace:
    """The small project with its pages."""

    def make(root: Path) -> None:
        made = new_project(root)
        made.become(published_run)
        assert made.run("BuildSite") == whole(made)

    workspace.become(Workspace(made_once("built", make)))
    return workspace


# ------------------------------------------------------------------------- what is up to date


@pytest.mark.usefixtures("published")
def test_at_first_there_is_everything_to_make(workspace: Workspace) -> None:
    assert reason(workspace) == "not built yet"


def test_a_second_run_makes_nothing(built: Workspace) -> None:
    before = {path: path.stat() for path in built.site.rglob("*.html")}
    assert reason(built) is None
    assert built.run("BuildSite") == set()
    assert {path: path.stat() for path in built.site.rglob("*.html")} == before


def test_files_that_were_only_touched_make_nothing(built: Workspace) -> None:
    for path in (
        *built.data.glob("*.csv"),
        *built.root.rglob("*.sql"),
        built.root / "catalog.yaml",
    ):
        os.utime(path, (1, 1))
    assert built.run("BuildSite") == set()


@pytest.mark.nightly
def test_other_data_makes_the_pages_anew(built: Workspace) -> None:
    built.replace("data/transactions.csv", "60.00", "61.00")
    assert reason(built) == "input to be built"
    built.run("Publish")
    assert reason(built) == "input changed"
    assert built.run("BuildSite") == whole(built)
    assert reason(built) is None


def test_data_that_was_made_anew_but_is_the_same_leaves_them(built: Workspace) -> None:
    assert built.run("BuildSite", force="marts.dim_merchants") >= {"marts.dim_merchants"}
    assert reason(built) is None


@pytest.mark.nightly
def test_a_description_or_a_comment_that_the_pages_quote_makes_them_anew(built: Workspace) -> None:
    built.replace("catalog.yaml", "Merchants where money was spent.", "Where money was spent.")
    assert "site" in built.run("BuildSite")
    sql = (built.root / ROOT_OF_SQL).read_text(encoding="utf-8")
    built.write(ROOT_OF_SQL, f"{sql}-- a word\n")
    assert reason(built) == "input changed"
    assert built.run("BuildSite") == {"site"}


@pytest.mark.nightly
def test_pages_that_were_changed_by_hand_are_made_anew(built: Workspace) -> None:
    page = built.site / "index.html"
    good = page.read_bytes()
    page.write_bytes(good + b"<!-- by hand -->")
    assert reason(built) == "changed by hand"
    assert built.run("BuildSite") == {"site", "page:index"}
    assert page.read_bytes() == good
    (built.site / "catalog.html").unlink()
    assert reason(built) == "changed by hand"
    assert built.run("BuildSite") == {"site"}


@pytest.mark.nightly
def test_pages_that_are_gone_are_made_anew(built: Workspace) -> None:
    shutil.rmtree(built.site)
    assert reason(built) == "pages missing"
    assert built.run("BuildSite") == whole(built)


@pytest.mark.nightly
def test_another_folder_gets_pages_of_its_own(built: Workspace) -> None:
    assert reason(built, site_dir="data/other") == "pages missing"
    (bundle,) = built.site.glob("assets/vega-*.js")
    (built.data / "other" / "assets").mkdir(parents=True)
    shutil.copy(bundle, built.data / "other" / "assets")
    assert built.run("BuildSite", site_dir="data/other") == whole(built)
    assert (built.data / "other" / "index.html").exists()


# ------------------------------------------------------------------------ pages that are files


def test_a_page_is_made_anew_when_its_text_changes_and_the_others_stay(built: Workspace) -> None:
    others = {path: path.stat() for path in built.site.glob("*.html")}
    built.replace("pages/merchants.md", "Where employees spend", "Where people spend")
    assert reason(built) == "input changed"
    assert built.run("BuildSite") == {"site", "page:merchants"}
    now = {path: path.stat() for path in built.site.glob("*.html")}
    pages = {path.stem for path in (built.root / "pages").glob("*.md")} - {"merchants"}
    assert {it: now[built.site / f"{it}.html"] for it in pages} == {
        it: others[built.site / f"{it}.html"] for it in pages
    }
    assert "Where people spend" in (built.site / "merchants.html").read_text("utf-8")


def test_a_page_is_made_anew_when_a_table_changes_that_it_reads(built: Workspace) -> None:
    built.write(
        "pages/people.md",
        "---\ntitle: People\n---\n```sql people\n"
        "select count(*) as n from marts.dim_employees\n```\n{people.n} people\n",
    )
    assert built.run("BuildSite") == whole(built)
    built.replace("data/transactions.csv", "60.00", "61.00")
    made = built.run("BuildSite")
    assert "page:merchants" in made
    assert "page:people" not in made


@pytest.mark.nightly
def test_a_page_that_is_gone_from_the_project_goes_from_the_site(built: Workspace) -> None:
    built.write("pages/short.md", "---\ntitle: Short\n---\n")
    built.run("BuildSite")
    assert (built.site / "short.html").exists()
    (built.root / "pages" / "short.md").unlink()
    built.run("BuildSite")
    assert not (built.site / "short.html").exists()
    assert "short.html" not in (built.site / "merchants.html").read_text("utf-8")
    built.write("data/site/other.html", "of somebody else")
    built.replace("data/transactions.csv", "60.00", "61.00")
    built.run("BuildSite")
    assert (built.site / "other.html").read_text("utf-8") == "of somebody else"


@pytest.mark.nightly
def test_a_page_that_was_changed_by_hand_is_made_anew(built: Workspace) -> None:
    page = built.site / "merchants.html"
    good = page.read_bytes()
    page.write_bytes(good + b"<!-- by hand -->")
    assert "page:merchants" in built.run("BuildSite")
    assert page.read_bytes() == good


def test_a_page_that_is_wrong_stops_the_pages_and_leaves_what_was_there(built: Workspace) -> None:
    good = contents(built.site)
    built.replace("pages/merchants.md", "marts.fact_transactions", "marts.fact_transaction")
    with built.configured():
        run = Run(current_settings(), nodes_of)
        with pytest.raises(ProjectError, match=r"^pages/merchants\.md:\d+ reads marts\.fact_tr"):
            build_site(run)
    assert contents(built.site) == good


# What the site is made with, in a folder that the test may change.
@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    copy = tmp_path / "package"
    shutil.copytree(code_version.PACKAGE, copy)
    monkeypatch.setattr(code_version, "PACKAGE", copy)
    return copy


@pytest.mark.parametrize(
    "name", ["templates/base.html.j2", "assets/site.css", "assets/site.js", "pages/runs.py"]
)
def test_what_the_pages_are_made_with_is_part_of_the_code_version(
    workspace: Workspace, package: Path, name: str
) -> None:
    project = open_project(workspace.root)
    before = code_version.SiteCode(project).whole
    (package / "__pycache__").mkdir(exist_ok=True)
    (package / "__pycache__" / "page.cpython-311.pyc").write_bytes(b"compiled")
    assert code_version.SiteCode(project).whole == before
    with (package / name).open("a") as file:
        file.write("\n")
    assert code_version.SiteCode(project).whole != before


def test_so_is_the_environment_that_they_name(workspace: Workspace) -> None:
    project = open_project(workspace.root)
    dev, prod = (code_version.SiteCode(project, it) for it in ("dev", "prod"))
    assert dev.navigation != prod.navigation
    assert dev.whole != prod.whole


def test_a_page_that_is_new_is_noticed_within_a_run(built: Workspace) -> None:
    built.write("pages/short.md", "---\ntitle: Short\n---\n")
    assert reason(built) == "input changed"


def test_a_site_begins_with_a_page(built: Workspace) -> None:
    (built.root / "pages" / "index.md").unlink()
    with built.configured(), pytest.raises(ProjectError, match=r"pages/index\.md is missing"):
        build_site(Run(current_settings(), nodes_of))


@pytest.mark.nightly
def test_a_project_that_became_wrong_leaves_nothing_for_duckdb_to_complain_of(
    built: Workspace,
) -> None:
    built.write("catalog.yaml", "employees: {}")
    done = built.run_command(task="BuildSite")
    assert done.returncode == 35
    assert "leaked" not in done.stderr


# ------------------------------------------------------------------------ what must not be made


def refused(workspace: Workspace, **settings: str) -> None:
    """The run fails, and there is not a single page."""
    assert not workspace.attempt("BuildSite", **settings)[1]
    assert not workspace.site.exists()


def test_where_personal_data_is_not_masked_there_are_no_pages(
    workspace: Workspace, caplog: pytest.LogCaptureFixture
) -> None:
    unmasked = {"pii_masking": "false", "warehouse": "data/unmasked.duckdb"}
    assert reason(workspace, **unmasked) == "personal data is not masked"
    refused(workspace, **unmasked)
    assert "unmasked.duckdb holds personal data unmasked" in caplog.text


@pytest.mark.usefixtures("published")
@pytest.mark.parametrize("package", ["jinja2", "pygments", "vl_convert"])
def test_a_package_that_is_missing_is_named_with_what_installs_it(
    workspace: Workspace,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    package: str,
) -> None:
    monkeypatch.setitem(sys.modules, package, None)
    refused(workspace)
    assert f"the site needs the package {package}, which is not installed" in caplog.text
    assert "`make` installs it" in caplog.text
    assert "Traceback" not in caplog.text


@pytest.mark.nightly
@pytest.mark.usefixtures("published")
def test_a_script_of_the_charts_that_cannot_be_made_is_a_message(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(vega, "MAKE", "import sys; print('half'); sys.exit('no memory')")
    refused(workspace)
    assert "could not be made: vl_convert ended with 1: no memory" in caplog.text


@pytest.mark.nightly
@pytest.mark.usefixtures("published")
def test_pages_that_cannot_be_made_wait_for_no_script(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(vega, "MAKE", "import time; time.sleep(600)")
    workspace.write("pages/wrong.md", "---\ntitle: Wrong\n---\n```sql a\nselect nothing\n```\n")
    refused(workspace)
    assert "pages/wrong.md:5" in caplog.text


def test_what_a_package_itself_lacks_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "markupsafe", None)
    for name in [name for name in sys.modules if name.partition(".")[0] == "jinja2"]:
        monkeypatch.delitem(sys.modules, name)
    with pytest.raises(SiteError, match="needs the package markupsafe"):
        require("jinja2")


@pytest.mark.nightly
@pytest.mark.usefixtures("published")
def test_what_is_published_that_cannot_be_read_is_a_message(
    workspace: Workspace, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    from benepass_tasks.site.authored import database  # noqa: PLC0415 - as the run imports it

    monkeypatch.setattr(database, "DATABASE", "none.duckdb")
    refused(workspace)
    assert "the site cannot be built: " in caplog.text


# --------------------------------------------------------------------------- what the files hold


def contents(site: Path) -> dict[str, bytes]:
    files = (path for path in sorted(site.rglob("*")) if path.is_file())
    return {path.relative_to(site).as_posix(): path.read_bytes() for path in files}


@pytest.mark.nightly
def test_one_warehouse_makes_the_same_pages_each_time(copied_sample: Workspace) -> None:
    before = contents(copied_sample.site)
    for path in copied_sample.site.glob("*.html"):
        path.unlink()
    assert copied_sample.run("BuildSite") == whole(copied_sample)
    after = contents(copied_sample.site)
    assert after.pop("runs.js") != before.pop("runs.js")
    assert after.keys() == before.keys()
    assert [name for name, content in after.items() if content != before[name]] == []


def test_no_address_and_no_name_of_anybody_is_in_any_file(sample_run: Workspace) -> None:
    with (sample_run.data / "employees.csv").open(encoding="utf-8", newline="") as file:
        people = list(csv.DictReader(file))
    emails = {row["email"].strip().lower() for row in people if "@" in row["email"]}
    names = {row["last_name"].strip() for row in people} - {""}
    assert len(emails) > 150
    assert len(names) > 40
    files = {
        name: content.decode().lower()
        for name, content in contents(sample_run.site).items()
        if not name.startswith("assets/")
    }
    assert {name for name, text in files.items() if any(it in text for it in emails)} == set()
    # As a word of its own: a short one is a part of others.
    a_name = re.compile("|".join(rf"\b{re.escape(it.lower())}\b" for it in sorted(names)))
    assert {name for name, text in files.items() if a_name.search(text)} == set()


def test_the_values_that_are_looked_for_are_in_the_data(sample_run: Workspace) -> None:
    rows = sample_run.query("select last_name, email from raw.employees")
    assert {"Lopes", "Lindgren"} <= {name for name, _ in rows}
    assert "leila.eriksen@example.net" in {email for _, email in rows}


def test_the_whole_site_is_small_enough_to_send(sample_run: Workspace) -> None:
    sizes = {name: len(content) for name, content in contents(sample_run.site).items()}
    assert sum(sizes.values()) < MOST_BYTES, sizes


def test_every_dataset_of_the_search_has_its_page(sample_run: Workspace) -> None:
    catalog = catalog_of(sample_run.root)
    for name in (*catalog.sources, *catalog.tables):
        page = (sample_run.site / "catalog" / f"{name}.html").read_text(encoding="utf-8")
        ids = set(re.findall(r'\bid="([^"]+)"', page))
        dataset: Any = {**catalog.sources, **catalog.tables}[name]
        assert ids >= set(dataset.columns), name


def test_every_address_on_a_page_leads_somewhere(sample_run: Workspace) -> None:
    catalog = catalog_of(sample_run.root)
    datasets: dict[str, Any] = {**catalog.sources, **catalog.tables}
    of_lineage = {f"{name}.{column}" for name, it in datasets.items() for column in it.columns}
    pages = {path.resolve(): path.read_text(encoding="utf-8") for path in html_of(sample_run)}
    places = {path: set(re.findall(r'\bid="([^"]+)"', text)) for path, text in pages.items()}
    places[(sample_run.site / "lineage.html").resolve()] |= of_lineage | datasets.keys()
    broken = set()
    for path, text in pages.items():
        for target in re.findall(r'\b(?:href|src)="([^"]*)"', text):
            assert not re.match(r"[a-z]+:|/", target), (path.name, target)
            name, _, fragment = target.partition("#")
            found = (path.parent / name).resolve() if name else path
            is_there = found.is_file() and (
                not fragment or "=" in fragment or fragment in places[found]
            )
            if not is_there:
                broken.add((path.name, target))
    assert broken == set()


def html_of(workspace: Workspace) -> list[Path]:
    found = sorted(workspace.site.rglob("*.html"))
    assert len(found) > 30
    return found
