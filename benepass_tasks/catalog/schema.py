"""What may stand in one dataset of the catalog, as marshmallow schemas.

A schema sees a dataset without its name: what follows from the name, or from other datasets, is in
`load` and `rules`. Schemas are made once, at import, with everything nested in them: making one
costs more than loading a dataset with it.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, get_args

from marshmallow import ValidationError, post_load, validates_schema

from benepass_tasks.catalog.datasets import (
    DATE,
    HEADCOUNT,
    Census,
    ContractMode,
    DeclaredColumn,
    DerivedFrom,
    Domain,
    Erase,
    Freshness,
    Ground,
    Guards,
    MaskTreatment,
    Materialized,
    Months,
    Pii,
    PiiClass,
    Range,
    Reconciliation,
    Resends,
    Retention,
    SchemaContract,
    Suppression,
    Then,
    Treatment,
    Volume,
)
from benepass_tasks.catalog.events import COLUMNS as EVENT_COLUMNS
from benepass_tasks.catalog.expectations import (
    ColumnNames,
    RowCountSchema,
    column_tests,
    table_tests,
)
from benepass_tasks.catalog.extract_fields import (
    API_ARGS,
    TABLE_ARGS,
    ApiExtractSchema,
    TableExtractSchema,
    Variable,
    WebAddress,
    api_extract,
    table_extract,
)
from benepass_tasks.catalog.extracts import (
    API,
    BUCKETS,
    EXTRACTED_TYPES,
    SQL_TABLE,
    BucketExtract,
    Extract,
)
from benepass_tasks.catalog.fields import (
    CalendarPeriod,
    Choice,
    Count,
    DuckDBType,
    Duration,
    Each,
    Exactly,
    Factor,
    Fingerprint,
    Flag,
    JsonSchema,
    Kind,
    Kinds,
    Names,
    OneOrMore,
    Section,
    Share,
    SourcePath,
    Strict,
    Text,
    of_form,
)
from benepass_tasks.catalog.form_fields import (
    CurrencySchema,
    Forms,
    MadeOf,
    Synonyms,
    column_form,
)
from benepass_tasks.catalog.form_rules import with_layout
from benepass_tasks.catalog.forms import Holds
from benepass_tasks.catalog.layout import FILE_TYPES, PARQUET
from benepass_tasks.catalog.load_args import LayoutSchema, LoadArgs, layout_of, type_rules
from benepass_tasks.catalog.made_columns import parted
from benepass_tasks.catalog.record_fields import (
    RECORDS,
    PartOfName,
    RecordKey,
    RefundRule,
    ValuesByColumn,
    declared_records,
)

DATES = ("start_of_year", "end_of_month")
"""What only a date can become."""


class _PiiSchema(Strict):
    json_rules = (
        {
            "if": {
                "properties": {"class": {"const": "none"}, "sensitive": {"const": False}},
            },
            "then": {"properties": {"kind": False}},
            "else": {"required": ["kind"]},
        },
        {
            "if": {"properties": {"class": {"const": "identifier"}}},
            "then": {"required": ["treatment"]},
        },
        {
            "if": {
                "properties": {
                    "class": {"const": "identifier"},
                    "treatment": {"enum": ["plaintext", "clear"]},
                },
                "required": ["treatment"],
            },
            "then": {"required": ["reason"]},
        },
        {
            "not": {
                "properties": {
                    "class": {"enum": ["identifier", "pseudonym"]},
                    "erase": {"const": "keep"},
                },
                "required": ["class", "erase"],
            }
        },
        {
            "not": {
                "properties": {
                    "erase": {"enum": list(DATES)},
                    "kind": {"not": {"const": DATE}},
                },
                "required": ["erase", "kind"],
            }
        },
        {
            "not": {
                "properties": {
                    "class": {"const": "none"},
                    "erase": {"not": {"const": "keep"}},
                },
                "required": ["class", "erase"],
            }
        },
    )

    class_ = Choice(get_args(PiiClass), required=True, data_key="class")
    sensitive = Flag()
    kind = Kind()
    treatment = Choice(get_args(Treatment), aliases={"clear": "plaintext"})
    reason = Text()
    erase = Choice(get_args(Erase))

    # Each rule looks only at what is valid so far, so that it can speak up beside other errors.
    @validates_schema(pass_original=True, skip_on_field_errors=False)
    def check_kind(
        self, data: dict[str, Any], original: Mapping[str, object], **_kwargs: object
    ) -> None:
        """What is personal or sensitive has a kind; what is neither has none."""
        if "class_" not in data:
            return
        if "sensitive" in original and "sensitive" not in data:
            return
        neither = data["class_"] == "none" and not data.get("sensitive")
        if neither and "kind" in original:
            message = "must be left out where class is none and sensitive is false"
            raise ValidationError(message, "kind")
        if not neither and "kind" not in original:
            message = "is required, such as EMAIL_ADDRESS, unless class is none and sensitive false"
            raise ValidationError(message, "kind")

    @validates_schema(pass_original=True, skip_on_field_errors=False)
    def check_identifier(
        self, data: dict[str, Any], original: Mapping[str, object], **_kwargs: object
    ) -> None:
        """An identifier has a treatment, and a reason if that is to keep it as plaintext."""
        if data.get("class_") != "identifier":
            return
        if "treatment" not in original:
            choices = ", ".join(get_args(Treatment))
            raise ValidationError(f"is required for an identifier: one of {choices}", "treatment")
        if data.get("treatment") == "plaintext" and "reason" not in original:
            raise ValidationError("is required for an identifier left as plaintext", "reason")

    @validates_schema(skip_on_field_errors=False)
    def check_erase(self, data: dict[str, Any], **_kwargs: object) -> None:
        """What leads to a person is not kept when the person is erased; only dates are coarser."""
        erase, class_ = data.get("erase"), data.get("class_")
        if erase == "keep" and class_ in ("identifier", "pseudonym"):
            raise ValidationError(f"cannot be keep for {class_}: it leads to the person", "erase")
        if erase in DATES and data.get("kind", DATE) != DATE:
            raise ValidationError(f"can be {erase} for kind {DATE} only", "erase")
        if erase is not None and erase != "keep" and class_ == "none":
            raise ValidationError("must be left out where class is none: all of it stays", "erase")

    @post_load
    def build(self, data: dict[str, Any], **_kwargs: object) -> Pii:
        """Make the declaration."""
        return Pii(**data)


class _DerivedFromSchema(Strict):
    json_rules = (
        {
            "if": {"properties": {"reason": {"const": HEADCOUNT}}},
            "then": {"required": ["minimum"]},
            "else": {"properties": {"minimum": False}},
        },
    )

    columns = OneOrMore(required=True, data_key="column")
    reason = Choice(get_args(Ground), required=True)
    minimum = Count()

    @validates_schema(pass_original=True, skip_on_field_errors=False)
    def check_minimum(
        self, data: dict[str, Any], original: Mapping[str, object], **_kwargs: object
    ) -> None:
        """A number of people says how many there are at least, and nothing else does."""
        is_headcount = data.get("reason") == HEADCOUNT
        if is_headcount and "minimum" not in original:
            raise ValidationError("is required: how many people are counted at least", "minimum")
        if "reason" in data and not is_headcount and "minimum" in original:
            raise ValidationError(f"is for reason: {HEADCOUNT} only; remove it", "minimum")

    @post_load
    def build(self, data: dict[str, Any], **_kwargs: object) -> DerivedFrom:
        """Make the declaration."""
        return DerivedFrom(**data)


class _ColumnSchema(Strict):
    description = Text()
    type = DuckDBType()
    domain = Choice(get_args(Domain))
    pii = Section(_PiiSchema())


class _TableColumnSchema(_ColumnSchema):
    elsewhere = MappingProxyType(
        {
            "required": "only a source's column can be required or not; remove it",
            "aliases": "only a source's column has aliases; remove them",
            "holds": "only a source's column says what its files hold; remove it",
            "written_as": "only a source's column says how its files write it; remove it",
            "synonyms": "only a source's column has synonyms; remove them",
            "made_of": "only a source's column is made of others of its files; remove it",
        }
    )

    published = Flag()
    tests = column_tests()
    derived_from = Section(_DerivedFromSchema())

    @post_load
    def test_minimum(self, data: dict[str, Any], **_kwargs: object) -> dict[str, Any]:
        """Have a run end with a number of fewer people than the column says it counts."""
        derived_from: DerivedFrom | None = data.get("derived_from")
        if derived_from is None or derived_from.minimum is None:
            return data
        return data | {"tests": (*data.get("tests", ()), Range(minimum=derived_from.minimum))}


class _SourceColumnSchema(_ColumnSchema):
    elsewhere = MappingProxyType(
        {
            "published": "only a table's column can be published or not; remove it",
            "tests": "only a table's column has tests; what comes in is judged in its raw table",
            "derived_from": "only a table's column has derived_from; remove it",
        }
    )

    description = Text(required=True)
    required = Flag()
    aliases = Names()
    holds = Choice(get_args(Holds))
    written_as = Forms()
    synonyms = Synonyms()
    made_of = MadeOf()

    @post_load
    def gather_form(self, data: dict[str, Any], **_kwargs: object) -> dict[str, Any]:
        """Put what is said of the values into one declaration."""
        return column_form(data)


class _FreshnessSchema(Strict):
    json_rules = (
        {"oneOf": [{"required": ["load"]}, {"required": ["column"]}]},
        {"anyOf": [{"required": ["warn_after"]}, {"required": ["fail_after"]}]},
    )

    load_ = Exactly(only=True, required=False, data_key="load")
    column = Text()
    warn_after = Duration()
    fail_after = Duration()

    @validates_schema(pass_original=True, skip_on_field_errors=False)
    def check_what_counts(self, _data: object, original: object, **_kwargs: object) -> None:
        """Either the newest load counts or a column."""
        if isinstance(original, Mapping) and len({"load", "column"} & original.keys()) != 1:
            raise ValidationError("must have either load: true or column: name")

    @validates_schema(pass_original=True, skip_on_field_errors=False)
    def check_ages(self, data: dict[str, Any], original: object, **_kwargs: object) -> None:
        """An age fails or warns, and fails no earlier than it warns."""
        ages = {"warn_after", "fail_after"}
        if isinstance(original, Mapping) and not ages & original.keys():
            raise ValidationError("must have warn_after, fail_after or both, such as 36h or 7d")
        if ages <= data.keys() and data["fail_after"] < data["warn_after"]:
            raise ValidationError("must not be shorter than warn_after", "fail_after")

    @post_load
    def build(self, data: dict[str, Any], **_kwargs: object) -> Freshness:
        """Make the declaration."""
        return Freshness(**{name: value for name, value in data.items() if name != "load_"})


class _VolumeSchema(RowCountSchema):
    @post_load
    def build(self, data: dict[str, Any], **_kwargs: object) -> Volume:
        """Make the declaration."""
        return Volume(data.get("min"), data.get("max"))


class _MetadataSchema(Strict):
    description = Text(required=True)
    domain = Choice(get_args(Domain))
    freshness = Section(_FreshnessSchema())
    volume = Section(_VolumeSchema())
    purpose = Text()

    @post_load
    def build(self, data: dict[str, Any], **_kwargs: object) -> dict[str, Any]:
        """Make the columns."""
        silent = dict.fromkeys(("description", "type", "domain", "pii"))
        columns = {
            name: DeclaredColumn(name=name, **(silent | column))
            for name, column in data.get("columns", {}).items()
        }
        # Where a dataset is drawn is for Kedro alone.
        said = {key: value for key, value in data.items() if key != "kedro_viz"}
        return said | {"columns": MappingProxyType(columns)}


class _KedroVizSchema(Strict):
    layer = Text(required=True)


class _SchemaContractSchema(Strict):
    tables = Choice(get_args(ContractMode))
    columns = Choice(get_args(ContractMode))
    data_type = Choice(get_args(ContractMode))

    @post_load
    def build(self, data: dict[str, Any], **_kwargs: object) -> SchemaContract:
        """Make the contract; what it does not say may evolve."""
        return SchemaContract(**data)


class _ReconciliationSchema(Strict):
    staging = Text(required=True)
    accepted = Text()
    quarantine = Text()
    issues = Text()
    amount = Text()
    accepted_count = Text()
    uncounted = Text()

    @post_load
    def build(self, data: dict[str, Any], **_kwargs: object) -> Reconciliation:
        """Make the declaration."""
        return Reconciliation(**data)


class _GuardsSchema(Strict):
    max_rejected = Share()
    max_shrink = Share()
    max_quarantined_money = Share()
    min_clean = Share()
    max_flagged = Share()
    max_factor = Factor()
    max_level = Factor()
    max_expired = Share()
    max_columns = Count()
    moves_on = Flag()
    empty_files = Flag()

    @post_load
    def build(self, data: dict[str, Any], **_kwargs: object) -> Guards:
        """Make the guards; those that are not said stand as they do by default."""
        return Guards(**data)


class _RetentionSchema(Strict):
    keep = CalendarPeriod(required=True)
    by = Text(required=True)
    then = Choice(get_args(Then), required=True)

    @post_load
    def build(self, data: dict[str, Any], **_kwargs: object) -> Retention:
        """Make the declaration."""
        return Retention(**data)


class _SourceMetadataSchema(_MetadataSchema):
    elsewhere = MappingProxyType(
        {
            "materialized": "only a table is materialized; remove it",
            "grain": "only a table has a grain; remove it",
            "derived_from": "only a table has derived_from; remove it",
            "source": "only a raw table has a source; remove it",
            "published": "only a table can be published; remove it",
            "suppression": "only a published table has suppression; remove it",
            "tests": "only a table has tests; remove them",
            "months": "only a table has months; remove them",
            "extract": f"is for {' and '.join(EXTRACTED_TYPES)} only; files are read as they come",
        }
    )

    columns = Each(_SourceColumnSchema(), "columns", required=True, snake_case=True)
    schema_contract = Section(_SchemaContractSchema())
    guards = Section(_GuardsSchema())
    retention = Section(_RetentionSchema())
    reconciliation = Section(_ReconciliationSchema())
    layout = Section(LayoutSchema())
    kedro_viz = Section(_KedroVizSchema(), data_key="kedro-viz")
    key = RecordKey()
    resends = Choice(get_args(Resends))
    ordered_by = Text()
    counts_when = ValuesByColumn()
    refunds = RefundRule()
    census = Choice(get_args(Census))
    census_part = PartOfName()
    currency = Section(CurrencySchema())
    ignored = Names()

    @post_load
    def gather_records(self, data: dict[str, Any], **_kwargs: object) -> dict[str, Any]:
        """Put what is said of the records into one declaration."""
        return {"records": declared_records(data)} | {
            name: value for name, value in data.items() if name not in RECORDS
        }


class _SuppressionSchema(Strict):
    columns = Names(required=True)
    employees = Text()
    groups = Names()
    follows = Text()
    sums = Names()

    @post_load
    def build(self, data: dict[str, Any], **_kwargs: object) -> Suppression:
        """Make the declaration."""
        return Suppression(**data)


class _MonthsSchema(Strict):
    column = Text(required=True)
    money = Text()

    @post_load
    def build(self, data: dict[str, Any], **_kwargs: object) -> Months:
        """Make the declaration."""
        return Months(**data)


class _TableMetadataSchema(_MetadataSchema):
    elsewhere = MappingProxyType(
        {
            "schema_contract": "only a source has one; move it there",
            "reconciliation": "belongs to a source; move it there",
            "guards": "belong to a source; move them there",
            "retention": "belongs to a source; move it there, and the table follows",
            "resends": "belongs to a source; move it there",
            "ordered_by": "belongs to a source; move it there",
            "counts_when": "belongs to a source; move it there",
            "refunds": "belongs to a source; move it there",
            "census": "belongs to a source; move it there",
            "census_part": "belongs to a source; move it there",
        }
    )

    columns = Each(_TableColumnSchema(), "columns")
    kedro_viz = Section(_KedroVizSchema(), data_key="kedro-viz")
    materialized = Choice(get_args(Materialized))
    grain = Text()
    source = Text()
    published = Flag()
    suppression = Section(_SuppressionSchema())
    derived_from = Section(_DerivedFromSchema())
    months = Section(_MonthsSchema())
    key = ColumnNames()
    tests = table_tests()


class _ConnectionSchema(Strict):
    backend = Exactly("duckdb")
    database = Text(required=True)
    read_only = Exactly(only=True)


class _TableSourceMetadataSchema(_SourceMetadataSchema):
    extract = Section(TableExtractSchema())


class _ApiSourceMetadataSchema(_SourceMetadataSchema):
    extract = Section(ApiExtractSchema(), required=True)


class _SourceSchema(Strict):
    json_rules = tuple(type_rules())

    type = Choice((*FILE_TYPES, *EXTRACTED_TYPES), required=True)
    filepath = SourcePath(required=True)
    load_args = LoadArgs()
    metadata = Section(_SourceMetadataSchema(), required=True)

    @post_load
    def build(self, data: dict[str, Any], **_kwargs: object) -> dict[str, Any]:
        """Make the layout, of which each part is valid by itself."""
        said = _with_layout(data["type"], data.get("load_args"), data["metadata"])
        path = data["filepath"]
        elsewhere = {"extract": BucketExtract(address=path)} if path.startswith(BUCKETS) else {}
        return {"filepath": path, **said, **elsewhere}


class _TableSourceSchema(Strict):
    elsewhere = MappingProxyType({"filepath": "a table is read, and no file; remove it"})

    type = Exactly(SQL_TABLE)
    table_name = Text(required=True)
    credentials = Variable(required=True)
    load_args = TABLE_ARGS
    metadata = Section(_TableSourceMetadataSchema(), required=True)

    @post_load
    def build(self, data: dict[str, Any], **_kwargs: object) -> dict[str, Any]:
        """Make the extract."""
        return _extracted(data, table_extract(data, data["metadata"].get("extract", {})))


class _ApiSourceSchema(Strict):
    elsewhere = MappingProxyType({"filepath": "an API is read, and no file; remove it"})

    type = Exactly(API)
    url = WebAddress(required=True)
    load_args = API_ARGS
    metadata = Section(_ApiSourceMetadataSchema(), required=True)

    @post_load
    def build(self, data: dict[str, Any], **_kwargs: object) -> dict[str, Any]:
        """Make the extract."""
        return _extracted(data, api_extract(data, data["metadata"]["extract"]))


def _extracted(data: Mapping[str, Any], extract: Extract) -> dict[str, Any]:
    return _with_layout(PARQUET, None, data["metadata"]) | {"extract": extract}


def _with_layout(
    type_: str, args: Mapping[str, Any] | None, declared: Mapping[str, Any]
) -> dict[str, Any]:
    metadata = dict(declared)
    layout = layout_of(type_, args, metadata.pop("layout", {}))
    columns, made = parted(with_layout(metadata["columns"], layout))
    if layout.is_of_events:
        columns = MappingProxyType({**columns, **EVENT_COLUMNS})
    return metadata | {"columns": columns, "made": made, "layout": layout}


class _TableSchema(Strict):
    type = Exactly("ibis.TableDataset")
    table_name = Text(required=True)
    database = Text(required=True)
    connection = Section(_ConnectionSchema(), required=True)
    metadata = Section(_TableMetadataSchema(), required=True)


class _FactoryMetadataSchema(Strict):
    kedro_viz = Section(_KedroVizSchema(), data_key="kedro-viz")


class _FactorySchema(Strict):
    type = Exactly("ibis.TableDataset")
    table_name = Exactly("{table}")
    database = Exactly("{layer}")
    connection = Section(_ConnectionSchema(), required=True)
    metadata = Section(_FactoryMetadataSchema())


class _MaskSchema(Strict):
    treatment = Choice(get_args(MaskTreatment), required=True)
    kinds = Kinds()
    fingerprint = Fingerprint(required=True)

    @post_load
    def build(self, data: dict[str, Any], **_kwargs: object) -> dict[str, Any]:
        """Name no kind where any is meant."""
        return {"kinds": ()} | data


SOURCE = _SourceSchema()
"""The files of one kind, an entry for Kedro."""

EXTRACTED = MappingProxyType({SQL_TABLE: _TableSourceSchema(), API: _ApiSourceSchema()})
"""What is not a file, by its type: an entry for Kedro as well."""


def source_schema(type_: object) -> Strict:
    """What a source of a type may say; where nobody knows the type, what files may."""
    return EXTRACTED.get(str(type_), SOURCE)


def source_json_schema() -> JsonSchema:
    """The form of a source in JSON Schema, whatever its type."""
    files = SOURCE.json_schema()
    for type_, schema in EXTRACTED.items():
        is_it = of_form(properties={"type": {"const": type_}}, required=["type"])
        files = {"if": is_it, "then": schema.json_schema(), "else": files}
    return files


TABLE = _TableSchema()
"""A table with an entry of its own for Kedro."""

TABLE_METADATA = _TableMetadataSchema()
"""A table that Kedro makes from the factory's entry."""

FACTORY = _FactorySchema()
"""The entry from which Kedro makes every table that has none of its own."""


class _PurposesSchema(Strict):
    raw = Text()
    base = Text()
    staging = Text()
    intermediate = Text()
    quality = Text()
    marts = Text()


PURPOSES = _PurposesSchema()
"""What the tables of each layer are kept for."""

MASK = _MaskSchema()
"""A macro that counts as masking."""
