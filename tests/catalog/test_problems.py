"""A bad catalog is refused with a line for each problem, that says where it is and what is valid.

Each case is the good catalog below with one thing changed, so that a rule that never fails, or
fails for something else, shows as a missing or an additional line.
"""

from pathlib import Path

import pytest
from projects import catalog_without_sql

from benepass_tasks.config.errors import CatalogError

GOOD = """\
_anchors:
  email: &email {class: identifier, kind: EMAIL_ADDRESS, treatment: mask}
claims:
  type: pandas.CSVDataset
  filepath: data/claims*.csv
  load_args: {dtype: str}
  metadata:
    description: Claims
    domain: benefits
    kedro-viz: {layer: source}
    columns:
      email:
        description: Of the member
        type: VARCHAR
        pii: *email
        required: true
      amount:
        description: Claimed
        type: VARCHAR
        pii: {class: none}
raw.claims:
  type: ibis.TableDataset
  table_name: claims
  database: raw
  connection: {backend: duckdb, database: data/warehouse.duckdb, read_only: true}
  metadata:
    description: Claims as they came
    domain: benefits
    source: claims
    columns:
      email: {description: Email, type: VARCHAR, pii: *email}
      amount: {description: Claimed, type: VARCHAR, pii: {class: none}}
      _source_file: {description: File, type: VARCHAR, pii: {class: none}}
      _row_number: {description: Row, type: BIGINT, pii: {class: none}}
      _dlt_load_id: {description: Load, type: VARCHAR, pii: {class: none}}
marts.spend:
  type: ibis.TableDataset
  table_name: spend
  database: marts
  connection: {backend: duckdb, database: data/warehouse.duckdb, read_only: true}
  metadata:
    description: Spend
    domain: benefits
    materialized: table
    grain: one member
    columns:
      spent:
        description: Spent
        type: DECIMAL(18,2)
        domain: people
        pii: {class: none}
"""

SPENT = "marts.spend.metadata.columns.spent"
ALIASES = "claims.metadata.columns.email.aliases"
SPEND_CONNECTION = (
    "database: marts\n"
    "  connection: {backend: duckdb, database: data/warehouse.duckdb, read_only: true}"
)
FROM_CLAIMS = GOOD[GOOD.index("claims:\n  type: pandas") :]
FROM_METADATA = GOOD[GOOD.index("  metadata:\n    description: Spend") :]
FROM_COLUMNS = GOOD[GOOD.index("    columns:\n      spent") :]
FROM_SPENT = GOOD[GOOD.index("      spent:") :]


def problems_of(text: str, folder: Path) -> list[str]:
    path = folder / "catalog.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(CatalogError) as caught:
        catalog_without_sql(path)
    return str(caught.value).splitlines()


def changed(old: str, new: str) -> str:
    assert GOOD.count(old) == 1, f"{old!r} must stand once in the good catalog"
    return GOOD.replace(old, new)


def test_the_good_catalog_is_good(tmp_path: Path) -> None:
    path = tmp_path / "catalog.yaml"
    path.write_text(GOOD, encoding="utf-8")
    assert list(catalog_without_sql(path).tables) == [
        "raw.rejected_rows",
        "raw.claims",
        "marts.spend",
    ]


