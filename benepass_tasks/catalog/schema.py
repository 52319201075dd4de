"""What may stand in one dataset of the catalog, as marshmallow schemas.

A schema sees a dataset without its name: what follows from the name, or from other datasets, is in
`rules`. Schemas are made once, at import, with everything nested in them: making one
costs more than loading a dataset with it.
"""

from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Any, TypeAlias, get_args

from marshmallow import ValidationError, post_load, validates_schema
from marshmallow.exceptions import SCHEMA

from benepass_tasks.catalog import wording
from benepass_tasks.catalog.datasets import (
    Column,
    ContractMode,
    Domain,
    Freshness,
    Mask,
    Materialized,
    Pii,
    PiiClass,
    SchemaContract,
    Suppression,
    Treatment,
    Volume,
)
from benepass_tasks.catalog.expectations import ColumnTests, Key, RowCountSchema, TableTests
from benepass_tasks.catalog.fields import (
    Choice,
    Columns,
    DuckDBType,
    Duration,
    Exactly,
    Fingerprint,
    Flag,
    Kind,
    Kinds,
    Names,
    Options,
    Section,
    SourcePath,
    Text,
)
from benepass_tasks.catalog.strict import Strict as _Strict

KeyPath: TypeAlias = tuple[object, ...]


class _PiiSchema(_Strict):
    class_ = Choice(get_args(PiiClass), required=True, data_key="class")
    sensitive = Flag()
    kind = Kind()
    treatment = Choice(get_args(Treatment), aliases={"clear": "plaintext"})
    reason = Text()

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

    @post_load
    def build(self, data: dict[str, Any], **_kwargs: object) -> Pii:
        """Make the declaration."""
        return Pii(**data)


class _ColumnSchema(_Strict):
    description = Text(required=True)
    type = DuckDBType(required=True)
    domain = Choice(get_args(Domain))
    pii = Section(_PiiSchema(), required=True)


class _TableColumnSchema(_ColumnSchema):
    elsewhere = MappingProxyType(
        {
            "required": "only a source's column can be required or not; remove it",
            "aliases": "only a source's column has aliases; remove them",
        }
    )

    published = Flag()
    tests = ColumnTests()


class _SourceColumnSchema(_ColumnSchema):
    elsewhere = MappingProxyType(
        {
            "published": "only a table's column can be published or not; remove it",
            "tests": "only a table's column has tests; what comes in is judged in its raw table",
        }
    )

    required = Flag()
    aliases = Names()


class _FreshnessSchema(_Strict):
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


class _MetadataSchema(_Strict):
    description = Text(required=True)
    domain = Choice(get_args(Domain))
    freshness = Section(_FreshnessSchema())
    volume = Section(_VolumeSchema())

    @validates_schema(pass_original=True, skip_on_field_errors=False)
    def check_domains(self, _data: object, original: object, **_kwargs: object) -> None:
        """Each column has a domain, its own or the dataset's."""
        if not isinstance(original, Mapping) or "domain" in original:
            return
        columns = original.get("columns")
        columns = columns if isinstance(columns, Mapping) else {}
        without = [
            name
            for name, column in columns.items()
            if isinstance(name, str) and isinstance(column, Mapping) and "domain" not in column
        ]
        if without:
            choices = ", ".join(get_args(Domain))
            message = f"is required for the columns without their own: {wording.listed(without)}"
            raise ValidationError(f"{message} (one of {choices})", "domain")

    @post_load
    def build(self, data: dict[str, Any], **_kwargs: object) -> dict[str, Any]:
        """Make the columns, which take the dataset's domain if they have none."""
        default = {"domain": data.get("domain")}
        columns = {
            name: Column(name=name, **(default | column))
            for name, column in data["columns"].items()
        }
        return {**data, "columns": MappingProxyType(columns)}


class _KedroVizSchema(_Strict):
    layer = Text(required=True)


class _SchemaContractSchema(_Strict):
    tables = Choice(get_args(ContractMode))
    columns = Choice(get_args(ContractMode))
    data_type = Choice(get_args(ContractMode))

    @post_load
    def build(self, data: dict[str, Any], **_kwargs: object) -> SchemaContract:
        """Make the contract; what it does not say may evolve."""
        return SchemaContract(**data)


