"""The currencies and units that headers name beside an amount."""

from types import MappingProxyType
from typing import Final


def _each(words: str) -> frozenset[str]:
    return frozenset(words.split())


HUNDREDTHS: Final = _each(
    "¢ cent cents ct cts centime centimes centavo centavos céntimo céntimos pence penny paise "
    "øre öre grosz grosze haléř haléře minor"
)
"""Words that say that the numbers are hundredths."""

CURRENCY_NAMES: Final = MappingProxyType({"円": "JPY", "元": "CNY", "원": "KRW"})
"""Words that are the names of currencies, and no codes."""

OTHER_UNITS: Final = _each("thousand thousands 000 000s k tsd mio million millions tausend")
"""Words of units that no declaration converts."""

CODES: Final = _each(
    "usd eur gbp jpy chf cad aud nzd inr cny rmb sek nok dkk isk pln czk huf ron bgn brl mxn ars "
    "clp cop zar sgd hkd twd krw thb idr myr php vnd ils aed sar rub uah kes ngn egp"
)
"""Codes of currencies that are no words of headers in some language, as ALL and TRY are."""
