"""What a table may promise: the tests that stand on a column or on the whole table.

A test without arguments is its name; any other is a mapping of its name to its arguments, which may
have a severity beside it. What a test has to fit, the column's type or the table's columns, is read
from the mapping that it stands in.
"""

from collections.abc import Callable, Iterator, Mapping
from types import MappingProxyType
from typing import Any, ClassVar, get_args

from marshmallow import ValidationError, post_load, validates_schema

from benepass_tasks.catalog import fitting, wording
from benepass_tasks.catalog.datasets import (
    AcceptedValues,
    DataTest,
    NotNull,
    Range,
    Regex,
    Relationships,
    RowCount,
    Scalar,
    Severity,
    SqlCheck,
    Unique,
)
from benepass_tasks.catalog.fields import Choice, Section, Text, Value
from benepass_tasks.catalog.strict import Strict

_NO_BOUND = "must have min, max or both"
_NOT_IN_ORDER = "must not be below min"


class Bare(Value[bool]):
    """A test's name alone; beside a severity it is written as `{not_null, severity: warn}`."""

    def __init__(self) -> None:
        """Make a field whose value may be left out."""
        super().__init__(allow_none=True)

    def _deserialize(self, value: object, *_args: object, **_kwargs: object) -> bool:
        if value is not True:
            raise ValidationError(f"takes no arguments, not {wording.shown(value)}")
        return True


class Pattern(Value[str]):
    """A regular expression, exactly as it is; whether DuckDB can read it is asked elsewhere."""

    def _deserialize(self, value: object, *_args: object, **_kwargs: object) -> str:
        if not isinstance(value, str) or not value or "\0" in value:
            raise ValidationError(f"must be a regular expression, not {wording.shown(value)}")
        return value


class Bound(Value[Scalar]):
    """A number, or the text of a date or an instant."""

    def _deserialize(self, value: object, *_args: object, **_kwargs: object) -> Scalar:
        if isinstance(value, bool) or not isinstance(value, str | int | float):
            raise ValidationError(
                f"must be a number, a date or an instant, not {wording.shown(value)}"
            )
        return value


_TOO_MANY = 2**63
"""Rows that a BIGINT cannot count."""


class Count(Value[int]):
    """A number of rows."""

    def _deserialize(self, value: object, *_args: object, **_kwargs: object) -> int:
        if type(value) is not int or not 0 <= value < _TOO_MANY:
            raise ValidationError(
                f"must be a whole number from 0 on below 2^63, not {wording.shown(value)}"
            )
        return value


class Values(Value[tuple[Scalar, ...]]):
    """A list of different values."""

    def _deserialize(self, value: object, *_args: object, **_kwargs: object) -> tuple[Scalar, ...]:
        if not isinstance(value, list):
            raise ValidationError(f"must be a list of values, not {wording.shown(value)}")
        if not value:
            raise ValidationError("must list at least one value")
        errors: dict[int, list[str]] = {}
        for index, item in enumerate(value):
            if not isinstance(item, str | int | float):
                errors[index] = [f"must be a single value, not {wording.shown(item)}"]
            elif any(type(item) is type(other) and item == other for other in value[:index]):
                errors[index] = ["stands twice; once is enough"]
        if errors:
            raise ValidationError(errors)
        return tuple(value)


class ColumnNames(Value[tuple[str, ...]]):
    """A list of names of columns."""

    def _deserialize(
        self,
        value: object,
        attr: str | None = None,
        data: Mapping[str, Any] | None = None,
        **_kwargs: object,
    ) -> tuple[str, ...]:
        del attr, data
        if not isinstance(value, list):
            raise ValidationError(f"must be a list of columns, not {wording.shown(value)}")
        if not value:
            raise ValidationError("must list at least one column")
        return tuple(value)


class Key(ColumnNames):
    """The columns that tell a table's rows apart, none of which may identify a person."""

    def _deserialize(
        self,
        value: object,
        attr: str | None = None,
        data: Mapping[str, Any] | None = None,
        **_kwargs: object,
    ) -> tuple[str, ...]:
        names = super()._deserialize(value, attr, data)
        columns = _columns_of(data)
        errors = dict(_wrong_names(names, columns))
        for index, name in enumerate(names):
            if index not in errors and _is_identifier(columns[name]):
                errors[index] = "identifies a person, and a key is shown; choose another column"
        if errors:
            raise ValidationError({index: [message] for index, message in errors.items()})
        return names


class _RelationshipsSchema(Strict):
    to = Text(required=True)
    column = Text(required=True)


