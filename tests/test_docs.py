"""What the documents say is what the project does."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import luigi
import pytest
from made_pages import SHOWN, NoPlaceError, made_pages, with_rows
from projects import catalog_of

from benepass_tasks.catalog import load_catalog
from benepass_tasks.catalog.expectations import ColumnTestSchema, TableTestSchema
from benepass_tasks.cli import main
from benepass_tasks.config.project import open_project
from benepass_tasks.config.settings import benepass
from benepass_tasks.pipeline.build import LARGE_ROWS, LARGEST_SHARE, SMALL_ROWS
from benepass_tasks.sqlmodels import read_graph
from benepass_tasks.sqlmodels.cache import Cache

if TYPE_CHECKING:
    from workspace import Workspace

ROOT = Path(__file__).resolve().parent.parent


def _page(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


README = _page("README.md")
RUNNING = _page("docs/running.md")
CATALOG = _page("docs/catalog.md")
KNOWING = _page("docs/knowing.md")
PUBLISHED = _page("docs/published.md")
HISTORY = _page("docs/history.md")

MADE = "; `make docs` writes it anew"


@pytest.fixture(scope="module")
def made() -> dict[str, str]:
    return made_pages()


@pytest.mark.parametrize(
    "name",
    [
        "catalog.md",
        "data-quality.md",
        "privacy-report.md",
        "published.md",
        "task-graph.md",
    ],
)
def test_a_page_that_is_made_is_that_of_the_project(name: str, made: dict[str, str]) -> None:
    assert _page(f"docs/{name}") == made[name], f"docs/{name} is not current{MADE}"


def test_rows_without_a_place_on_their_page_say_what_to_add() -> None:
    with pytest.raises(
        NoPlaceError, match=r"docs/rules\.md .* add the heading '## Offices'.* '\| a"
    ):
        with_rows("# Rules\n", "## Offices", "| a | b |", ["| 1 | 2 |"], "rules.md")


def test_the_task_graph_has_an_arrow_for_each_dependency(
    made: dict[str, str], tmp_path: Path
) -> None:
    project = open_project(ROOT)
    catalog = load_catalog(project.catalog)
    models = read_graph(project, catalog, Cache(tmp_path / "cache.json")).models.values()
    expected = {
        (reference.replace(".", "_"), model.relation.replace(".", "_"))
        for model in models
        for reference in model.references
    }
    expected |= {
        (table.source, table.relation.replace(".", "_"))
        for table in catalog.tables.values()
        if table.source
    }
    found = re.findall(r"^  (\w+) --> (\w+)$", made["task-graph.md"], re.MULTILINE)
    assert set(found) == expected


def test_every_setting_is_documented_with_its_default() -> None:
    section = RUNNING.partition("## Settings")[2].partition("\n## ")[0]
    documented = dict(re.findall(r"^\| `(\w+)` \| (.*?) \| ", section, re.MULTILINE))
    params = {name: it for name, it in vars(benepass).items() if isinstance(it, luigi.Parameter)}
    assert documented.keys() == params.keys()
    for name in (
        "data_dir",
        "warehouse",
        "memory_limit",
        "project_dir",
        "published_dir",
        "site_dir",
        "min_group_size",
    ):
        assert documented[name] == f"`{params[name]._default}`"  # noqa: SLF001


def test_every_test_is_documented() -> None:
    section = CATALOG.partition("## Testing what tables promise")[2].partition("\n## ")[0]
    documented = set(re.findall(r"^\| `(\w+)", section, re.MULTILINE))
    assert documented == {*ColumnTestSchema.kinds, *TableTestSchema.kinds}


def test_the_exit_codes_are_those_that_the_tasks_set() -> None:
    from benepass_tasks.pipeline.tasks import EXIT_CODES  # noqa: PLC0415

    config = (ROOT / "luigi.cfg").read_text()
    for outcome, code in EXIT_CODES.items():
        assert f"{outcome} = {code}" in config
    for outcome in ("task_failed", "scheduling_error", "missing_data", "not_run"):
        assert re.search(rf"^\| .*\b{EXIT_CODES[outcome]}\b.* \|", RUNNING, re.MULTILINE)


def test_every_link_of_the_pages_leads_somewhere() -> None:
    pages = [*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")]
    links = [
        (page, target)
        for page in pages
        for target in re.findall(r"\]\(([^):#]+)[^):]*\)", page.read_text(encoding="utf-8"))
    ]
    assert len(links) > 20
    broken = [
        f"{page.name}: {target}" for page, target in links if not (page.parent / target).exists()
    ]
    assert broken == []


def test_the_readme_is_a_front_door() -> None:
    assert len(README.splitlines()) <= 250


@pytest.mark.usefixtures("published")
def test_the_python_that_opens_what_is_published_runs(workspace: Workspace) -> None:
    snippets = re.findall(r"```python\n(.*?)```", PUBLISHED, re.DOTALL)
    assert len(snippets) == 2
    for snippet in snippets:
        done = subprocess.run(
            [sys.executable, "-c", snippet],
            cwd=workspace.root,
            capture_output=True,
            text=True,
            check=True,
        )
        assert "Iron Heron Gym" in done.stdout


def test_the_audiences_that_are_shown_as_an_example_can_be_declared(workspace: Workspace) -> None:
    example, lake, bucket = re.findall(r"```yaml\n(_audiences:\n.*?)```", PUBLISHED, re.DOTALL)
    declared = "_audiences:\n  analyst: {treatment: {identifier: drop}}\n"
    workspace.replace("catalog.yaml", declared, example)
    audiences = catalog_of(workspace.root).audiences
    assert list(audiences) == ["analyst", "benefits_staff", "finance", "auditor"]
    assert audiences["benefits_staff"].disclosure_of("identifier", "LAST_NAME") == "plaintext"
    workspace.replace("catalog.yaml", example, lake)
    assert catalog_of(workspace.root).audiences["analyst"].iceberg
    workspace.replace("catalog.yaml", lake, bucket)
    assert catalog_of(workspace.root).audiences["finance"].bucket


def test_some_commands_are_shown_with_what_they_print() -> None:
    assert len(SHOWN.findall(CATALOG)) == 3
    assert len(SHOWN.findall(KNOWING)) == 1


def test_every_table_and_column_of_the_history_is_documented() -> None:
    from benepass_tasks.state.meta import METADATA  # noqa: PLC0415 - imports DuckDB

    for table in METADATA.sorted_tables:
        section = next(
            part
            for part in re.split(r"^### |^(?=\| `meta)", HISTORY, flags=re.MULTILINE)
            if f"`{table.fullname}`" in part.partition("\n")[0]
        )
        documented = set(re.findall(r"`(\w+)`", section))
        assert documented >= {column.name for column in table.columns}, table.name


@pytest.mark.nightly
def test_the_commands_of_the_readme_show_what_it_shows(
    workspace: Workspace, capsys: pytest.CaptureFixture[str]
) -> None:
    for path in (ROOT / "data" / "sample").glob("*.csv"):
        shutil.copy(path, workspace.data / path.name)
    workspace.replace("luigi.cfg", "min_group_size = 1\n", "")
    said = workspace.run_command(task="Publish")
    assert said.returncode == 0, said.stderr
    shown = README.partition("INFO: The books balance.")[2].partition("```")[0]
    for line in filter(str.strip, shown.splitlines()):
        assert line == "  ..." or line in said.stderr.splitlines(), line
    for _, arguments, printed in SHOWN.findall(KNOWING):
        assert main([*arguments.split(), "--benepass-project-dir", str(workspace.root)]) == 0
        assert capsys.readouterr().out == printed
    command = re.search(r'python -c "(.*?)"\n```', README)
    assert command
    table = subprocess.run(
        [sys.executable, "-c", command[1]],
        cwd=workspace.root,
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert table.strip() in README


def test_the_docs_say_where_an_email_can_be_in_clear(capsys: pytest.CaptureFixture[str]) -> None:
    main(["privacy", "--json", "--benepass-project-dir", str(ROOT)])
    columns = json.loads(capsys.readouterr().out)["columns"]
    in_clear = {
        f"{it['table']}.{it['column']}"
        for it in columns
        for source in it["sources"]
        if source["column"] == "employees.email" and source["carries"] == "identifier"
    }
    assert in_clear == {
        "raw.employees.email",
        "base.employees.email",
        "base.employees.email_as_written",
        "raw.rejected_rows.raw_record",
        "quality.quarantine_employees.raw_email",
    }
    assert not any(it["audiences"] for it in columns if f"{it['table']}.{it['column']}" in in_clear)


def test_it_is_said_from_when_on_tables_are_built_in_full() -> None:
    page = _page("docs/incremental.md")
    assert f"no more than {SMALL_ROWS:,} rows" in page
    assert f"{LARGE_ROWS:,} rows or more" in page
    assert f"more than {LARGEST_SHARE * 100:.0f} %" in page
