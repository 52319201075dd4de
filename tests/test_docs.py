"""What the documents say is what the project does."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import duckdb
import luigi
import pytest
from projects import catalog_of

from benepass_tasks.catalog import load_catalog
from benepass_tasks.catalog.expectations import ColumnTestSchema, TableTestSchema
from benepass_tasks.cli import main
from benepass_tasks.config.project import open_project
from benepass_tasks.config.settings import benepass
from benepass_tasks.sqlmodels import read_graph

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
RULES = _page("docs/data-quality.md")

MADE = "; `make docs` writes it anew"


@pytest.mark.parametrize(
    ("command", "page"),
    [("privacy --markdown", "privacy-report.md"), ("lineage --markdown", "task-graph.md")],
)
def test_a_page_that_is_made_is_that_of_the_project(
    command: str, page: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*command.split(), "--benepass-project-dir", str(ROOT)]) == 0
    assert capsys.readouterr().out == _page(f"docs/{page}"), f"docs/{page} is not current{MADE}"


def test_the_task_graph_has_an_arrow_for_each_dependency(tmp_path: Path) -> None:
    project = open_project(ROOT)
    catalog = load_catalog(project.catalog)
    models = read_graph(project, catalog, tmp_path / "cache.json").models.values()
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
    page = _page("docs/task-graph.md")
    assert set(re.findall(r"^  (\w+) --> (\w+)$", page, re.MULTILINE)) == expected


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


def test_the_issues_are_documented_as_the_sql_declares_them() -> None:
    sql = (ROOT / "sql" / "quality" / "issue_types.sql").read_text(encoding="utf-8")
    with duckdb.connect() as connection:
        declared = connection.execute(f"from ({sql}) order by source, severity").fetchall()
    headings = {"Benefit accounts": "benefit_accounts", "Employees": "employees"}
    headings["Transactions"] = "transactions"
    documented = [
        (source, issue, int(tier), when)
        for heading, source in headings.items()
        for issue, tier, when in re.findall(
            r"^\| `(\w+)` \| (\d) \| (.*) \|$",
            RULES.partition(f"\n## {heading}\n")[2].partition("\n## ")[0],
            re.MULTILINE,
        )
    ]
    assert documented == [(source, issue, tier, when) for source, issue, tier, _, when in declared]


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


def test_what_is_published_is_documented() -> None:
    documented = set(re.findall(r"^\| `(\w+\.\w+)` \|", PUBLISHED, re.MULTILINE))
    tables = catalog_of(ROOT).tables.values()
    assert documented == {table.relation for table in tables if table.published}


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


def _shown_commands() -> list[tuple[str, str]]:
    """Every `benepass` of the docs that is shown with what it prints."""
    shown = r"```console\n\$ benepass (.*)\n((?:(?!\$|```).*\n)+)```"
    return [command for page in (CATALOG, KNOWING) for command in re.findall(shown, page)]


OF_THE_WAREHOUSE = ("quarantine",)
"""The commands that have something to show only after a run."""


def test_some_commands_are_shown_with_what_they_print() -> None:
    assert len(_shown_commands()) == 4


def test_every_table_and_column_of_the_history_is_documented() -> None:
    from benepass_tasks.engine.meta import METADATA  # noqa: PLC0415 - imports DuckDB

    for table in METADATA.sorted_tables:
        section = next(
            part
            for part in re.split(r"^### |^(?=\| `meta)", HISTORY, flags=re.MULTILINE)
            if f"`{table.fullname}`" in part.partition("\n")[0]
        )
        documented = set(re.findall(r"`(\w+)`", section))
        assert documented >= {column.name for column in table.columns}, table.name


@pytest.mark.parametrize(
    ("arguments", "shown"),
    [it for it in _shown_commands() if not it[0].startswith(OF_THE_WAREHOUSE)],
)
def test_a_command_prints_what_the_readme_shows(
    arguments: str, shown: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*arguments.split(), "--benepass-project-dir", str(ROOT)]) == 0
    assert capsys.readouterr().out == shown


@pytest.mark.slow
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
    for arguments, printed in _shown_commands():
        if arguments.startswith(OF_THE_WAREHOUSE):
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
        "raw.rejected_rows.raw_record",
        "quality.quarantine_employees.raw_email",
    }
    assert not any(it["published"] for it in columns if f"{it['table']}.{it['column']}" in in_clear)