class _BoundsSchema(Strict):
    @validates_schema(skip_on_field_errors=True)
    def check_bounds(self, data: dict[str, Any], **_kwargs: object) -> None:
        """There is a bound; that they are in order is for those who know their type."""
        if not data:
            raise ValidationError(_NO_BOUND)

    @post_load
    def build(self, data: dict[str, Any], **_kwargs: object) -> dict[str, Any]:
        """Name the bounds as the tests do."""
        return {"minimum": data.get("min"), "maximum": data.get("max")}


class _RangeSchema(_BoundsSchema):
    min = Bound()
    max = Bound()


class RowCountSchema(_BoundsSchema):
    """How many rows there may be: `min`, `max` or both."""

    min = Count()
    max = Count()

    @validates_schema(skip_on_field_errors=True)
    def check_order(self, data: dict[str, Any], **_kwargs: object) -> None:
        """The bounds are in order."""
        if len(data) > 1 and data["min"] > data["max"]:
            raise ValidationError(_NOT_IN_ORDER, "max")


class _TestSchema(Strict):
    """One test: its name with its arguments, and perhaps a severity."""

    kinds: ClassVar[Mapping[str, Callable[..., DataTest]]]

    severity = Choice(get_args(Severity))

    @validates_schema(pass_original=True, skip_on_field_errors=False)
    def check_kind(self, _data: object, original: object, **_kwargs: object) -> None:
        """A test is of one kind; an unknown name is told by itself."""
        given = set(original) if isinstance(original, Mapping) else set()
        if len(given & self.kinds.keys()) > 1:
            both = wording.listed(sorted(given & self.kinds.keys()))
            raise ValidationError(f"is one test, not {both}: give each an item of its own")
        if not given - {"severity"}:
            raise ValidationError(f"names no test: one of {', '.join(self.kinds)}")

    @post_load
    def build(self, data: dict[str, Any], **_kwargs: object) -> DataTest:
        """Make the test."""
        severity = {"severity": data.pop("severity")} if "severity" in data else {}
        ((kind, arguments),) = data.items()
        return self.kinds[kind](arguments, **severity)


class ColumnTestSchema(_TestSchema):
    """A test that stands on a column."""

    kinds = MappingProxyType(
        {
            "not_null": lambda _, **severity: NotNull(**severity),
            "unique": lambda _, **severity: Unique(**severity),
            "accepted_values": lambda it, **severity: AcceptedValues(values=it, **severity),
            "relationships": lambda it, **severity: Relationships(**it, **severity),
            "range": lambda it, **severity: Range(**it, **severity),
            "regex": lambda it, **severity: Regex(pattern=it, **severity),
        }
    )
    elsewhere = MappingProxyType(
        {
            "row_count": "a test of the whole table: move it to metadata.tests",
            "check": "a test of the whole table: move it to metadata.tests",
        }
    )

    not_null = Bare()
    unique = Bare()
    accepted_values = Values()
    relationships = Section(_RelationshipsSchema())
    range = Section(_RangeSchema())
    regex = Pattern()


class TableTestSchema(_TestSchema):
    """A test that stands on a table as a whole."""

    kinds = MappingProxyType(
        {
            "unique": lambda it, **severity: Unique(columns=it, **severity),
            "row_count": lambda it, **severity: RowCount(**it, **severity),
            "check": lambda it, **severity: SqlCheck(name=it, **severity),
        }
    )
    elsewhere = MappingProxyType(
        dict.fromkeys(
            ("not_null", "accepted_values", "relationships", "range", "regex"),
            "a test of a column: move it to the column's tests",
        )
    )

    unique = ColumnNames()
    row_count = Section(RowCountSchema())
    check = Text()


