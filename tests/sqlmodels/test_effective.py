"""What the catalog leaves out follows from the SQL; what it says stands."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from benepass_tasks.catalog import Pii
from benepass_tasks.config.errors import CatalogError, ModelError
from benepass_tasks.config.project import Project
from benepass_tasks.sqlmodels.cache import Cache
from benepass_tasks.sqlmodels.effective import read_definitions

if TYPE_CHECKING:
    from benepass_tasks.catalog import Catalog, Column
    from benepass_tasks.sqlmodels.effective import Definitions

ROOT = Path(__file__).parents[2]

CATALOG = """\
"{{layer}}.{{table}}":
  type: ibis.TableDataset
  table_name: "{{table}}"
  database: "{{layer}}"
  connection: {{backend: duckdb, database: data/warehouse.duckdb, read_only: true}}
people:
  type: pandas.CSVDataset
  filepath: data/people.csv
  metadata:
    description: People.
    domain: people
    reconciliation: {{staging: staging.stg_people}}
    columns:
      id: {{description: Which one., pii: {{class: pseudonym, kind: PERSON_ID}}}}
      email:
        description: How to reach them.
        pii: {{class: identifier, kind: EMAIL_ADDRESS, treatment: plaintext, reason: Asked for.}}
      city: {{description: Where.}}
_tables:
  staging.stg_people:
    description: People, tidied.
    materialized: view
    domain: benefits
    {staging}
  marts.dim_people:
    description: People, counted on.
    domain: benefits
    {mart}
