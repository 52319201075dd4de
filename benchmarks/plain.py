"""The yardstick: one process, one connection, DuckDB's own CSV reader, the same SQL.

No hashes, no markers, no rejected rows kept, no line accounting, no proof: what the pipeline costs
beyond this is the price of those.

    python benchmarks/plain.py DATA_DIR WAREHOUSE MEMORY_LIMIT
"""

import sys
from pathlib import Path

import duckdb

from benepass_tasks.config.project import open_project
from benepass_tasks.sqlmodels.cache import Cache
from benepass_tasks.sqlmodels.effective import read_definitions


def main(data_dir: Path, warehouse: Path, memory_limit: str) -> None:
    """Read every source and build every model."""
    project = open_project(Path(__file__).parent.parent)
    made_of = read_definitions(project, Cache(warehouse.with_suffix(".models.json")))
    catalog, graph = made_of.catalog, made_of.graph
    connection = duckdb.connect(str(warehouse), config={"preserve_insertion_order": False})
    connection.execute(f"set memory_limit = '{memory_limit}'")
    connection.execute("set variable as_of_date = date '2026-01-01'")
    connection.execute("set variable pii_masking = true")
    for layer in ("raw", "base", "staging", "intermediate", "quality", "marts"):
        connection.execute(f"create schema {layer}")
    for source in catalog.sources.values():
        pattern = data_dir / source.filepath.removeprefix("data/")
        relation = catalog.raw_table_of(source.name).relation
        # A file may leave out columns, which the models read as NULL.
        declared = ", ".join(f'"{column}" varchar' for column in source.columns)
        connection.execute(
            f"create table {relation} "
            f"({declared}, _row_number bigint, _source_file varchar, _dlt_load_id varchar)"
        )
        connection.execute(
            f"insert into {relation} by name "  # noqa: S608
            "select *, row_number() over () as _row_number, "
            f"'{source.name}.csv' as _source_file, '1' as _dlt_load_id "
            f"from read_csv('{pattern}', all_varchar = true, header = true, delim = ',', "
            "quote = '\"', strict_mode = false, ignore_errors = true)"
        )
    connection.execute("create table raw.rejected_rows (reason varchar)")
    for model in graph.models.values():
        for macro in graph.macros_of(model):
            connection.execute(macro.sql)
        kind = catalog.tables[model.relation].materialized
        connection.execute(f"create {kind} {model.relation} as {model.sql}")
    connection.close()


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3])
