"""The SQL of columns that are made of two, such as a debit beside a credit.

What the two say is put beside the columns of the raw table first: macros repeat what they are
given, and DuckDB would bind the whole of it each time.
"""

from collections.abc import Iterator
from types import MappingProxyType

from benepass_tasks.catalog.datasets import DeclaredColumn, DeclaredSource
from benepass_tasks.catalog.made_columns import parts_of
from benepass_tasks.engine.quoting import quote_name, quote_text
from benepass_tasks.sqlmodels.canonical import canonical, canonical_of, doubt, stated

_MACROS = MappingProxyType(
    {
        "credit": "debit_or_credit",
        "refunded": "less_refunded",
        "added": "with_added",
        "corrected": "corrected_charge",
        "every": "per_month",
    }
)
"""What makes an amount of its two parts, by the second."""


def with_parts(source: DeclaredSource, read: str) -> str:
    """A FROM clause, without its keyword, that has beside a raw table what its columns say.

    Args:
        source: The source.
        read: The FROM clause of the raw table.
    """
    items = [item for column in source.made.values() for item in _parts(source, column)]
    if not items:
        return read
    listed = ",\n".join(f"        {it}" for it in items)
    return f"(\n    select\n        *,\n{listed}\n    from {read}\n) as parted"


def made_canonical(column: DeclaredColumn) -> str:
    """The canonical form of a column that is made of two, as an expression over `with_parts`.

    It is NULL unless exactly one of debit and credit says something, both date and time do, no more
    came back than was charged, or an allowance is for a number of months.
    """
    if column.form.holds != "amount":
        return canonical_of(column, _name(column, "moment"))
    first, second = parts_of(column)
    names = (first, f"{first}_text", second, f"{second}_text")
    return f"{_MACROS[second]}({', '.join(_name(column, it) for it in names)})"


def made_doubt(column: DeclaredColumn) -> str:
    """What is doubtful about an instant that is made of two, as an expression."""
    return doubt(column, _name(column, "moment"))


def made_text(column: DeclaredColumn) -> str:
    """What the two say together, as an expression; NULL where neither says anything."""
    between = " / " if column.form.holds == "amount" else " "
    texts = (f"clean_text({quote_name(column.made_of[it])})" for it in parts_of(column))
    return f"nullif(concat_ws({quote_text(between)}, {', '.join(texts)}), '')"


def made_missing(source: DeclaredSource, column: DeclaredColumn) -> str:
    """Whether neither says anything but words that mean NULL, as an expression."""
    return f"coalesce({', '.join(_texts(source, column))}) is null"


def _parts(source: DeclaredSource, column: DeclaredColumn) -> Iterator[str]:
    texts = _texts(source, column)
    if column.form.holds != "amount":
        # NULL where one of them is missing, since a date alone would be midnight.
        day, time = texts
        moment = f"day_and_clock({day}, {time})"
        yield f"{moment} as {_name(column, 'moment')}"
        return
    # With spend below zero, a credit is above, and the form has turned both round already.
    is_signed = any(it.sign for it in column.form.written_as)
    for part, text in zip(parts_of(column), texts, strict=True):
        amount = canonical(source.columns[column.made_of[part]])
        is_turned = part == "credit" and not is_signed
        yield f"{f'opposite({amount})' if is_turned else amount} as {_name(column, part)}"
        yield f"{text} as {_name(column, f'{part}_text')}"


def _texts(source: DeclaredSource, column: DeclaredColumn) -> list[str]:
    parts = [source.columns[column.made_of[it]] for it in parts_of(column)]
    return [f"clean_text({stated(it, quote_name(it.name))})" for it in parts]


def _name(column: DeclaredColumn, part: str) -> str:
    return quote_name(f"_{column.name}_{part}")