"""
STAGING = "select id, email as address, upper(city) as city, length(id) as size from raw.people"
SIZE = "size: {description: Letters of the id., pii: {class: pseudonym, kind: PERSON_ID}}"
CITY = "city: {description: Where in capitals.}"
NEW = f"columns: {{{SIZE}, {CITY}}}"
MART = "select id, address from staging.stg_people"
TYPED = "columns: {id: {type: VARCHAR}, address: {type: VARCHAR}}"
WRITTEN = Pii("identifier", kind="EMAIL_ADDRESS", treatment="plaintext", reason="Asked for.")


@dataclass
class Small:
    """A project of one source, a view over it and a mart over the view."""

    root: Path
    staging: str = NEW
    mart: str = TYPED
    sql: dict[str, str] = field(
        default_factory=lambda: {"staging/stg_people": STAGING, "marts/dim_people": MART}
    )

    def read(self) -> Catalog:
        return self.definitions().catalog

    def definitions(self) -> Definitions:
        for name, sql in self.sql.items():
            path = self.root / "sql" / f"{name}.sql"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(sql, encoding="utf-8")
        text = CATALOG.format(staging=self.staging, mart=self.mart)
        (self.root / "catalog.yaml").write_text(text, encoding="utf-8")
        cache = Cache(self.root / "models.json")
        return read_definitions(Project(self.root), cache)

    def column(self, name: str) -> Column:
        relation, _, column = name.rpartition(".")
        return self.read().tables[relation].columns[column]


@pytest.fixture
def small(tmp_path: Path) -> Small:
    return Small(tmp_path)


def test_a_value_that_is_passed_on_keeps_what_is_said_of_it(small: Small) -> None:
    address = small.column("marts.dim_people.address")
    assert address.description == "How to reach them."
    assert address.domain == "people"
    assert address.pii == WRITTEN
    assert address.basis == {
        "description": "inherited from people.email",
        "type": "declared",
        "domain": "that of people",
        "pii": "inherited from people.email",
    }


def test_what_a_column_declares_stands_over_what_it_inherits(small: Small) -> None:
    small.mart = TYPED.replace("address: {", "address: {description: Street., domain: quality, ")
    address = small.column("marts.dim_people.address")
    assert (address.description, address.domain, address.pii) == ("Street.", "quality", WRITTEN)
    assert address.comes_from == (
        "description, type, domain declared; pii inherited from people.email"
    )


def test_what_is_said_where_a_column_is_born_anew_goes_on_from_there(small: Small) -> None:
    small.sql["marts/dim_people"] = "select city, id from staging.stg_people"
    small.mart = "columns: {city: {type: VARCHAR}, id: {type: VARCHAR}}"
    city = small.column("marts.dim_people.city")
    assert city.description == "Where in capitals."
    assert city.basis["description"] == "inherited from staging.stg_people.city"
    assert city.domain == "benefits"


def test_the_inner_layers_have_the_columns_and_types_of_their_sql(small: Small) -> None:
    columns = small.read().tables["staging.stg_people"].columns
    assert {name: column.type for name, column in columns.items()} == {
        "id": "VARCHAR",
        "address": "VARCHAR",
        "city": "VARCHAR",
        "size": "BIGINT",
    }
    assert columns["size"].basis["type"] == "derived from the SQL"


@pytest.mark.parametrize(
    "expression",
    [
        "trim(email)",
        "coalesce(email, 'none')",
        "case when city = 'Rome' then email end",
        "max(email) over ()",
    ],
)
def test_a_value_that_is_changed_inherits_nothing(expression: str, small: Small) -> None:
    small.sql["staging/stg_people"] = STAGING.replace("email as", f"{expression} as")
    with pytest.raises(CatalogError) as caught:
        small.read()
    assert str(caught.value) == (
        "catalog.yaml:24 _tables.staging.stg_people.columns.address.description: "
        "is required where the SQL does more than pass on a value that has one"
    )


def test_a_changed_value_is_not_personal_unless_it_is_declared_so(small: Small) -> None:
    small.sql["staging/stg_people"] = STAGING.replace("email as", "trim(email) as")
    small.staging = f"columns: {{{SIZE}, {CITY}, address: {{description: A.}}}}"
    address = small.column("staging.stg_people.address")
    assert (address.pii, address.basis["pii"]) == (Pii("none"), "default")


def test_columns_that_do_not_agree_pass_nothing_on(small: Small) -> None:
    union = "select id, email as address from raw.people union all select id, id from raw.people"
    small.sql["marts/dim_people"] = union
    with pytest.raises(CatalogError, match=r"dim_people\.columns\.address\.description: is requ"):
        small.read()


def test_a_source_implies_its_raw_table_and_that_of_the_rejected_records(small: Small) -> None:
    tables = small.read().tables
    assert list(tables) == [
        "raw.people",
        "raw.rejected_rows",
        "staging.stg_people",
        "marts.dim_people",
    ]
    raw = tables["raw.people"]
    assert (raw.source, raw.description) == (
        "people",
        "Records of the people file, exactly as written.",
    )
    assert {name: column.type for name, column in raw.columns.items()} == {
        "id": "VARCHAR",
        "email": "VARCHAR",
        "city": "VARCHAR",
        "_source_file": "VARCHAR",
        "_row_number": "BIGINT",
        "_dlt_load_id": "VARCHAR",
    }
    assert raw.columns["email"].pii == WRITTEN
    assert raw.columns["_row_number"].comes_from == "implied by the load"
    record = tables["raw.rejected_rows"].columns["raw_record"].pii
    assert (record.class_, record.kind, record.sensitive) == ("identifier", "RECORD", False)


@pytest.mark.parametrize("layer", ["quality", "marts"])
def test_what_analysts_rely_on_declares_its_columns_and_their_types(
    layer: str, small: Small
) -> None:
    small.sql = {
        "staging/stg_people": STAGING,
        "marts/dim_people": MART,
        f"{layer}/more": "select id from staging.stg_people",
    }
    small.mart = f"{TYPED}\n  {layer}.more: {{description: More., domain: people}}"
    with pytest.raises((CatalogError, ModelError), match=f"{layer}.more.* every column, with its"):
        small.read()
    small.mart = small.mart.replace("domain: people}", "domain: people, columns: {id: {}}}")
    with pytest.raises(CatalogError, match=r"more\.columns\.id\.type: is required"):
        small.read()


def test_a_column_that_the_sql_does_not_give_is_refused(small: Small) -> None:
    small.staging = NEW.replace("size:", "length: {description: L.}, size:")
    with pytest.raises(ModelError, match="gives no column length"):
        small.read()


def test_a_column_of_a_mart_that_is_not_declared_is_refused(small: Small) -> None:
    small.sql["marts/dim_people"] = "select id, address, city from staging.stg_people"
    with pytest.raises(ModelError, match=r"column city that marts\.dim_people does not declare"):
        small.read()


def test_a_test_has_to_fit_the_type_that_the_sql_gives(small: Small) -> None:
    small.staging = NEW.replace("Letters of the id.", "Letters, tests: [{range: {min: a}}]")
    with pytest.raises(CatalogError, match=r"range\.min: must be a whole number that BIGINT"):
        small.read()


def test_sql_that_duckdb_refuses_is_named(small: Small) -> None:
    small.sql["staging/stg_people"] = STAGING.replace("upper(city)", "city + interval 1 day")
    with pytest.raises(ModelError, match=r"sql/staging/stg_people\.sql"):
        small.read()


def test_what_was_derived_is_asked_of_the_sql_again_only_when_something_changed(
    small: Small,
) -> None:
    small.read()
    memory = small.root / "models.json"
    kept = memory.read_bytes()
    memory.write_bytes(kept.replace(b"BIGINT", b"HUGEINT"))
    assert small.column("staging.stg_people.size").type == "HUGEINT"
    small.sql["staging/stg_people"] += "\n-- changed"
    assert small.column("staging.stg_people.size").type == "BIGINT"
    memory.write_text("no JSON")
    assert small.column("staging.stg_people.size").type == "BIGINT"


def test_of_several_models_those_are_asked_of_again_that_changed(small: Small) -> None:
    small.read()
    memory = small.root / "models.json"
    memory.write_bytes(memory.read_bytes().replace(b"BIGINT", b"HUGEINT"))
    small.sql["marts/dim_people"] += "\n-- changed"
    assert small.column("staging.stg_people.size").type == "HUGEINT"
    small.sql["staging/stg_people"] += "\n-- changed"
    assert small.column("staging.stg_people.size").type == "BIGINT"


def test_a_model_is_asked_of_again_where_what_it_reads_has_other_types(small: Small) -> None:
    small.read()
    small.sql["staging/stg_people"] = STAGING.replace("email as", "length(email) as")
    with pytest.raises(ModelError, match="address: declared VARCHAR, found BIGINT"):
        small.read()


def test_of_several_models_those_are_followed_again_that_changed(small: Small) -> None:
    def capitals() -> set[str]:
        edges = small.definitions().lineage.models["staging.stg_people"].columns["city"]
        return {it.subtype for it in edges}

    assert capitals() == {"TRANSFORMATION"}
    memory = small.root / "models.json"
    memory.write_bytes(memory.read_bytes().replace(b"TRANSFORMATION", b"AGGREGATION"))
    small.sql["marts/dim_people"] += "\n-- changed"
    assert capitals() == {"AGGREGATION"}
    small.sql["staging/stg_people"] += "\n-- changed"
    assert capitals() == {"TRANSFORMATION"}


def test_a_model_is_followed_again_where_what_it_reads_has_other_columns(small: Small) -> None:
    small.sql["marts/dim_people"] = "select * exclude (city, size) from staging.stg_people"
    small.read()
    small.sql["staging/stg_people"] = STAGING.replace("upper", "city as town, upper")
    with pytest.raises(ModelError, match="gives a column town"):
        small.read()


def test_the_lineage_that_completes_a_catalog_is_that_of_the_whole_one(tmp_path: Path) -> None:
    project, cache = Project(ROOT), Cache(tmp_path / "models.json")
    first, second = read_definitions(project, cache), read_definitions(project, cache)
    assert first.traced is not None
    assert second.traced is None
    assert first.catalog.tables == second.catalog.tables
    assert first.lineage == second.lineage
