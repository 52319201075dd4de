"""The form of `catalog.yaml` in JSON Schema, for editors that complete and check as one types.

It is made of the same fields that read the file: marshmallow-jsonschema does not know marshmallow
4, and apispec would have to be told of each of these fields just as well. What a dataset's name
asks, and what datasets ask of each other, no schema says: `catalog validate` does.
"""

from typing import get_args

from benepass_tasks.catalog import schema
from benepass_tasks.catalog.audience_fields import AUDIENCE
from benepass_tasks.catalog.datasets import Layer
from benepass_tasks.catalog.fields import JsonSchema, of_form
from benepass_tasks.catalog.load import FACTORY, MASKING_POLICY, PURPOSES, TABLES
from benepass_tasks.catalog.publishing import AUDIENCES

_NAME = "[a-z_][a-z0-9_]*"


def catalog_schema() -> JsonSchema:
    """The whole file's form, in the words of JSON Schema 2020-12."""
    table = rf"^({'|'.join(get_args(Layer))})\.{_NAME}$"
    tables = of_form(
        type="object",
        patternProperties={table: schema.TABLE_METADATA.json_schema()},
        additionalProperties=False,
    )
    audience = of_form(anyOf=[AUDIENCE.json_schema(), {"type": "null"}])
    audiences = of_form(
        type="object", patternProperties={f"^{_NAME}$": audience}, additionalProperties=False
    )
    masks = of_form(type="object", additionalProperties=schema.MASK.json_schema())
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Catalog",
        "type": "object",
        "properties": {
            FACTORY: schema.FACTORY.json_schema(),
            AUDIENCES: audiences,
            MASKING_POLICY: masks,
            PURPOSES: schema.PURPOSES.json_schema(),
            TABLES: tables,
        },
        "patternProperties": {
            "^_": True,
            "^[a-z][a-z0-9_]*$": schema.source_json_schema(),
            table: schema.TABLE.json_schema(),
        },
        "additionalProperties": False,
        "if": {"required": [TABLES]},
        "then": {"required": [FACTORY]},
    }
