"""How personal the values of a column are that the catalog does not know: a guess with its reason.

What cannot be told is taken for more personal, not for less.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from benepass_tasks.catalog.datasets import PiiClass
from benepass_tasks.catalog.words import folded, words
from benepass_tasks.ingestion.proposals.columns import MOST, Keys
from benepass_tasks.ingestion.proposals.profile import ColumnProfile, of_all

FEW: Final = 20
"""Values of which many records share each, so that they tell groups apart, not people."""

AS_WRITTEN: Final = "kept as the file wrote it; the warehouse is readable by its owner alone"


@dataclass(frozen=True, slots=True)
class Guess:
    """How personal a column is.

    Attributes:
        class_: The class.
        reason: Why, in words without values.
        kind: The infoType; None where nothing is personal.
        is_sensitive: Whether the values may harm a person.
    """

    class_: PiiClass
    reason: str
    kind: str | None = None
    is_sensitive: bool = False

    @property
    def declared(self) -> dict[str, object] | None:
        """What a source's column says as `pii`; None where there is nothing to say."""
        if self.kind is None:
            return None
        said: dict[str, object] = {"class": self.class_}
        if self.is_sensitive:
            said["sensitive"] = True
        said["kind"] = self.kind
        if self.class_ == "identifier":
            # Raw keeps what comes in, and only its owner reads it.
            said |= {"treatment": "plaintext", "reason": AS_WRITTEN}
        return said

    def __str__(self) -> str:
        """The class and kind, for people."""
        sensitive = ", sensitive" if self.is_sensitive else ""
        return f"{self.class_}{sensitive} {self.kind or ''}".strip()


def classify(column: ColumnProfile, keys: Keys) -> Guess:
    """Guess how personal a column is, by its name, by its values, and otherwise by their number."""
    guesses = (_by_key(column, keys), _by_name(column), *_by_form(column))
    return next(filter(None, guesses), None) or _by_number(column)


def _by_name(column: ColumnProfile) -> Guess | None:
    header = folded(column.header)
    known = words()
    for kind in known.personal:
        if header in kind.names or any(" " in it and it in header for it in kind.names):
            reason = "its name is a usual one for such values"
            return Guess(_class(kind.class_), reason, kind.kind, kind.is_sensitive)
    for name, kind_of, class_ in _OURS:
        if header in known.columns[name] | {folded(name)}:
            return Guess(class_, f"its name is a usual one of {name}", kind_of)
    return None


_OURS: tuple[tuple[str, str, PiiClass], ...] = (
    ("first_name", "FIRST_NAME", "identifier"),
    ("last_name", "LAST_NAME", "identifier"),
    ("email", "EMAIL_ADDRESS", "identifier"),
    ("employee_id", "EMPLOYEE_ID", "pseudonym"),
    ("benefit_account_id", "ACCOUNT_ID", "pseudonym"),
    ("transaction_id", "TRANSACTION_ID", "pseudonym"),
    ("hire_date", "DATE", "quasi_identifier"),
    ("termination_date", "DATE", "quasi_identifier"),
)


def _class(text: str) -> PiiClass:
    return "identifier" if text == "identifier" else "quasi_identifier"


def _by_key(column: ColumnProfile, keys: Keys) -> Guess | None:
    for name, known in keys.items():
        there = sum(it in known for it in column.counts)
        if there and there >= MOST * len(column.counts) and len(column.counts) > 1:
            kind = name.upper()
            return Guess(
                "pseudonym", of_all(there, len(column.counts), f"ids are known as {name}"), kind
            )
    return None


def _by_form(column: ColumnProfile) -> Iterator[Guess | None]:
    for fits, kind, class_, what in _FORMS:
        found = column.matching(fits)
        if found and found >= MOST * column.filled:
            said = of_all(found, column.filled, f"values look like {what}")
            yield Guess(class_, said, kind)
    addresses = column.matching(_EMAIL.search)
    if addresses:
        said = of_all(addresses, column.filled, "values have an address in them")
        yield Guess("identifier", said, "FREE_TEXT")


def _by_number(column: ColumnProfile) -> Guess:
    """Few values tell groups apart; many tell records apart, and text may name anybody."""
    distinct = len(column.counts)
    if distinct <= 1:
        return Guess("none", "it has one value at most")
    said = of_all(distinct, column.filled, "values differ")
    if distinct <= FEW and distinct * 2 <= column.filled:
        return Guess("quasi_identifier", f"{said}: groups of records share one", "GROUP")
    if column.matching(_NUMBER.fullmatch) == column.filled:
        return Guess("quasi_identifier", f"{said}, and are numbers", "NUMBER")
    if column.matching(_CODE.fullmatch) == column.filled:
        return Guess("pseudonym", f"{said}, and look like ids", "RECORD_ID")
    return Guess("identifier", f"{said}, and are text, which may name anybody", "FREE_TEXT")


_EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")
_NUMBER = re.compile(r"[-+]?[0-9][0-9.,' ]*")
_CODE = re.compile(r"(?=.*[0-9])[\w-]+")
_PHONE = re.compile(r"\+[0-9][0-9 ()./-]{6,20}|\(?0[0-9]{2,4}\)?[ ./-][0-9 ./-]{5,15}")
_IP = re.compile(r"[0-9]{1,3}(\.[0-9]{1,3}){3}")
_IBAN = re.compile(r"[A-Z]{2}[0-9]{2}[A-Z0-9]{11,30}")
_SSN = re.compile(r"[0-9]{3}-[0-9]{2}-[0-9]{4}")
_URL = re.compile(r"https?://\S+", re.IGNORECASE)
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}([T ].*)?|[0-9]{1,2}([./-])[0-9]{1,2}\2[0-9]{2,4}")
_CARD = range(13, 20)
"""How many digits the number of a card has, of which the last is a check digit."""

_DOUBLED = (0, 2, 4, 6, 8, 1, 3, 5, 7, 9)
"""The sum of the digits of each digit's double."""


def _is_card(value: str) -> bool:
    """ISO/IEC 7812: the sum of the digits, every second one doubled, ends with 0."""
    digits = [int(it) for it in value if it.isascii() and it.isdigit()]
    if len(digits) not in _CARD or re.search(r"[^0-9 -]", value):
        return False
    return (sum(digits[-1::-2]) + sum(_DOUBLED[it] for it in digits[-2::-2])) % 10 == 0


def _is_iban(value: str) -> bool:
    """ISO 13616: as a number, the letters as 10 to 35, it leaves 1 when divided by 97."""
    plain = value.replace(" ", "").upper()
    if not _IBAN.fullmatch(plain):
        return False
    return int("".join(str(int(it, 36)) for it in plain[4:] + plain[:4])) % 97 == 1


_FORMS: tuple[tuple[Callable[[str], object], str, PiiClass, str], ...] = (
    (_EMAIL.fullmatch, "EMAIL_ADDRESS", "identifier", "addresses"),
    (_is_iban, "BANK_ACCOUNT", "identifier", "bank accounts (check digits fit)"),
    (_is_card, "CREDIT_CARD_NUMBER", "identifier", "card numbers (check digits fit)"),
    (_SSN.fullmatch, "GOVERNMENT_ID", "identifier", "social security numbers"),
    (_PHONE.fullmatch, "PHONE_NUMBER", "identifier", "phone numbers"),
    (_IP.fullmatch, "IP_ADDRESS", "identifier", "network addresses"),
    (_URL.fullmatch, "URL", "identifier", "web addresses"),
    (_DATE.fullmatch, "DATE", "quasi_identifier", "dates"),
)

Classified = Mapping[str, Guess]