class _SourceMetadataSchema(_MetadataSchema):
    elsewhere = MappingProxyType(
        {
            "materialized": "only a table is materialized; remove it",
            "grain": "only a table has a grain; remove it",
            "source": "only a raw table has a source; remove it",
            "published": "only a table can be published; remove it",
            "suppression": "only of a published table anything is withheld; remove it",
            "key": "only a table has a key; remove it",
            "tests": "only a table has tests; remove them",
        }
    )

    columns = Columns(_SourceColumnSchema(), snake_case=True)
    schema_contract = Section(_SchemaContractSchema())
    kedro_viz = Section(_KedroVizSchema(), data_key="kedro-viz")


class _SuppressionSchema(_Strict):
    columns = Names(required=True)
    employees = Text()
    groups = Names()
    follows = Text()
    sums = Names()

    @post_load
    def build(self, data: dict[str, Any], **_kwargs: object) -> Suppression:
        """Make the declaration."""
        return Suppression(**data)


class _TableMetadataSchema(_MetadataSchema):
    elsewhere = MappingProxyType(
        {"schema_contract": "only what comes in from outside has one; move it to the source"}
    )

    columns = Columns(_TableColumnSchema())
    kedro_viz = Section(_KedroVizSchema(), data_key="kedro-viz")
    materialized = Choice(get_args(Materialized))
    grain = Text()
    source = Text()
    published = Flag()
    suppression = Section(_SuppressionSchema())
    key = Key()
    tests = TableTests()


class _ConnectionSchema(_Strict):
    backend = Exactly("duckdb")
    database = Text(required=True)
    read_only = Exactly(only=True)


class _SourceSchema(_Strict):
    type = Exactly("pandas.CSVDataset")
    filepath = SourcePath(required=True)
    load_args = Options()
    metadata = Section(_SourceMetadataSchema(), required=True)


class _TableSchema(_Strict):
    type = Exactly("ibis.TableDataset")
    table_name = Text(required=True)
    database = Text(required=True)
    connection = Section(_ConnectionSchema(), required=True)
    metadata = Section(_TableMetadataSchema(), required=True)


class _MaskSchema(_Strict):
    treatment = Choice(("mask", "hash"), required=True)
    kinds = Kinds()
    fingerprint = Fingerprint(required=True)


_SOURCE = _SourceSchema()
_TABLE = _TableSchema()
_MASK = _MaskSchema()


def load_dataset(
    declared: Mapping[Any, object], *, table: bool
) -> tuple[Mapping[str, Any], list[tuple[KeyPath, str]]]:
    """Load one dataset as far as its own mapping can tell.

    Args:
        declared: What the catalog says of the dataset.
        table: Whether it is a table rather than a source.

    Returns:
        What was loaded, with the columns made, and no messages; or nothing, and a message
        with its path for each thing that is wrong.
    """
    try:
        loaded: Mapping[str, Any] = (_TABLE if table else _SOURCE).load(declared)
    except ValidationError as error:
        return {}, list(_flat(error.messages, ()))
    return loaded, []


def load_masks(
    declared: Mapping[Any, Any],
) -> tuple[Mapping[str, Mask], list[tuple[KeyPath, str]]]:
    """Load the masking policy.

    Args:
        declared: What the catalog says of each macro, by name.

    Returns:
        The masks by macro, and a message with its path for each thing that is wrong.
    """
    masks = {}
    messages: list[tuple[KeyPath, str]] = []
    for macro, settings in declared.items():
        try:
            masks[macro] = Mask(macro=macro, **({"kinds": ()} | _MASK.load(settings)))
        except ValidationError as error:
            messages += _flat(error.messages, (macro,))
    return masks, messages


def _flat(messages: object, path: KeyPath) -> Iterator[tuple[KeyPath, str]]:
    if isinstance(messages, dict):
        for key, inner in messages.items():
            yield from _flat(inner, path if key == SCHEMA else (*path, key))
    elif isinstance(messages, list):
        for inner in messages:
            yield from _flat(inner, path)
    else:
        yield path, str(messages)