class _Tests(Value[tuple[DataTest, ...]]):
    """A list of tests, each of its own kind and arguments."""

    schema: _TestSchema
    alone: tuple[str, ...] = ()
    example: str

    def _deserialize(
        self, value: object, attr: str | None, data: Mapping[str, Any] | None, **_kwargs: object
    ) -> tuple[DataTest, ...]:
        del attr
        if not isinstance(value, list):
            raise ValidationError(
                f"must be a list of tests such as {self.example}, not {wording.shown(value)}"
            )
        loaded: dict[int, DataTest] = {}
        errors: dict[int, object] = {}
        for index, item in enumerate(value):
            try:
                loaded[index] = self._loaded(item, data or {})
                self._refuse_twice(loaded[index], [loaded[i] for i in loaded if i < index])
            except ValidationError as error:
                errors[index] = error.messages
        if errors:
            raise ValidationError(errors)
        return tuple(loaded.values())

    def _loaded(self, item: object, data: Mapping[str, Any]) -> DataTest:
        if isinstance(item, str):
            if item not in self.alone:
                raise ValidationError(self._not_alone(item))
            item = {item: None}
        if not isinstance(item, Mapping):
            raise ValidationError(
                f"must be a test such as one of {self.example}, not {wording.shown(item)}"
            )
        test: DataTest = self.schema.load(item)
        messages = dict(self._misfits(test, data))
        if messages:
            raise ValidationError(_nested(messages))
        return test

    def _not_alone(self, name: str) -> str:
        if name in self.schema.kinds:
            return f"needs its arguments, such as {self.example}"
        return self.schema.elsewhere.get(name) or wording.one_of(name, tuple(self.schema.kinds))

    def _refuse_twice(self, test: DataTest, before: list[DataTest]) -> None:
        if any(type(test) is type(it) and test.arguments == it.arguments for it in before):
            raise ValidationError("stands twice; once is enough")

    def _misfits(
        self, test: DataTest, data: Mapping[str, Any]
    ) -> Iterator[tuple[tuple[object, ...], str]]:
        """What of a test does not fit the mapping that it stands in, by path."""
        raise NotImplementedError


class ColumnTests(_Tests):
    """The tests of a column, which have to fit its type."""

    schema = ColumnTestSchema()
    alone = ("not_null", "unique")
    example = "[not_null, unique, {range: {min: 0}}, {accepted_values: [a, b], severity: warn}]"

    def _misfits(
        self, test: DataTest, data: Mapping[str, Any]
    ) -> Iterator[tuple[tuple[object, ...], str]]:
        kind = data.get("type")
        if not isinstance(kind, str):
            return
        if isinstance(test, Regex) and kind != "VARCHAR":
            yield ("regex",), f"is for VARCHAR only, and the column is {kind}"
        elif isinstance(test, AcceptedValues):
            for index, value in enumerate(test.values):
                wrong = fitting.misfit(value, kind.removesuffix("[]"))
                if wrong:
                    yield ("accepted_values", index), wrong
        elif isinstance(test, Range):
            yield from _range_misfits(test, kind)


def _range_misfits(test: Range, kind: str) -> Iterator[tuple[tuple[object, ...], str]]:
    if not fitting.is_ordered(kind):
        yield ("range",), f"is for numbers, dates and instants only, and the column is {kind}"
        return
    bounds = {"min": test.minimum, "max": test.maximum}
    wrong = {
        name: fitting.misfit(value, kind) for name, value in bounds.items() if value is not None
    }
    yield from ((("range", name), message) for name, message in wrong.items() if message)
    if any(wrong.values()) or test.minimum is None or test.maximum is None:
        return
    if not fitting.in_order(test.minimum, test.maximum):
        yield ("range", "max"), _NOT_IN_ORDER


class TableTests(_Tests):
    """The tests of a table, which have to fit its columns."""

    schema = TableTestSchema()
    example = "[{unique: [a, b]}, {row_count: {min: 1}}, {check: name}]"

    def _misfits(
        self, test: DataTest, data: Mapping[str, Any]
    ) -> Iterator[tuple[tuple[object, ...], str]]:
        if isinstance(test, Unique):
            for index, message in _wrong_names(test.columns, _columns_of(data)):
                yield ("unique", index), message


def _columns_of(data: Mapping[str, Any] | None) -> Mapping[object, object]:
    columns = (data or {}).get("columns")
    return columns if isinstance(columns, Mapping) else {}


def _wrong_names(
    names: tuple[object, ...], columns: Mapping[object, object]
) -> Iterator[tuple[int, str]]:
    known = [name for name in columns if isinstance(name, str)]
    for index, name in enumerate(names):
        if not isinstance(name, str) or name not in known:
            near = wording.nearest(name, known) if isinstance(name, str) else None
            there = wording.meant(near) or f" (columns: {wording.listed(known)})"
            yield index, f"no such column in the table{there}"
        elif name in names[:index]:
            yield index, "stands twice; once is enough"


def _is_identifier(column: object) -> bool:
    pii = column.get("pii") if isinstance(column, Mapping) else None
    return isinstance(pii, Mapping) and pii.get("class") == "identifier"


def _nested(messages: Mapping[tuple[object, ...], str]) -> dict[object, Any]:
    nested: dict[object, Any] = {}
    for path, message in messages.items():
        inner = nested
        for step in path[:-1]:
            inner = inner.setdefault(step, {})
        inner[path[-1]] = [message]
    return nested