FILE_TYPES = (
    "pandas.CSVDataset, pandas.ExcelDataset, pandas.ParquetDataset, pandas.JSONDataset, "
    "pandas.SQLTableDataset, api.APIDataset"
)
DATASETS = {
    "source without its type": (
        "  type: pandas.CSVDataset\n",
        "",
        f"3 claims.type: is required: one of {FILE_TYPES}",
    ),
    "source of another type": (
        "pandas.CSVDataset",
        "pandas.CsvDataset",
        f"4 claims.type: must be one of {FILE_TYPES} (did you mean 'pandas.CSVDataset'?)",
    ),
    "table called like a source": (
        "marts.spend:",
        "spend:",
        (
            "36 spend: "
            "a table is called <layer>.<table>, the layer one of raw, staging, "
            "intermediate, quality, marts"
        ),
    ),
    "source called like a table": (
        "pandas.CSVDataset",
        "ibis.TableDataset",
        f"4 claims.type: must be one of {FILE_TYPES} (did you mean 'pandas.SQLTableDataset'?)",
    ),
    "unknown layer": (
        "marts.spend:\n",
        "mart.spend:\n",
        (
            "36 mart.spend: "
            "the layer must be one of raw, staging, intermediate, quality, marts (did you "
            "mean 'marts'?)"
        ),
    ),
    "table in camel case": (
        "marts.spend:",
        "marts.totalSpend:",
        "36 marts.totalSpend: a name must be in lower snake case (did you mean 'total_spend'?)",
    ),
    "table in two layers": (
        "marts.spend:",
        "marts.a.spend:",
        "36 marts.a.spend: a name must be in lower snake case (did you mean 'a_spend'?)",
    ),
    "source in camel case": (
        "claims:\n  type: pandas",
        "allClaims:\n  type: pandas",
        (
            "3 allClaims: a name must be in lower snake case (did you mean 'all_claims'?)\n"
            "29 raw.claims.metadata.source: "
            "no such source in the catalog (did you mean 'allClaims'?)"
        ),
    ),
    "unknown key": (
        "  load_args:",
        "  loadargs:",
        "6 claims.loadargs: unknown key (did you mean 'load_args'?)",
    ),
    "unlike any key": (
        "  load_args:",
        "  versioned:",
        "6 claims.versioned: unknown key (allowed: type, filepath, load_args, metadata)",
    ),
    "load_args no mapping": (
        "{dtype: str}",
        "[dtype]",
        "6 claims.load_args: must be a mapping, not a list",
    ),
    "dataset no mapping": (
        "_anchors:",
        "notes: [x]\n_anchors:",
        "1 notes: must be a mapping, not a list",
    ),
    "dataset empty": ("_anchors:", "notes:\n_anchors:", "1 notes: must be a mapping, not nothing"),
    "dataset a number": (
        "_anchors:",
        "2024: {}\n_anchors:",
        "1 2024: a key must be text, not 2024: put it in quotes",
    ),
    "file outside data": (
        "data/claims*.csv",
        "files/claims.csv",
        "5 claims.filepath: must be a file below data/, not 'files/claims.csv'",
    ),
    "file is data": (
        "data/claims*.csv",
        "data/",
        "5 claims.filepath: must be a file below data/, not 'data/'",
    ),
    "file absolute": (
        "data/claims*.csv",
        "/data/claims.csv",
        "5 claims.filepath: must stay below data/: no absolute path and no '..'",
    ),
    "file above data": (
        "data/claims*.csv",
        "data/../claims.csv",
        "5 claims.filepath: must stay below data/: no absolute path and no '..'",
    ),
    "file with backslash": (
        "data/claims*.csv",
        "data\\claims.csv",
        "5 claims.filepath: must have / between folders, not a backslash",
    ),
    "file a folder": (
        "data/claims*.csv",
        "data/claims/",
        "5 claims.filepath: must be a file below data/, not 'data/claims/'",
    ),
    "file a dot": (
        "data/claims*.csv",
        "data/.",
        "5 claims.filepath: must be a file below data/, not 'data/.'",
    ),
    "folder a glob": (
        "data/claims*.csv",
        "data/*/claims.csv",
        "5 claims.filepath: must have *, ? and [ only in the file name, not in a folder",
    ),
    "table_name disagrees": (
        "table_name: spend",
        "table_name: spent",
        "38 marts.spend.table_name: must be 'spend', as the dataset's name says, not 'spent'",
    ),
    "database disagrees": (
        "database: marts",
        "database: raw",
        "39 marts.spend.database: must be 'marts', as the dataset's name says, not 'raw'",
    ),
    "table_name missing": ("  table_name: spend\n", "", "36 marts.spend.table_name: is required"),
    "table_name a list": (
        "table_name: spend",
        "table_name: [spend]",
        "38 marts.spend.table_name: must be text, not a list",
    ),
    "database missing": ("  database: marts\n", "", "36 marts.spend.database: is required"),
    "connection missing": (
        f"  {SPEND_CONNECTION}\n",
        "  database: marts\n",
        "36 marts.spend.connection: is required",
    ),
    "only a table's type": (
        "_anchors:",
        "notes: {type: ibis.TableDataset}\n_anchors:",
        (
            "1 notes.filepath: is required: a file below data/, such as data/members*.csv\n"
            "1 notes.metadata: is required\n"
            f"1 notes.type: must be one of {FILE_TYPES} (did you mean 'pandas.SQLTableDataset'?)"
        ),
    ),
    "metadata missing": (FROM_METADATA, "", "36 marts.spend.metadata: is required"),
    "metadata a list": (
        FROM_METADATA,
        "  metadata: [x]\n",
        "41 marts.spend.metadata: must be a mapping, not a list",
    ),
    "table of a source's type": (
        "raw.claims:\n  type: ibis.TableDataset",
        "raw.claims:\n  type: pandas.CSVDataset",
        "22 raw.claims.type: must be ibis.TableDataset, not 'pandas.CSVDataset'",
    ),
    "source with a dot": (
        "claims:\n  type: pandas",
        "raw.files:\n  type: pandas",
        (
            "3 raw.files: the name of a source has no dot; <layer>.<table> names a table\n"
            "29 raw.claims.metadata.source: no such source in the catalog (sources: none)"
        ),
    ),
    "source missing its file": (
        "  filepath: data/claims*.csv\n",
        "",
        "3 claims.filepath: is required: a file below data/, such as data/members*.csv",
    ),
    "no dataset but anchors": (FROM_CLAIMS, "", "1: must declare at least one dataset"),
}

# What a connection is replaced with.
CONNECTIONS = {
    "{backend: sqlite, database: data/x.duckdb, read_only: true}": (
        "40 marts.spend.connection.backend: must be duckdb, not 'sqlite'"
    ),
    "{backend: duckdb, database: data/x.duckdb, read_only: no}": (
        "40 marts.spend.connection.read_only: must be true, not false (YAML reads no as false)"
    ),
    "{backend: duckdb, database: data/x.duckdb, read_only: 1}": (
        "40 marts.spend.connection.read_only: must be true, not 1"
    ),
    "{backend: duckdb, read_only: true}": "40 marts.spend.connection.database: is required",
    "{backend: duckdb, database: x, read_only: true, threads: 4}": (
        "40 marts.spend.connection.threads: unknown key (allowed: backend, database, read_only)"
    ),
    "duckdb": "40 marts.spend.connection: must be a mapping, not 'duckdb'",
}

