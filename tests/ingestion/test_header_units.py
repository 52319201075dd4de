"""A header that says a currency or unit of an amount is refused until the catalog says it, too."""

from __future__ import annotations

from types import MappingProxyType

import pytest

from benepass_tasks.catalog import Column, Pii, Source
from benepass_tasks.catalog.forms import ColumnForm, Currency, WrittenAs
from benepass_tasks.config.errors import SourceError
from benepass_tasks.ingestion.headers import match_header

ALIASES = ("金額(円)", "amount_cents", "Amount USD", "Betrag in EUR", "Amount (000s)")


def source(written_as: WrittenAs | None = None, reporting: str = "USD") -> Source:
    form = ColumnForm("amount", (written_as,) if written_as else ())
    columns = {
        "claim_id": Column("claim_id", "Which.", "VARCHAR", "benefits", Pii("none")),
        "amount": Column(
            "amount", "Paid.", "VARCHAR", "benefits", Pii("none"), aliases=ALIASES, form=form
        ),
    }
    return Source(
        "claims",
        "data/claims.csv",
        "Claims.",
        "benefits",
        MappingProxyType(columns),
        currency=Currency(reporting=reporting),
    )


@pytest.mark.parametrize(
    ("header", "says"),
    [
        ("Amount (€)", r"nothing of €: .* write currency: \{reporting: EUR\}"),
        ("Amount (£)", r"nothing of £"),
        ("Amount (¢)", r"nothing of ¢: write written_as: \{unit: cents\}"),
        ("amount_cents", r"nothing of cents: write written_as: \{unit: cents\}"),
        ("Betrag in EUR", r"nothing of EUR: .* write currency: \{reporting: EUR\}"),
        ("金額(円)", r"nothing of 円: .* write currency: \{reporting: JPY\}"),
        ("Amount (000s)", r"nothing of 000s: have the file written in whole units"),
    ],
)
def test_what_a_header_says_and_the_catalog_does_not_is_refused(header: str, says: str) -> None:
    with pytest.raises(SourceError, match=says):
        match_header(source(), "claims.csv", ["claim_id", header])


@pytest.mark.parametrize(
    ("header", "declared"),
    [
        ("Amount", source()),
        ("Amount ($)", source()),
        ("Amount USD", source()),
        ("Amount (€)", source(reporting="EUR")),
        ("Betrag in EUR", source(reporting="EUR")),
        ("金額(円)", source(reporting="JPY")),
        ("Betrag in EUR", source(WrittenAs(currency=("EUR",)))),
        ("amount_cents", source(WrittenAs(unit="cents"))),
        ("Amount (¢)", source(WrittenAs(unit="cents"))),
    ],
)
def test_what_is_declared_may_stand_in_a_header(header: str, declared: Source) -> None:
    assert match_header(declared, "claims.csv", ["claim_id", header]).columns == (
        "claim_id",
        "amount",
    )


def test_the_header_of_what_is_not_an_amount_may_say_anything() -> None:
    found = match_header(source(), "claims.csv", ["claim_id", "amount", "balance (€)"])
    assert found.undeclared == ("balance",)
