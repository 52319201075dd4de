"""A source says in which form its columns are written; what cannot be meant is refused."""

from pathlib import Path

import pytest
from projects import catalog_without_sql

from benepass_tasks.catalog.datasets import DeclaredSource
from benepass_tasks.catalog.forms import ColumnForm, Currency, WrittenAs
from benepass_tasks.config.errors import CatalogError


def declared(folder: Path, **said: str) -> DeclaredSource:
    """A source with an amount, a day or instant and a label, of which more is said."""
    words = ("paid", "day", "state", "args", "rest")
    paid, day, state, args, rest = (said.get(it, "") for it in words)
    holds = "instant" if "zone" in day or "epoch" in day else "date"
    path = folder / "catalog.yaml"
    path.write_text(
        f"""\
claims:
  type: pandas.CSVDataset
  filepath: data/claims.csv
  load_args: {{dtype: str{args}}}
  metadata:
    description: Claims
    domain: benefits{rest}
    columns:
      paid: {{description: Paid, holds: amount{paid}}}
      day: {{description: Day, holds: {holds}{day}}}
      state: {{description: State{state}}}
""",
        encoding="utf-8",
    )
    return catalog_without_sql(path).sources["claims"]


def form(source: DeclaredSource, column: str) -> ColumnForm:
    return source.columns[column].form


def test_what_a_column_holds_and_how_it_is_written_is_read(tmp_path: Path) -> None:
    source = declared(
        tmp_path,
        paid=', written_as: {decimal: ",", thousands: ".", currency: [€, EUR], unit: cents}',
        day=", written_as: {order: DMY}",
        state=", synonyms: {Left: [Term, ' gone ']}",
        rest="\n    currency: {column: state, reporting: EUR}\n    ignored: [note]",
    )
    assert form(source, "paid").written_as[0] == WrittenAs(
        decimal=",", thousands=".", currency=("€", "EUR"), unit="cents"
    )
    assert form(source, "day") == ColumnForm("date", (WrittenAs(order="DMY"),))
    assert form(source, "state").synonyms == {"left": ("term", "gone")}
    assert source.currency == Currency("state", "EUR")
    assert source.ignored == ("note",)


def test_what_the_source_says_of_numbers_is_of_its_amounts_unless_a_column_says_otherwise(
    tmp_path: Path,
) -> None:
    source = declared(tmp_path, args=", decimal: ',', thousands: '.', na_values: [n/a]")
    assert form(source, "paid").written_as[0] == WrittenAs(decimal=",", thousands=".")
    assert form(source, "day").written_as == ()
    assert {it.form.na_values for it in source.columns.values()} == {("n/a",)}
    other = declared(
        tmp_path, args=", decimal: ','", paid=", written_as: {decimal: '.', thousands: ' '}"
    )
    assert form(other, "paid").written_as[0] == WrittenAs(decimal=".", thousands=" ")


def test_a_column_may_be_written_in_several_forms(tmp_path: Path) -> None:
    source = declared(
        tmp_path,
        args=", decimal: ','",
        paid=", written_as: [canonical, {currency: [€]}, {unit: cents}]",
        day=", written_as: [canonical]",
    )
    assert form(source, "paid").written_as == (
        WrittenAs(is_canonical=True),
        WrittenAs(decimal=",", currency=("€",)),
        WrittenAs(decimal=",", unit="cents"),
    )
    assert form(source, "day").is_canonical


def test_without_a_word_a_column_is_canonical(tmp_path: Path) -> None:
    assert all(it.form.is_canonical for it in declared(tmp_path).columns.values())


