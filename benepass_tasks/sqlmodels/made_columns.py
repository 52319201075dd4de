"""The SQL of columns that are made of two: a debit beside a credit, a date beside a time."""

from benepass_tasks.catalog.datasets import DeclaredColumn, DeclaredSource
from benepass_tasks.engine.quoting import quote_name, quote_text
from benepass_tasks.sqlmodels.canonical import canonical, canonical_of, stated


def made_canonical(source: DeclaredSource, column: DeclaredColumn) -> str:
    """The canonical form of a column that is made of two, as an expression over the raw table.

    It is NULL unless exactly one of debit and credit says something, or both date and time do.
    """
    if column.form.holds != "amount":
        return canonical_of(column, made_text(source, column))
    debit, credit = (source.columns[column.made_of[it]] for it in ("debit", "credit"))
    is_signed = any(it.sign for it in column.form.written_as)
    # With spend below zero, a credit is above, and the form has turned both round already.
    back = canonical(credit) if is_signed else f"opposite({canonical(credit)})"
    texts = [f"clean_text({_stated(it)})" for it in (debit, credit)]
    return f"debit_or_credit({canonical(debit)}, {texts[0]}, {back}, {texts[1]})"


def made_text(source: DeclaredSource, column: DeclaredColumn) -> str:
    """What the two say together, as an expression; NULL where neither says anything."""
    between = " / " if column.form.holds == "amount" else " "
    parts = [f"clean_text({_stated(source.columns[it])})" for it in _in_order(column)]
    return f"nullif(concat_ws({quote_text(between)}, {', '.join(parts)}), '')"


def _in_order(column: DeclaredColumn) -> list[str]:
    order = ("debit", "credit", "date", "time")
    return [column.made_of[it] for it in order if it in column.made_of]


def _stated(column: DeclaredColumn) -> str:
    return stated(column, quote_name(column.name))