METADATA = {
    "unknown metadata": (
        "    grain:",
        "    grains:",
        "45 marts.spend.metadata.grains: unknown key (did you mean 'grain'?)",
    ),
    "no description": (
        "    description: Spend\n",
        "",
        "41 marts.spend.metadata.description: is required",
    ),
    "empty description": (
        "description: Spend\n",
        "description:\n",
        "42 marts.spend.metadata.description: must not be empty",
    ),
    "blank description": (
        "description: Spend\n",
        "description: '  '\n",
        "42 marts.spend.metadata.description: must not be empty",
    ),
    "description a list": (
        "description: Spend\n",
        "description: [Spend]\n",
        "42 marts.spend.metadata.description: must be text, not a list",
    ),
    "description a boolean": (
        "description: Spend\n",
        "description: on\n",
        (
            "42 marts.spend.metadata.description: "
            "must be text, not true: put it in quotes (YAML reads on as true)"
        ),
    ),
    "description a sexagesimal": (
        "description: Spend\n",
        "description: 1:30\n",
        (
            "42 marts.spend.metadata.description: "
            "must be text, not 90: put it in quotes (YAML reads 1:30 as 90)"
        ),
    ),
    "unknown domain": (
        "    domain: benefits\n    materialized",
        "    domain: benefit\n    materialized",
        (
            "43 marts.spend.metadata.domain: "
            "must be one of people, benefits, quality (did you mean 'benefits'?)"
        ),
    ),
    "no domain": (
        "    description: Claims\n    domain: benefits\n",
        "    description: Claims\n",
        (
            "7 claims.metadata.domain: "
            "is required for the columns without their own: email, amount (one of people, "
            "benefits, quality)"
        ),
    ),
    "materialized otherwise": (
        "materialized: table",
        "materialized: incremental",
        "44 marts.spend.metadata.materialized: must be one of table, view, not 'incremental'",
    ),
    "materialized a boolean": (
        "materialized: table",
        "materialized: yes",
        (
            "44 marts.spend.metadata.materialized: "
            "must be one of table, view, not true (YAML reads yes as true)"
        ),
    ),
    "mart a view": (
        "materialized: table",
        "materialized: view",
        "44 marts.spend.metadata.materialized: must be table: nothing in marts is a view",
    ),
    "grain a list": (
        "grain: one member",
        "grain: [one member]",
        "45 marts.spend.metadata.grain: must be text, not a list",
    ),
    "grain of a source": (
        "    kedro-viz: {layer: source}",
        "    grain: one claim",
        "10 claims.metadata.grain: only a table has a grain; remove it",
    ),
    "source of a source": (
        "    kedro-viz: {layer: source}",
        "    source: claims",
        "10 claims.metadata.source: only a raw table has a source; remove it",
    ),
    "materialized source": (
        "    kedro-viz: {layer: source}",
        "    materialized: table",
        "10 claims.metadata.materialized: only a table is materialized; remove it",
    ),
    "kedro-viz without layer": (
        "{layer: source}",
        "{}",
        "10 claims.metadata.kedro-viz.layer: is required",
    ),
    "kedro-viz otherwise": (
        "{layer: source}",
        "{layers: source}",
        (
            "10 claims.metadata.kedro-viz.layer: is required\n"
            "10 claims.metadata.kedro-viz.layers: unknown key (did you mean 'layer'?)"
        ),
    ),
    "layer a number": (
        "{layer: source}",
        "{layer: 1}",
        "10 claims.metadata.kedro-viz.layer: must be text, not 1: put it in quotes",
    ),
    "source of a mart": (
        "grain: one member",
        "source: claims",
        "45 marts.spend.metadata.source: only a raw table has a source; remove it",
    ),
    "source missing": (
        "    source: claims\n",
        "",
        ("26 raw.claims.metadata.source: is required for a raw table (sources: claims)"),
    ),
    "source unknown": (
        "    source: claims\n",
        "    source: claim\n",
        ("29 raw.claims.metadata.source: no such source in the catalog (did you mean 'claims'?)"),
    ),
    "source a list": (
        "    source: claims\n",
        "    source: [claims]\n",
        ("29 raw.claims.metadata.source: must be text, not a list"),
    ),
    "a schema contract in other words": (
        "    kedro-viz: {layer: source}\n",
        (
            "    kedro-viz: {layer: source}\n"
            "    schema_contract: {column: freeze, data_type: freez, tables: discard_row}\n"
        ),
        (
            "11 claims.metadata.schema_contract.column: unknown key (did you mean 'columns'?)\n"
            "11 claims.metadata.schema_contract.data_type: "
            "must be one of evolve, freeze (did you mean 'freeze'?)\n"
            "11 claims.metadata.schema_contract.tables: "
            "must be one of evolve, freeze, not 'discard_row'"
        ),
    ),
    "a schema contract that is one word": (
        "    kedro-viz: {layer: source}\n",
        "    kedro-viz: {layer: source}\n    schema_contract: freeze\n",
        "11 claims.metadata.schema_contract: must be a mapping, not 'freeze'",
    ),
    "a schema contract of a table": (
        "    materialized: table\n",
        "    materialized: table\n    schema_contract: {columns: freeze}\n",
        ("45 marts.spend.metadata.schema_contract: only a source has one; move it there"),
    ),
}