@pytest.mark.parametrize(
    ("said", "message"),
    [
        (
            {"paid": ", written_as: {thousands: '.'}"},
            "written_as.thousands: is '.', and so is decimal; say here or in load_args which",
        ),
        ({"paid": ", written_as: {grouping: indian}"}, "needs thousands"),
        ({"paid": ", written_as: {formats: ['%d.%m.%Y']}"}, "is for a column with holds: date or"),
        ({"state": ", written_as: {decimal: ','}"}, "is for a column with holds: amount; this"),
        ({"paid": ", synonyms: {a: [b]}"}, "are for labels, and the column holds amount"),
        ({"paid": ", written_as: {currency: ['-']}"}, "must be signs and codes such as [$, USD]"),
        ({"paid": ", written_as: {negative: [braces]}"}, "must be one of minus, trailing_minus"),
        ({"paid": ", written_as: {decimel: ','}"}, "unknown key (did you mean 'decimal'?)"),
        ({"paid": ", written_as: 7"}, "must be a form such as"),
        ({"paid": ", written_as: []"}, "or a list of forms"),
        ({"paid": ", written_as: [plain]"}, "must be canonical or a form such as"),
        ({"paid": ", written_as: [{unit: cents}, {unit: cents}]"}, "must have each form once"),
        (
            {"paid": ", written_as: [canonical, {order: DMY}]"},
            "paid.written_as.1.order: is for a column with holds: date or instant",
        ),
        ({"paid": ", written_as: [{unit: cent}]"}, "paid.written_as.0.unit"),
        ({"paid": ", written_as: {negative: [credit, debit]}"}, "only one of them is below zero"),
        (
            {"paid": ", written_as: {negative: [credit], currency: [cr]}"},
            "cr is a word for a credit or debit, too; remove it here",
        ),
        ({"day": ", written_as: {language: fr}"}, "no format has one by name: %B or %b"),
        (
            {"day": ", written_as: {formats: ['%d %B %Y'], language: fra}"},
            "must be one of en, de, fr",
        ),
        (
            {"day": ", written_as: {epoch: seconds, zones: {EST: '-05:00'}}"},
            "are for formats with an abbreviation of the zone, %Z",
        ),
        (
            {"day": ", written_as: {zone: UTC, zones: {EST: -10:00}}"},
            'EST must be an offset in quotes such as "-05:00"',
        ),
        (
            {"day": ", written_as: {zone: UTC, formats: ['%d %b %Y %Z'], zones: {UTC: '+01:00'}}"},
            "UTC is UTC everywhere, and cannot be +01:00",
        ),
        (
            {"day": ", written_as: {zone: UTC, formats: ['%d.%m.%Y %z %Z']}"},
            "names a part twice",
        ),
        ({"day": ", written_as: {formats: ['%d.%m']}"}, "must name day, month and year"),
        ({"day": ", written_as: {formats: ['%d.%m.%Q']}"}, "a directive that is not known"),
        ({"day": ", written_as: {formats: ['%d.%m.%Y %z']}"}, "has a zone, and a day has none"),
        (
            {"day": ", written_as: {formats: ['%d/%m/%Y', '%m/%d/%Y']}"},
            "'%d/%m/%Y' and '%m/%d/%Y' read 05/04/2003 differently; declare one of them",
        ),
        (
            {"day": ", written_as: {order: DMY, formats: ['%m/%d/%Y']}"},
            "differently; declare one of them",
        ),
        (
            {"day": ", written_as: {formats: ['%y%m%d'], excel_serial: true}"},
            "reads the same numbers as a format does",
        ),
        (
            {"day": ", written_as: {epoch: seconds, zone: Europe/Paris}"},
            "counts in UTC, and is neither local nor written in parts: remove it or zone",
        ),
        (
            {"day": ", written_as: {zone: Europe/Pariss}"},
            "Europe/Pariss is not a time zone (did you mean 'Europe/Paris'?)",
        ),
        (
            {"state": ", synonyms: {left: [gone], here: [gone]}"},
            "'gone' means left already, and cannot mean here",
        ),
        ({"state": ", synonyms: {left: [here], here: [in]}"}, "'here' means here already"),
        ({"rest": "\n    currency: {column: currncy}"}, "currncy is not a column of the source"),
        ({"rest": "\n    currency: {reporting: euro}"}, "must be a code such as USD"),
        ({"rest": "\n    ignored: [paid]"}, "paid is declared; remove it here"),
    ],
)
def test_what_cannot_be_is_refused_with_its_line(
    said: dict[str, str], message: str, tmp_path: Path
) -> None:
    with pytest.raises(CatalogError) as caught:
        declared(tmp_path, **said)
    assert message in str(caught.value)
    assert str(caught.value).startswith("catalog.yaml:")


def test_a_format_with_the_same_meaning_twice_is_not_a_contradiction(tmp_path: Path) -> None:
    source = declared(tmp_path, day=", written_as: {formats: ['%d.%m.%Y', '%d.%m.%y', '%d %b %Y']}")
    formats = ("%d.%m.%Y", "%d.%m.%y", "%d %b %Y")
    assert form(source, "day").written_as == (WrittenAs(formats=formats),)
