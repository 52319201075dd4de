"""The currency or unit that a header says of an amount, which would be lost with its name."""

import re
import unicodedata
from collections.abc import Iterator, Sequence

from benepass_tasks.catalog import Source
from benepass_tasks.catalog.datasets import DeclaredColumn
from benepass_tasks.catalog.forms import SIGNS
from benepass_tasks.catalog.units import CODES, CURRENCY_NAMES, HUNDREDTHS, OTHER_UNITS
from benepass_tasks.catalog.wording import printable
from benepass_tasks.config.errors import SourceError

_WORD = re.compile(r"[^\W_]+")


def refuse_dropped_units(
    source: Source, file: str, fields: Sequence[str], columns: Sequence[str]
) -> None:
    """Refuse a header that says of an amount what the catalog does not.

    Args:
        source: What is declared.
        file: The file's name.
        fields: Its header.
        columns: The column of each field.

    Raises:
        SourceError: names the field, what it says, and what to declare.
    """
    for field, name in zip(fields, columns, strict=True):
        column = source.columns.get(name)
        if column is None or column.form.holds != "amount":
            continue
        for mark, advice in _dropped(source, column, field):
            raise SourceError(
                f"{source.name}: {file}:1 calls its column {name} {printable(field)!r}, and "
                f"catalog.yaml says nothing of {mark}: {advice}. "
                "Nothing was loaded, and what was built before stays as it is",
                reason=f"the header says a unit of {name} that is not declared",
            )


def _dropped(source: Source, column: DeclaredColumn, field: str) -> Iterator[tuple[str, str]]:
    forms = column.form.written_as
    reporting = source.currency.reporting
    said = {it.casefold() for form in forms for it in form.currency}
    said |= {reporting.casefold(), SIGNS.get(reporting, reporting).casefold()}
    said |= {name for name, code in CURRENCY_NAMES.items() if code == reporting}
    where = f"under {source.name}.metadata.columns.{column.name}"
    for mark in _marks(field):
        if mark in HUNDREDTHS:
            if not any(form.unit == "cents" for form in forms):
                yield mark, f"write written_as: {{unit: cents}} {where}"
        elif mark in OTHER_UNITS:
            yield mark, "have the file written in whole units; nothing converts these"
        elif mark not in said:
            shown = mark.upper()
            wanted = (
                f"write currency: {{reporting: {_code_of(shown)}}} under {source.name}.metadata"
            )
            yield shown, f"if you report in it, {wanted}; else have the amounts in {reporting}"


def _marks(field: str) -> Iterator[str]:
    """The signs and words of a header that may be of a currency or unit, in lower case."""
    yield from (it for it in field if unicodedata.category(it) == "Sc")
    parted = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", field)
    words = {it.casefold() for it in _WORD.findall(parted)}
    yield from sorted(words & (HUNDREDTHS | OTHER_UNITS | CODES | CURRENCY_NAMES.keys()))


def _code_of(mark: str) -> str:
    by_sign = {sign: code for code, sign in SIGNS.items()}
    return by_sign.get(mark) or CURRENCY_NAMES.get(mark, mark)