COLUMNS = {
    "columns a list without a domain": (
        "    domain: benefits\n    materialized: table\n    grain: one member\n" + FROM_COLUMNS,
        "    columns: [spent]\n",
        "43 marts.spend.metadata.columns: must be a mapping of columns, not a list",
    ),
    "columns odd without a domain": (
        "    domain: benefits\n    materialized: table\n    grain: one member\n" + FROM_COLUMNS,
        "    columns:\n      spent:\n      1: {description: One}\n",
        (
            "44 marts.spend.metadata.columns.spent: must be a mapping, not nothing\n"
            "45 marts.spend.metadata.columns.1: a key must be text, not 1: put it in quotes"
        ),
    ),
    "raw columns empty": (
        GOOD[GOOD.index("      email: {") : GOOD.index("marts.spend:")],
        "",
        "30 raw.claims.metadata.columns: must not be empty",
    ),
    "no columns": (
        FROM_COLUMNS,
        "",
        "41 marts.spend.metadata.columns: is required in marts: every column, with its type",
    ),
    "columns empty": (
        FROM_COLUMNS,
        "    columns: {}\n",
        "46 marts.spend.metadata.columns: must declare at least one column",
    ),
    "columns null": (
        FROM_COLUMNS,
        "    columns:\n",
        "46 marts.spend.metadata.columns: must not be empty",
    ),
    "columns a list": (
        FROM_COLUMNS,
        "    columns: [spent]\n",
        "46 marts.spend.metadata.columns: must be a mapping of columns, not a list",
    ),
    "column null": (FROM_SPENT, "      spent:\n", f"47 {SPENT}: must be a mapping, not nothing"),
    "column empty": (
        FROM_SPENT,
        "      spent: {}\n",
        (
            f"47 {SPENT}.description: "
            "is required where the SQL does more than pass on a value that has one\n"
            f"47 {SPENT}.type: is required: a DuckDB type such as VARCHAR or DECIMAL(18,2)"
        ),
    ),
    "column called on": (
        "      spent:",
        "      on:",
        (
            "47 marts.spend.metadata.columns.on: "
            "a key must be text, not true: put it in quotes (YAML reads on as true)"
        ),
    ),
    "column called 1:30": (
        "      spent:",
        "      1:30:",
        (
            "47 marts.spend.metadata.columns.1:30: "
            "a key must be text, not 90: put it in quotes (YAML reads 1:30 as 90)"
        ),
    ),
    "column called null": (
        "      spent:",
        "      ~:",
        "47 marts.spend.metadata.columns.~: a key must be text, not nothing: put it in quotes",
    ),
    "column called by a list": (
        "      spent:\n",
        "      ? [spent]\n      :\n",
        "47 marts.spend.metadata.columns.?: a key must be text, not a list: put it in quotes",
    ),
    "unknown key of a column": (
        "        description: Spent",
        "        descripton: Spent",
        (f"48 {SPENT}.descripton: unknown key (did you mean 'description'?)"),
    ),
    "boolean key of a column": (
        "        description: Spent",
        "        yes: Spent",
        (
            f"48 {SPENT}.yes: "
            "a key must be text, not true: put it in quotes (YAML reads yes as true)"
        ),
    ),
    "column domain": (
        "domain: people",
        "domain: folk",
        f"50 {SPENT}.domain: must be one of people, benefits, quality, not 'folk'",
    ),
    "required table column": (
        "domain: people",
        "required: true",
        f"50 {SPENT}.required: only a source's column can be required or not; remove it",
    ),
    "required no flag": (
        "required: true",
        "required: 'true'",
        "16 claims.metadata.columns.email.required: must be true or false, not 'true'",
    ),
    "table column with aliases": (
        "domain: people",
        "aliases: [cost]",
        f"50 {SPENT}.aliases: only a source's column has aliases; remove them",
    ),
    "aliases in no list": (
        "required: true",
        "aliases: mail",
        f"16 {ALIASES}: must be a list of names, not 'mail'",
    ),
    "alias twice": (
        "required: true",
        "aliases: [mail, mail]",
        f"16 {ALIASES}: must have each name once",
    ),
    "alias in two styles": (
        "required: true",
        "aliases: [Work Mail, work_mail]",
        (
            f"16 {ALIASES}: "
            "'work_mail' means email already, since case and style do not matter; remove it"
        ),
    ),
    "alias that is the column's own name": (
        "required: true",
        "aliases: [EMAIL]",
        (
            f"16 {ALIASES}: "
            "'EMAIL' means email already, since case and style do not matter; remove it"
        ),
    ),
    "alias that is another column's name": (
        "required: true",
        "aliases: [Amount]",
        f"16 {ALIASES}: 'Amount' means amount already; one of the two must go",
    ),
    "alias that is another column's alias": (
        "required: true\n      amount:\n        description: Claimed",
        (
            "aliases: [sum]\n      amount:\n        aliases: ['SUM ', total]\n"
            "        description: Claimed"
        ),
        (
            "18 claims.metadata.columns.amount.aliases: "
            "'SUM' means email already; one of the two must go"
        ),
    ),
    "alias that ingestion takes": (
        "required: true",
        "aliases: [_row_number]",
        (
            f"16 {ALIASES}: "
            "'_row_number' is a name that ingestion gives to a column of its own; remove it"
        ),
    ),
    "alias that no header can have": (
        "required: true",
        "aliases: ['%', ann@example.com]",
        (
            f"16 {ALIASES}: '%' cannot be the name of a column in a header; remove it\n"
            f"16 {ALIASES}: 'ann@example.com' cannot be the name of a column in a header; remove it"
        ),
    ),
    "camel case column": (
        "      amount:\n",
        "      claimAmount€:\n",
        (
            "17 claims.metadata.columns.claimAmount€: "
            "a name must be in lower snake case (did you mean 'claim_amount'?)"
        ),
    ),
    "reserved column": (
        "      amount:\n",
        "      _row_number:\n",
        (
            "17 claims.metadata.columns._row_number: "
            "is a name that ingestion gives to a column of its own; choose another\n"
            "32 raw.claims.metadata.columns.amount: "
            "source 'claims' has no such column (columns: email, _row_number)"
        ),
    ),
    "raw lacks": (
        "      amount: {description",
        "      amounts: {description",
        (
            "32 raw.claims.metadata.columns.amounts: "
            "source 'claims' has no such column (did you mean 'amount'?)"
        ),
    ),
    "raw lacks ingested": (
        "      _row_number: {description",
        "      row: {description",
        (
            "34 raw.claims.metadata.columns.row: "
            "source 'claims' has no such column (columns: email, amount)"
        ),
    ),
    "raw ingested type": (
        "type: BIGINT",
        "type: INTEGER",
        (
            "34 raw.claims.metadata.columns._row_number.type: "
            "must be BIGINT, which is what ingestion writes, not 'INTEGER'"
        ),
    ),
    "type missing": (
        "        type: DECIMAL(18,2)\n",
        "",
        f"47 {SPENT}.type: is required: a DuckDB type such as VARCHAR or DECIMAL(18,2)",
    ),
}

