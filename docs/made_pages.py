"""Makes what follows from the catalog and the SQL in these pages: `make docs`."""

from __future__ import annotations

import io
import re
from contextlib import redirect_stdout
from pathlib import Path
from tempfile import TemporaryDirectory

import duckdb

from benepass_tasks.cli import main
from benepass_tasks.config.project import open_project
from benepass_tasks.sqlmodels.cache import Cache
from benepass_tasks.sqlmodels.effective import read_definitions

DOCS = Path(__file__).parent
ROOT = DOCS.parent

SHOWN = re.compile(r"(```console\n\$ benepass (.*)\n)((?:(?!\$|```).*\n)+)(?=```)")
"""A command that is shown with what it prints: all before that, the command, and that."""


class NoPlaceError(Exception):
    """A page lacks the place that something belongs in; the message says what to add."""


def made_pages() -> dict[str, str]:
    """The text of every page that is made, or is made in part, by its name.

    Raises:
        NoPlaceError: A page lacks a table that the catalog or the SQL has rows for.
    """
    return {
        "privacy-report.md": _printed("privacy --markdown"),
        "task-graph.md": _printed("lineage --markdown"),
        "catalog.md": SHOWN.sub(lambda it: it[1] + _printed(it[2]), _page("catalog.md")),
        "published.md": _with_published_tables(_page("published.md")),
        "data-quality.md": _with_issues(_page("data-quality.md")),
    }


def _page(name: str) -> str:
    return (DOCS / name).read_text(encoding="utf-8")


def _printed(command: str) -> str:
    with redirect_stdout(io.StringIO()) as printed:
        code = main([*command.split(), "--benepass-project-dir", str(ROOT)])
    if code:
        raise SystemExit(code)
    return printed.getvalue()


def _with_published_tables(page: str) -> str:
    with TemporaryDirectory() as folder:
        cache = Cache(Path(folder) / "models.json")
        catalog = read_definitions(open_project(ROOT), cache).catalog
    rows = [
        f"| `{table.relation}` | {table.description.removesuffix('.')} |"
        for table in sorted(catalog.tables.values(), key=lambda it: it.layer)
        if table.published
    ]
    return with_rows(page, "# What is published", "| table | holds |", rows, "published.md")


def _with_issues(page: str) -> str:
    sql = (ROOT / "sql" / "quality" / "issue_types.sql").read_text(encoding="utf-8")
    with duckdb.connect() as connection:
        issues = connection.execute(f"from ({sql}) order by source, severity").fetchall()
    for source in sorted({source for source, *_ in issues}):
        heading = f"## {source.replace('_', ' ').capitalize()}"
        rows = [
            f"| `{issue}` | {tier} | {when} |"
            for of, issue, tier, _, when in issues
            if of == source
        ]
        page = with_rows(page, heading, "| issue | tier | when |", rows, "data-quality.md")
    return page


def with_rows(page: str, heading: str, columns: str, rows: list[str], name: str) -> str:
    """The page with these rows in the table that has these columns, the first below a heading."""
    table = re.compile(
        rf"(^{re.escape(heading)}\n(?:(?!## ).*\n)*?{re.escape(columns)}\n\|[-|]+\|\n)(?:\|.*\n)*",
        re.MULTILINE,
    )
    made, count = table.subn(lambda it: it[1] + "".join(f"{row}\n" for row in rows), page, count=1)
    if not count:
        raise NoPlaceError(
            f"docs/{name} lacks the table for {len(rows)} rows such as {rows[0]}: add the heading "
            f"'{heading}', and below it the line '{columns}' and the line '|---|---|'"
        )
    return made


if __name__ == "__main__":
    for name, text in made_pages().items():
        (DOCS / name).write_text(text, encoding="utf-8")
