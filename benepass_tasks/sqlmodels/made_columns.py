"""The SQL of columns that are made of two: a debit beside a credit, a date beside a time."""

from benepass_tasks.catalog.datasets import DeclaredColumn, DeclaredSource
from benepass_tasks.catalog.made_columns import PARTS
from benepass_tasks.engine.quoting import quote_name, quote_text
from benepass_tasks.sqlmodels.canonical import canonical, canonical_of, doubt, stated


def made_canonical(source: DeclaredSource, column: DeclaredColumn) -> str:
    """The canonical form of a column that is made of two, as an expression over the raw table.

    It is NULL unless exactly one of debit and credit says something, or both date and time do.
    """
    if column.form.holds != "amount":
        return canonical_of(column, _moment(source, column))
    debit, credit = (source.columns[column.made_of[it]] for it in ("debit", "credit"))
    is_signed = any(it.sign for it in column.form.written_as)
    # With spend below zero, a credit is above, and the form has turned both round already.
    back = canonical(credit) if is_signed else f"opposite({canonical(credit)})"
    texts = _texts(source, column)
    return f"debit_or_credit({canonical(debit)}, {texts[0]}, {back}, {texts[1]})"


def made_doubt(source: DeclaredSource, column: DeclaredColumn) -> str:
    """What is doubtful about an instant that is made of two, as an expression."""
    return doubt(column, _moment(source, column))


def made_text(source: DeclaredSource, column: DeclaredColumn) -> str:
    """What the two say together, as an expression; NULL where neither says anything."""
    between = " / " if column.form.holds == "amount" else " "
    return f"nullif(concat_ws({quote_text(between)}, {', '.join(_texts(source, column))}), '')"


def _moment(source: DeclaredSource, column: DeclaredColumn) -> str:
    """A date and its time; NULL where one is missing, since a date alone would be midnight."""
    return " || ' ' || ".join(_texts(source, column))


def _texts(source: DeclaredSource, column: DeclaredColumn) -> list[str]:
    parts = [source.columns[column.made_of[it]] for it in PARTS[column.form.holds]]
    return [f"clean_text({_stated(it)})" for it in parts]


def _stated(column: DeclaredColumn) -> str:
    return stated(column, quote_name(column.name))