# What DECIMAL(18,2) is replaced with.
TYPES = {
    "varchar": f"49 {SPENT}.type: must be a DuckDB type (did you mean 'VARCHAR'?)",
    "'VARCHR[]'": f"49 {SPENT}.type: must be a DuckDB type (did you mean 'VARCHAR[]'?)",
    "TEXT": f"49 {SPENT}.type: must be a DuckDB type (did you mean 'VARCHAR'?)",
    "timestamptz": (
        f"49 {SPENT}.type: must be a DuckDB type (did you mean 'TIMESTAMP WITH TIME ZONE'?)"
    ),
    "Decimal(18, 2)": f"49 {SPENT}.type: must be a DuckDB type (did you mean 'DECIMAL(18,2)'?)",
    "DECIMAL(39,2)": (
        f"49 {SPENT}.type: DECIMAL(p,s) needs 1 <= p <= 38 and 0 <= s <= p, not DECIMAL(39,2)"
    ),
    "DECIMAL(0,0)": (
        f"49 {SPENT}.type: DECIMAL(p,s) needs 1 <= p <= 38 and 0 <= s <= p, not DECIMAL(0,0)"
    ),
    "DECIMAL(4,5)": (
        f"49 {SPENT}.type: DECIMAL(p,s) needs 1 <= p <= 38 and 0 <= s <= p, not DECIMAL(4,5)"
    ),
    "DECIMAL": (
        f"49 {SPENT}.type: "
        "must be one of VARCHAR, BIGINT, INTEGER, HUGEINT, DOUBLE, BOOLEAN, DATE, "
        "TIMESTAMP, TIMESTAMP WITH TIME ZONE, BLOB, UUID, DECIMAL(p,s) or a list such "
        "as VARCHAR[], not 'DECIMAL'"
    ),
    "VARCHAR[][]": f"49 {SPENT}.type: must be a DuckDB type (did you mean 'VARCHAR[]'?)",
    "'[]'": (
        f"49 {SPENT}.type: "
        "must be one of VARCHAR, BIGINT, INTEGER, HUGEINT, DOUBLE, BOOLEAN, DATE, "
        "TIMESTAMP, TIMESTAMP WITH TIME ZONE, BLOB, UUID, DECIMAL(p,s) or a list such "
        "as VARCHAR[], not '[]'"
    ),
    "STRUCT(a INT)": (
        f"49 {SPENT}.type: "
        "must be one of VARCHAR, BIGINT, INTEGER, HUGEINT, DOUBLE, BOOLEAN, DATE, "
        "TIMESTAMP, TIMESTAMP WITH TIME ZONE, BLOB, UUID, DECIMAL(p,s) or a list such "
        "as VARCHAR[], not 'STRUCT(a INT)'"
    ),
    "12": f"49 {SPENT}.type: must be text, not 12: put it in quotes",
}

