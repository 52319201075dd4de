"""Reads values in a form by the SQL that the pipeline reads them with, in a DuckDB of its own."""

import graphlib
from collections.abc import Mapping, Sequence
from typing import Any, Final

import duckdb

from benepass_tasks.catalog.datasets import DeclaredColumn
from benepass_tasks.catalog.forms import ColumnForm, WrittenAs
from benepass_tasks.ingestion.proposals.reading import Holds
from benepass_tasks.sqlmodels import ModelGraph
from benepass_tasks.sqlmodels.canonical import canonical

_TYPED: Final = {"amount": "money", "date": "iso_date", "instant": "utc_timestamp"}
"""The macro that makes a typed value of canonical text, by what it holds."""


class CanonicalReader:
    """Reads values in a form, with the project's macros.

    It is a `Read`: it takes what the values hold, what `written_as` says, and the values, and gives
    each in canonical form, or None where it is not readable in that form.
    """

    def __init__(self, graph: ModelGraph) -> None:
        """Take the project's SQL."""
        self._connection = duckdb.connect(":memory:")
        calls = {name: macro.macros for name, macro in graph.macros.items()}
        for name in graphlib.TopologicalSorter(calls).static_order():
            self._connection.execute(graph.macros[name].sql)

    def __call__(
        self, holds: Holds, written_as: Mapping[str, Any], values: Sequence[str]
    ) -> Sequence[str | None]:
        """Read values in a form."""
        said: dict[str, Any] = {
            word: tuple(it.items() if isinstance(it, dict) else it)
            if isinstance(it, list | dict)
            else it
            for word, it in written_as.items()
        }
        form = ColumnForm(holds, (WrittenAs(**said),) if said else ())
        made = canonical(DeclaredColumn("value", None, None, None, None, form=form))
        # In steps: a macro repeats its argument, and DuckDB would bind the whole of it each time.
        sql = (
            "with given as materialized (from unnest($1::varchar[]) with ordinality as it(value, "  # noqa: S608
            f"place)), made as materialized (select place, {made} as text from given) "
            f"select cast({_TYPED[holds]}(clean_text(text)) as varchar) from made order by place"
        )
        return [it for (it,) in self._connection.execute(sql, [list(values)]).fetchall()]
