"""How a number of a sheet is to be written, by what the format of its cell makes of it.

Most of a format is for the eye. What changes the meaning is kept: that a number is a percentage,
the zeros before an id, and the sign of a currency other than the dollar.
"""

import re
from collections.abc import Callable
from decimal import Decimal
from functools import lru_cache
from unicodedata import category

from benepass_tasks.ingestion.readers.values import float_text, plain

_MARK = re.compile(
    r"\[\$(?P<currency>[^\]-]*)[^\]]*\]|\[[^\]]*\]"
    r'|"(?P<quoted>[^"]*)"|\\(?P<escaped>.)|[_*].'
)
"""What in a format is not of the number itself; after `_` and `*` stands what is only space."""
_ISO_CURRENCY = re.compile(r"[A-Z]{3}")
_DOLLARS = frozenset({"$", "US$", "USD"})


def number_text(number: float, number_format: str, decimal: str = ".") -> str:
    """Write a number as a format of Excel means it, such as 12.5%, 00123 or 12.5 €."""
    plainly = str(number) if isinstance(number, int) else float_text(number)
    text = _writer(number_format)(plainly)
    return text if decimal == "." else text.replace(".", decimal)


@lru_cache(maxsize=1024)
def _writer(number_format: str) -> Callable[[str], str]:
    shown = number_format.partition(";")[0]
    shape = _MARK.sub("", shown).strip()
    if "%" in shape:
        return lambda number: f"{plain(Decimal(number) * 100)}%"
    if re.fullmatch("00+", shape):
        return lambda number: number.zfill(len(shape)) if number.isdigit() else number
    marks = [text.strip() for it in _MARK.finditer(shown) for text in it.groups() if text]
    sign = next(filter(_is_foreign, [*marks, *shape]), None)
    return (lambda number: f"{number} {sign}") if sign else str


def _is_foreign(mark: str) -> bool:
    is_currency = _ISO_CURRENCY.fullmatch(mark) or any(category(it) == "Sc" for it in mark)
    return bool(is_currency) and mark not in _DOLLARS