# What {class: none} is replaced with.
PII = {
    "{}": (
        f"51 {SPENT}.pii.class: is required: one of none, quasi_identifier, pseudonym, identifier"
    ),
    "none": f"51 {SPENT}.pii: must be a mapping, not 'none'",
    "{class: nothing}": (
        f"51 {SPENT}.pii.class: "
        "must be one of none, quasi_identifier, pseudonym, identifier, not 'nothing'"
    ),
    "{class: identifer, kind: NAME, treatment: mask}": (
        f"51 {SPENT}.pii.class: "
        "must be one of none, quasi_identifier, pseudonym, identifier (did you mean "
        "'identifier'?)"
    ),
    "{class: none, sensitive: 'yes'}": (
        f"51 {SPENT}.pii.sensitive: must be true or false, not 'yes'"
    ),
    "{class: none, kind: NAME}": (
        f"51 {SPENT}.pii.kind: must be left out where class is none and sensitive is false"
    ),
    "{class: none, sensitive: false, kind: NAME}": (
        f"51 {SPENT}.pii.kind: must be left out where class is none and sensitive is false"
    ),
    "{class: none, sensitive: true}": (
        f"51 {SPENT}.pii.kind: "
        "is required, such as EMAIL_ADDRESS, unless class is none and sensitive false"
    ),
    "{class: pseudonym, sensitive: 1}": (f"51 {SPENT}.pii.sensitive: must be true or false, not 1"),
    "{class: pseudonym}": (
        f"51 {SPENT}.pii.kind: "
        "is required, such as EMAIL_ADDRESS, unless class is none and sensitive false"
    ),
    "{class: quasi_identifier, kind: birth date}": (
        f"51 {SPENT}.pii.kind: "
        "must be an UPPER_SNAKE infoType such as EMAIL_ADDRESS (did you mean "
        "'BIRTH_DATE'?)"
    ),
    "{class: quasi_identifier, kind: '€'}": (
        f"51 {SPENT}.pii.kind: must be an UPPER_SNAKE infoType such as EMAIL_ADDRESS, not '€'"
    ),
    "{class: identifier, kind: NAME}": (
        f"51 {SPENT}.pii.treatment: "
        "is required for an identifier: one of mask, hash, drop, plaintext"
    ),
    "{class: identifier, kind: NAME, treatment: msk}": (
        f"51 {SPENT}.pii.treatment: "
        "must be one of mask, hash, drop, plaintext (did you mean 'mask'?)"
    ),
    "{class: identifier, kind: NAME, treatment: plaintext}": (
        f"51 {SPENT}.pii.reason: is required for an identifier left as plaintext"
    ),
    "{class: identifier, kind: NAME, treatment: plaintext, reason: ''}": (
        f"51 {SPENT}.pii.reason: must not be empty"
    ),
    "{class: identifier, kind: name, treatment: plaintext}": (
        f"51 {SPENT}.pii.reason: "
        "is required for an identifier left as plaintext\n"
        f"51 {SPENT}.pii.kind: "
        "must be an UPPER_SNAKE infoType such as EMAIL_ADDRESS (did you mean 'NAME'?)"
    ),
    "{class: identifier}": (
        f"51 {SPENT}.pii.kind: "
        "is required, such as EMAIL_ADDRESS, unless class is none and sensitive false\n"
        f"51 {SPENT}.pii.treatment: "
        "is required for an identifier: one of mask, hash, drop, plaintext"
    ),
    "{class: none, tretment: mask}": (
        f"51 {SPENT}.pii.tretment: unknown key (did you mean 'treatment'?)"
    ),
    "{class: none, reason: " + "x" * 100 + ", treatment: " + "y" * 100 + "}": (
        f"51 {SPENT}.pii.treatment: "
        "must be one of mask, hash, drop, plaintext, not "
        "'yyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy..."
    ),
    "{class: pseudonym, kind: EMPLOYEE_ID, erase: keep}": (
        f"51 {SPENT}.pii.erase: cannot be keep for pseudonym: it leads to the person"
    ),
    "{class: quasi_identifier, kind: CITY, erase: start_of_year}": (
        f"51 {SPENT}.pii.erase: can be start_of_year for kind DATE only"
    ),
    "{class: none, erase: clear}": (
        f"51 {SPENT}.pii.erase: must be left out where class is none: all of it stays"
    ),
    "{class: none, _schema: 1}": (
        f"51 {SPENT}.pii: unknown key (allowed: class, sensitive, kind, treatment, reason, erase)"
    ),
}

CASES = (
    DATASETS
    | METADATA
    | COLUMNS
    | {
        new: (
            SPEND_CONNECTION,
            f"database: marts\n  connection: {new}",
            expected,
        )
        for new, expected in CONNECTIONS.items()
    }
    | {f"type {new}": ("DECIMAL(18,2)", new, expected) for new, expected in TYPES.items()}
    | {
        f"pii {new}": (
            "        domain: people\n        pii: {class: none}",
            f"        domain: people\n        pii: {new}",
            expected,
        )
        for new, expected in PII.items()
    }
)


@pytest.mark.parametrize(("old", "new", "expected"), CASES.values(), ids=CASES.keys())
def test_each_rule_refuses_what_breaks_it(
    old: str, new: str, expected: str, tmp_path: Path
) -> None:
    found = problems_of(changed(old, new), tmp_path)
    assert found == [f"catalog.yaml:{line}" for line in expected.splitlines()]


def test_every_problem_is_told_at_once_sorted_by_line(tmp_path: Path) -> None:
    text = GOOD
    for old, new in (
        ("treatment: mask}", "treatment: msk}"),
        ("filepath: data/claims", "filepath: files/claims"),
        ("        required: true\n", "        required: 1\n"),
        ("    source: claims\n", "    source: claim\n"),
        ("type: BIGINT", "type: bigint"),
        ("materialized: table", "materialized: view"),
        ("        description: Spent\n", "        description: Spent\n        description: X\n"),
    ):
        assert text.count(old) == 1
        text = text.replace(old, new)
    assert problems_of(text, tmp_path) == [
        f"catalog.yaml:{line}"
        for line in (
            (
                "2 claims.metadata.columns.email.pii.treatment: "
                "must be one of mask, hash, drop, plaintext (did you mean 'mask'?) (in 2 places, "
                "through an anchor)"
            ),
            "5 claims.filepath: must be a file below data/, not 'files/claims*.csv'",
            "16 claims.metadata.columns.email.required: must be true or false, not 1",
            (
                "34 raw.claims.metadata.columns._row_number.type: "
                "must be a DuckDB type (did you mean 'BIGINT'?)"
            ),
            "44 marts.spend.metadata.materialized: must be table: nothing in marts is a view",
            (
                "49 marts.spend.metadata.columns.spent.description: "
                "duplicate key: it stands on lines 48 and 49, and only one can count"
            ),
        )
    ]


def test_what_is_wrong_with_a_source_is_not_told_of_its_raw_table_again(tmp_path: Path) -> None:
    source = """\
claims:
  type: pandas.CSVDataset
  filepath: data/claims.csv
  metadata:
    description: Claims
    columns:
      email: {description: Of the member}
"""
    assert problems_of(source, tmp_path) == [
        (
            "catalog.yaml:4 claims.metadata.domain: is required for the columns without their own: "
            "email (one of people, benefits, quality)"
        )
    ]


def test_a_source_has_only_one_raw_table(tmp_path: Path) -> None:
    raw = GOOD[GOOD.index("raw.claims:") : GOOD.index("marts.spend:")]
    second = raw.replace("raw.claims:", "raw.again:").replace("name: claims", "name: again")
    [problem] = problems_of(GOOD + second, tmp_path)
    assert problem == (
        "catalog.yaml:60 raw.again.metadata.source: a source has one raw table, "
        "and 'claims' already has raw.claims"
    )


def test_rejected_rows_come_from_no_source(tmp_path: Path) -> None:
    raw = GOOD[GOOD.index("raw.claims:") : GOOD.index("marts.spend:")]
    rejected = raw.replace("raw.claims:", "raw.rejected_rows:")
    rejected = rejected.replace("name: claims", "name: rejected_rows")
    [problem] = problems_of(GOOD + rejected, tmp_path)
    assert problem == (
        "catalog.yaml:60 raw.rejected_rows.metadata.source: must be left out: "
        "rejected rows come from all sources"
    )


def test_a_missing_file_says_what_to_set(tmp_path: Path) -> None:
    with pytest.raises(CatalogError) as caught:
        catalog_without_sql(tmp_path / "catalog.yaml")
    assert str(caught.value) == (
        f"catalog.yaml: no such file in {tmp_path}: run from the project's folder, "
        "or set --benepass-project-dir or [benepass] project_dir"
    )


def test_a_folder_is_not_a_catalog(tmp_path: Path) -> None:
    with pytest.raises(CatalogError, match="cannot be read"):
        catalog_without_sql(tmp_path)


def test_text_that_is_not_utf_8_says_on_which_line(tmp_path: Path) -> None:
    path = tmp_path / "catalog.yaml"
    path.write_bytes("a: b\nc: é\n".encode("latin-1"))
    with pytest.raises(CatalogError) as caught:
        catalog_without_sql(path)
    assert str(caught.value) == "catalog.yaml:2: not UTF-8 text: save it as UTF-8"


ANCHORS = """\
_pii: &pii
  class: identifier
  kind: NAME
  treatment: mask
_column: &column
  description: Something
  type: VARCHAR
  pii: *pii
_connection: &connection
  backend: duckdb
  database: data/warehouse.duckdb
  read_only: true
marts.people:
  type: ibis.TableDataset
  table_name: people
  database: marts
  connection: *connection
  metadata:
    description: People
    domain: people
    columns:
      first_name:
        <<: *column
      last_name:
        <<: [{description: Last}, *column]
        pii:
          <<: *pii
          treatment: hash
"""


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        (
            "kind: NAME",
            "kind: name",
            (
                "3 marts.people.metadata.columns.first_name.pii.kind: "
                "must be an UPPER_SNAKE infoType such as EMAIL_ADDRESS (did you mean 'NAME'?) "
                "(in 2 places, through an anchor)"
            ),
        ),
        (
            "  kind: NAME\n",
            "",
            (
                "7 marts.people.metadata.columns.first_name.pii.kind: "
                "is required, such as EMAIL_ADDRESS, unless class is none and sensitive false\n"
                "25 marts.people.metadata.columns.last_name.pii.kind: "
                "is required, such as EMAIL_ADDRESS, unless class is none and sensitive false"
            ),
        ),
        (
            "treatment: mask",
            "treatment: masked",
            (
                "4 marts.people.metadata.columns.first_name.pii.treatment: "
                "must be one of mask, hash, drop, plaintext (did you mean 'mask'?)"
            ),
        ),
        (
            "type: VARCHAR",
            "type: varchar",
            (
                "7 marts.people.metadata.columns.first_name.type: "
                "must be a DuckDB type (did you mean 'VARCHAR'?) (in 2 places, through an "
                "anchor)"
            ),
        ),
        (
            "  type: VARCHAR\n",
            "",
            (
                "21 marts.people.metadata.columns.first_name.type: "
                "is required: a DuckDB type such as VARCHAR or DECIMAL(18,2)\n"
                "23 marts.people.metadata.columns.last_name.type: "
                "is required: a DuckDB type such as VARCHAR or DECIMAL(18,2)"
            ),
        ),
        (
            "description: Something",
            "description: Something\n  note: x",
            (
                "7 marts.people.metadata.columns.first_name.note: "
                "unknown key (allowed: description, type, domain, pii, published, tests, "
                "derived_from) (in 2 places, through an anchor)"
            ),
        ),
        (
            "read_only: true",
            "read_only: false",
            "12 marts.people.connection.read_only: must be true, not false",
        ),
        (
            "treatment: hash",
            "treatment: hashed",
            (
                "28 marts.people.metadata.columns.last_name.pii.treatment: "
                "must be one of mask, hash, drop, plaintext (did you mean 'hash'?)"
            ),
        ),
        (
            "<<: [{description: Last}, *column]",
            "<<: [{description: []}, *column]",
            "25 marts.people.metadata.columns.last_name.description: must be text, not a list",
        ),
        (
            "<<: [{description: Last}, *column]",
            "<<: [last, *column]",
            (
                "24 marts.people.metadata.columns.last_name: "
                "merges something other than a mapping on line 25: '<<' takes *name or [*one, "
                "*two]"
            ),
        ),
        (
            "  kind: NAME\n",
            "  kind: NAME\n  kind: NAME\n",
            "4 _pii.kind: duplicate key: it stands on lines 3 and 4, and only one can count",
        ),
        (
            "_pii: &pii\n",
            "_pii: &pii\n  <<: *pii\n  x: 1\n",
            (
                "3 marts.people.metadata.columns.first_name.pii.x: "
                "unknown key (allowed: class, sensitive, kind, treatment, reason, erase) "
                "(in 2 places,"
                " through an anchor)"
            ),
        ),
    ],
)
def test_a_problem_stands_where_the_anchor_has_it(
    old: str, new: str, expected: str, tmp_path: Path
) -> None:
    assert ANCHORS.count(old) == 1
    found = problems_of(ANCHORS.replace(old, new), tmp_path)
    assert found == [f"catalog.yaml:{line}" for line in expected.splitlines()]


MASKS = {
    "a mask without a fingerprint": (
        "{mask_name: {treatment: mask}}",
        "1 _masking_policy.mask_name.fingerprint: is required",
    ),
    "a treatment that is no masking": (
        "{mask_name: {treatment: plaintext, fingerprint: 0123456789abcdef0123456789abcdef}}",
        "1 _masking_policy.mask_name.treatment: must be one of mask, hash, tidy, not 'plaintext'",
    ),
    "a fingerprint cut off": (
        "{mask_name: {treatment: mask, fingerprint: 0123abcd}}",
        "1 _masking_policy.mask_name.fingerprint: must be 32 hexadecimal digits, not '0123abcd'",
    ),
    "kinds that are no list": (
        (
            "{mask_name: {treatment: mask, kinds: NAME, fingerprint: "
            "0123456789abcdef0123456789abcdef}}"
        ),
        (
            "1 _masking_policy.mask_name.kinds: "
            "must be a list of infoTypes such as [EMAIL_ADDRESS], not 'NAME'"
        ),
    ),
    "a kind that is none": (
        (
            "{mask_name: {treatment: mask, kinds: [first name], fingerprint: "
            "0123456789abcdef0123456789abcdef}}"
        ),
        (
            "1 _masking_policy.mask_name.kinds: "
            "must be an UPPER_SNAKE infoType such as EMAIL_ADDRESS (did you mean 'FIRST_NAME'?)"
        ),
    ),
    "a key that it does not have": (
        (
            "{mask_name: {treatment: mask, kind: [NAME], fingerprint: "
            "0123456789abcdef0123456789abcdef}}"
        ),
        "1 _masking_policy.mask_name.kind: unknown key (did you mean 'kinds'?)",
    ),
    "a mask that is not a mapping": (
        "{mask_name: mask}",
        "1 _masking_policy.mask_name: must be a mapping, not 'mask'",
    ),
    "a policy that is not a mapping": (
        "mask_name",
        "1 _masking_policy: must be a mapping of macros, not 'mask_name'",
    ),
}


@pytest.mark.parametrize(("policy", "expected"), MASKS.values(), ids=MASKS.keys())
def test_each_rule_of_the_masking_policy_refuses_what_breaks_it(
    tmp_path: Path, policy: str, expected: str
) -> None:
    problems = problems_of(f"_masking_policy: {policy}\n{GOOD}", tmp_path)
    assert problems == [f"catalog.yaml:{expected}"]


def test_the_masking_policy_is_read(tmp_path: Path) -> None:
    path = tmp_path / "catalog.yaml"
    fingerprint = "0123456789abcdef" * 2
    policy = f"{{mask_name: {{treatment: mask, kinds: [NAME], fingerprint: {fingerprint}}}}}"
    path.write_text(f"_masking_policy: {policy}\n{GOOD}", encoding="utf-8")
    mask = catalog_without_sql(path).masks["mask_name"]
    assert (mask.treatment, mask.kinds, mask.fingerprint) == ("mask", ("NAME",), fingerprint)
