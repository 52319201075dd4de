"""What the catalog says, as plain data: sources, tables, columns and their PII.

Nothing here reads or checks anything; whoever holds one of these objects holds a declaration that
already passed every rule of the catalog.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, ClassVar, Literal, TypeAlias

from benepass_tasks.catalog.extracts import ApiExtract, BucketExtract, TableExtract
from benepass_tasks.catalog.forms import ColumnForm, Currency
from benepass_tasks.catalog.layout import Layout
from benepass_tasks.config.spans import Period

if TYPE_CHECKING:
    from benepass_tasks.catalog.audiences import Audience
    from benepass_tasks.catalog.document import Entries

Layer = Literal["raw", "base", "staging", "intermediate", "quality", "marts"]
Domain = Literal["people", "benefits", "quality"]
Materialized = Literal["table", "view"]
PiiClass = Literal["none", "quasi_identifier", "pseudonym", "identifier"]
Treatment = Literal["mask", "hash", "drop", "plaintext"]
MaskTreatment = Literal["mask", "hash", "tidy"]
TIDY: MaskTreatment = "tidy"
"""Of a macro: it writes a value in a tidier way, and so masks nothing."""
Ground = Literal["validity", "presence", "sameness", "headcount"]
"""What alone of a deciding value can be told from what it decides: whether it has the right form,
whether it is there, which rows have the same, or how many people share it."""
HEADCOUNT: Ground = "headcount"
Erase = Literal["keep", "clear", "random", "start_of_year", "end_of_month"]
"""What becomes of a value in raw when its person is erased."""

ERASE_BY_CLASS: Mapping[PiiClass, Erase] = MappingProxyType(
    {
        "none": "keep",
        "quasi_identifier": "clear",
        "pseudonym": "random",
        "identifier": "random",
    }
)
"""What that is where nothing is declared; a date becomes the first day of its year."""

ERASED_WORD, ERASED_HOST = "erased-", "@erased.invalid"
"""How the random words begin that take the place of what leads to somebody erased, and how those
end that take the place of an address."""

PERSON = "EMPLOYEE_ID"
"""The kind of the ids of people."""

Severity = Literal["fail", "warn"]
CONTRACTED = ("quality", "marts")
"""The layers whose tables declare every column with its type; others take both from the SQL."""
ContractMode = Literal["evolve", "freeze"]
DATE = "DATE"
"""The kind of days, which can be generalised."""
Scalar: TypeAlias = str | int | float | bool


@dataclass(frozen=True, slots=True)
class Pii:
    """How personal a column's values are, and what is done about it.

    Attributes:
        class_: How closely a value leads to a person; `class` in the catalog.
        sensitive: Whether a value may harm its person if known, whatever its class.
        kind: What the values are, as an infoType such as `EMAIL_ADDRESS`; None where they are
            neither personal nor sensitive.
        treatment: What happens to the values on their way to the marts; None where nothing does.
        reason: Why the treatment is right; always given for an identifier left as plaintext.
        erase: What is declared to become of the values of a person who is erased.
    """

    class_: PiiClass
    sensitive: bool = False
    kind: str | None = None
    treatment: Treatment | None = None
    reason: str | None = None
    erase: Erase | None = field(default=None, compare=False)

    @property
    def erasure(self) -> Erase:
        """What becomes of the values of a person who is erased."""
        if self.erase is None and self.class_ == "quasi_identifier" and self.kind == DATE:
            return "start_of_year"
        return self.erase or ERASE_BY_CLASS[self.class_]

    @property
    def is_personal(self) -> bool:
        """Whether the values lead to a person, or may harm one."""
        return self.class_ != "none" or self.sensitive


@dataclass(frozen=True, slots=True)
class DerivedFrom:
    """Why nobody can be read off what personal values decide.

    Attributes:
        columns: The columns of the files that decide, as `source.column`.
        reason: What alone can be told of them.
        minimum: How many people each number counts at least; of a headcount only.
    """

    columns: tuple[str, ...]
    reason: Ground
    minimum: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DataTest:
    """Something that a table promises. NULL breaks no promise but that of `not_null`.

    Attributes:
        kind: The test's name in the catalog.
        severity: Whether rows that break the promise fail the run or only warn.
    """

    kind: ClassVar[str]
    severity: Severity = "fail"

    @property
    def arguments(self) -> str:
        """What is tested for, in words for people; empty where the kind says it all."""
        return ""


@dataclass(frozen=True, slots=True, kw_only=True)
class NotNull(DataTest):
    """The column has a value in each row."""

    kind = "not_null"


@dataclass(frozen=True, slots=True, kw_only=True)
class Unique(DataTest):
    """No two rows have the same values in the columns; a row with a NULL among them is like none.

    Attributes:
        columns: The columns; none where the test stands on a column, which is then meant.
    """

    kind = "unique"
    columns: tuple[str, ...] = ()

    @property
    def arguments(self) -> str:
        """The columns."""
        return ", ".join(self.columns)


@dataclass(frozen=True, slots=True, kw_only=True)
class AcceptedValues(DataTest):
    """The column, or each item of its list, has one of these values."""

    kind = "accepted_values"
    values: tuple[Scalar, ...]

    @property
    def arguments(self) -> str:
        """The values."""
        return ", ".join(map(written, self.values))


@dataclass(frozen=True, slots=True, kw_only=True)
class Relationships(DataTest):
    """Each value is found in a column of another table."""

    kind = "relationships"
    to: str
    column: str

    @property
    def arguments(self) -> str:
        """The other column."""
        return f"{self.to}.{self.column}"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Bounded(DataTest):
    minimum: Scalar | None = None
    maximum: Scalar | None = None

    @property
    def arguments(self) -> str:
        """The bounds, which belong to the range."""
        bounds = (("min", self.minimum), ("max", self.maximum))
        return ", ".join(f"{name} {written(it)}" for name, it in bounds if it is not None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Range(_Bounded):
    """The values are between two bounds, of which one may be missing."""

    kind = "range"


@dataclass(frozen=True, slots=True, kw_only=True)
class RowCount(_Bounded):
    """The table has that many rows."""

    kind = "row_count"


@dataclass(frozen=True, slots=True, kw_only=True)
class Regex(DataTest):
    """A part of each text matches a regular expression of DuckDB; `^` and `$` anchor it."""

    kind = "regex"
    pattern: str

    @property
    def arguments(self) -> str:
        """The expression."""
        return self.pattern


@dataclass(frozen=True, slots=True, kw_only=True)
class SqlCheck(DataTest):
    """The query in `sql/checks/<name>.sql` returns no row."""

    kind = "check"
    name: str

    @property
    def arguments(self) -> str:
        """The query's name."""
        return self.name


def written(value: Scalar) -> str:
    """A value of a test as DuckDB and people read it."""
    return str(value).lower() if isinstance(value, bool) else str(value)


@dataclass(frozen=True, slots=True)
class DeclaredColumn:
    """One column of a source or of a table, as far as its entry says; None is left to others.

    Attributes:
        name: The column's name, as the warehouse knows it.
        description: What the values mean.
        type: A DuckDB type in its canonical spelling, such as `DECIMAL(18,2)` or `VARCHAR[]`.
        domain: Who the column belongs to.
        pii: How personal the values are.
        required: Whether a source's file must have the column; true for a table's columns.
        aliases: What else the header of a source's file may call the column.
        published: Whether the column may leave the warehouse with its table, if that does.
        tests: What a table's column promises.
        form: How a source's files write the values.
        made_of: Of a source's column that its files write in two, the columns by their part.
        derived_from: Of a table's column, which personal values may decide about it, and why.
    """

    name: str
    description: str | None
    type: str | None
    domain: Domain | None
    pii: Pii | None
    required: bool = True
    aliases: tuple[str, ...] = ()
    published: bool = True
    tests: tuple[DataTest, ...] = ()
    form: ColumnForm = field(default_factory=ColumnForm)
    made_of: Mapping[str, str] = field(default_factory=dict)
    derived_from: DerivedFrom | None = None

    @property
    def is_id(self) -> bool:
        """Whether it holds ids, which lead to a person by what else is known of them."""
        return self.pii is not None and self.pii.class_ == "pseudonym"


@dataclass(frozen=True, slots=True)
class Column(DeclaredColumn):
    """One column with all that is known of it: declared, inherited, derived or by default.

    Attributes:
        basis: For each of description, type, domain and pii, where it comes from, in words.
    """

    description: str
    type: str
    domain: Domain
    pii: Pii
    basis: Mapping[str, str] = field(default_factory=dict, compare=False, repr=False)

    @property
    def comes_from(self) -> str:
        """Where its parts come from, in a line: `type declared; description, domain inherited`."""
        if len(set(self.basis.values())) == 1:
            return self.basis["type"]
        parts: dict[str, list[str]] = {}
        for part, basis in self.basis.items():
            parts.setdefault(basis, []).append(part)
        return "; ".join(f"{', '.join(named)} {basis}" for basis, named in parts.items())


@dataclass(frozen=True, slots=True)
class Suppression:
    """What is withheld of the published rows that speak of too few employees.

    One table has a row for each group and counts its employees; the others that have rows of these
    groups follow it.

    Attributes:
        columns: The columns that are withheld. Of a table that follows, a column of `groups` may be
            among them: it stays where a sum over its value gives no small group away.
        employees: The column that counts the employees of a group, withheld as well; None in a
            table that follows.
        groups: The columns that tell the groups apart, the widest first; empty in a table that
            follows.
        follows: The table that has the groups; None in that table itself.
        sums: Of a table that follows, columns that are withheld where even their sum over all rows
            is that of one small group.
    """

    columns: tuple[str, ...]
    employees: str | None = None
    groups: tuple[str, ...] = ()
    follows: str | None = None
    sums: tuple[str, ...] = ()

    @property
    def withheld(self) -> tuple[str, ...]:
        """All columns of which some values may be withheld."""
        return (*((self.employees,) if self.employees else ()), *self.columns, *self.sums)


@dataclass(frozen=True, slots=True)
class SchemaContract:
    """What may change about the files of a source without anybody's consent, in dlt's words.

    Attributes:
        tables: Whether a source may be loaded that never was.
        columns: Whether columns may come, go and be renamed.
        data_type: Whether values may be of a type that does not fit the one before.
    """

    tables: ContractMode = "evolve"
    columns: ContractMode = "evolve"
    data_type: ContractMode = "evolve"


@dataclass(frozen=True, slots=True)
class Guards:
    """What a source may not come to, lest bad data takes the place of good; shares are parts of 1.

    Attributes:
        max_rejected: The most of a file's records that may be rejected.
        max_shrink: The most of its rows, and of its records, that a file may lose since its last
            load.
        max_quarantined_money: The most of the source's money that may be quarantined where
            something is published already.
        min_clean: The least of its records, and of its money, that must be neither rejected nor
            quarantined for the source to be healthy.
        max_flagged: The most of its accepted records that may have a flag for the source to be
            healthy.
        max_factor: How many times what they were the amounts of records may all be that came
            before, or the inverse of it; None where that depends on what the source holds.
        max_level: How many times those of the file before the amounts of others may be, or the
            inverse of it.
        max_expired: The most of its rows that may go at once since they are past their retention.
        max_columns: The most columns that a file may have.
        moves_on: Whether a file may leave out its oldest records as newer ones come, so that they
            leave the tables.
        empty_files: Whether its newest file may have a header alone for the source to be healthy.
    """

    max_rejected: float = 0.5
    max_shrink: float = 0.5
    max_quarantined_money: float = 0.5
    min_clean: float = 0.8
    max_flagged: float = 0.5
    max_factor: float | None = None
    max_level: float = 10
    max_expired: float = 0.25
    max_columns: int = 1_000
    moves_on: bool = False
    empty_files: bool = False


@dataclass(frozen=True, slots=True)
class Reconciliation:
    """What the records of a source become, so that it can be proven that none is lost.

    Attributes:
        staging: The table with a row for each record of the raw table.
        accepted: The table of the accepted records; None where none is judged.
        quarantine: The table of those that are kept out; given where `accepted` is.
        issues: The table of what is wrong with them, if there is one.
        amount: The column, of all three, whose sum has to come out too; None where there is none.
        accepted_count: The column of `accepted` that says for how many records a row stands; None
            where each is one.
        uncounted: The table of the records that are no spend; None where all are.
    """

    staging: str
    accepted: str | None = None
    quarantine: str | None = None
    issues: str | None = None
    amount: str | None = None
    accepted_count: str | None = None
    uncounted: str | None = None


@dataclass(frozen=True, slots=True)
class MonthOf:
    """As a part of a key: the month, in UTC, of the instant in a column."""

    column: str


Resends = Literal["supersede", "conflict"]
Refunds = Literal["quarantine", "net"]
Census = Literal["active_only"]
SOURCE_FILE = "_source_file"
"""The file of a record, which may be a part of a key and is what orders records by default."""


@dataclass(frozen=True, slots=True)
class Records:
    """What the records of a source are: one and the same, a later one, spend, a refund.

    Attributes:
        key: What identifies a record; empty where the model that reads the source knows.
        resends: What a record in a later file does to one with the same key: take its place, or
            conflict with it unless both say the same.
        ordered_by: The column that says which record is the later one; None where only the name of
            the file does, and within a file the place.
        counts_when: For some columns the values, in lower case, of the records that are spend; an
            empty text where there is no value.
        refunds: Whether amounts below zero are kept out, or are refunds that lower the spend.
        refund_when: For some columns the values, in lower case, of records that are refunds
            whatever the sign of their amount.
        census: Whether each file is a census, and of whom: whoever a later one lacks has left, and
            the last record of him is kept. None where a file is not a census.
        census_part: What finds in the name of a file, as its group, the part of the company that
            the census is of, such as a country; None where each is of all of it.
    """

    key: tuple[str | MonthOf, ...] = ()
    resends: Resends = "conflict"
    ordered_by: str | None = None
    counts_when: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    refunds: Refunds = "quarantine"
    refund_when: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    census: Census | None = None
    census_part: str | None = None

    @property
    def columns(self) -> Iterator[tuple[str, str]]:
        """The columns that are named, each with the word of the catalog that names it."""
        for part in self.key:
            yield "key", part.column if isinstance(part, MonthOf) else part
        if self.ordered_by:
            yield "ordered_by", self.ordered_by
        yield from (("counts_when", column) for column in self.counts_when)
        yield from (("refunds", column) for column in self.refund_when)


@dataclass(frozen=True, slots=True)
class Freshness:
    """How old the newest of a dataset may be.

    Attributes:
        column: The column whose latest value counts; None where the newest load does.
        warn_after: The age that warns; None where none does.
        fail_after: The age that fails; None where none does.
    """

    column: str | None = None
    warn_after: timedelta | None = None
    fail_after: timedelta | None = None


@dataclass(frozen=True, slots=True)
class Volume:
    """How many rows a dataset has at least and at most; None where there is no such bound."""

    minimum: int | None = None
    maximum: int | None = None


Then = Literal["delete", "anonymise"]
"""What becomes of a record that is past its retention: it goes, or leads to nobody any more.

Of a source of people, they are erased; of one of charges, each is cut from all that it has of them.
"""


@dataclass(frozen=True, slots=True)
class Retention:
    """How long the records of a source are kept.

    Attributes:
        keep: For how long.
        by: The column that says of when a record is; without it, a record is of its load.
        then: What becomes of it afterwards.
    """

    keep: Period
    by: str
    then: Then

    def __str__(self) -> str:
        """In a few words: `25 months by transaction_timestamp, then delete`."""
        return f"{self.keep} by {self.by}, then {self.then}"


@dataclass(frozen=True, slots=True)
class Months:
    """How the rows of a table fall into months.

    Attributes:
        column: The column whose month, in UTC, is that of a row.
        money: The column whose sum is the money of a month; None where there is none.
    """

    column: str
    money: str | None = None


@dataclass(frozen=True, slots=True)
class DeclaredSource:
    """The files of one kind that arrive from outside, or are made of what is elsewhere.

    Attributes:
        name: The dataset's name, without a dot.
        filepath: Where the files are, below `data/` or in a bucket; the file name may be a glob.
        description: What the files hold.
        domain: The default domain of the columns; None where each column gives its own.
        columns: The columns of the files by name, in the catalog's order; read-only.
        schema_contract: What may change about the files.
        freshness: How old the newest load may be, if the catalog says so.
        volume: How many records there should be, if the catalog says so.
        reconciliation: What the records become; None where they stay in the raw table.
        records: What identifies a record, which is the later one, and which are spend.
        layout: How the files are written.
        currency: Which currency the amounts are in, and which is reported.
        ignored: Undeclared columns of the files that somebody has looked at.
        made: The columns that are made of two of those of the files, by name; read-only.
        extract: The table, API or bucket that its files are extracts of; None where files arrive.
        retention: How long records are kept; None where nothing limits that.
        purpose: What the records are kept for; None where the catalog does not say.
    """

    name: str
    filepath: str
    description: str
    domain: Domain | None
    columns: Mapping[str, DeclaredColumn]
    schema_contract: SchemaContract = SchemaContract()
    freshness: Freshness | None = None
    volume: Volume | None = None
    reconciliation: Reconciliation | None = None
    records: Records = Records()
    guards: Guards = Guards()
    layout: Layout = field(default_factory=Layout)
    currency: Currency = field(default_factory=Currency)
    ignored: tuple[str, ...] = ()
    made: Mapping[str, DeclaredColumn] = field(default_factory=dict)
    extract: TableExtract | ApiExtract | BucketExtract | None = None
    retention: Retention | None = None
    purpose: str | None = None

    @property
    def origin(self) -> str:
        """Where its records come from: files, a table, an API or a bucket."""
        return self.filepath if self.extract is None else str(self.extract)

    @property
    def id_column(self) -> str:
        """The column of the files with the id of a record."""
        first = next((it for it in self.records.key if it in self.columns), None)
        return str(first or next(iter(self.columns)))

    @property
    def is_of_people(self) -> bool:
        """Whether each record is about a person, by a first id of that kind."""
        first = self.first_id
        pii = self.columns[first].pii if first else None
        return pii is not None and pii.kind == PERSON

    @property
    def first_id(self) -> str | None:
        """The column that says which one a record is about; None where none holds ids."""
        return next((it.name for it in self.columns.values() if it.is_id), None)

    @property
    def anonymises_charges(self) -> bool:
        """Whether its records, which are not people's own, are anonymised in time."""
        is_anonymised = self.retention is not None and self.retention.then == "anonymise"
        return is_anonymised and not self.is_of_people

    @property
    def read_columns(self) -> Mapping[str, DeclaredColumn]:
        """The columns that models read: those of the files, and those that are made of them."""
        return {**self.columns, **self.made}

    @property
    def parts(self) -> Mapping[str, tuple[str, str]]:
        """The columns of the files that others are made of: of which, and as what part of it."""
        return {
            name: (column.name, part)
            for column in self.made.values()
            for part, name in column.made_of.items()
        }


@dataclass(frozen=True, slots=True)
class Source(DeclaredSource):
    """A source of whose columns all is known."""

    columns: Mapping[str, Column]


@dataclass(frozen=True, slots=True)
class DeclaredTable:
    """One table or view of the warehouse.

    Attributes:
        layer: The schema the table is in.
        name: The table's name within its layer.
        description: What the table holds.
        grain: What one row is, if the catalog says so.
        materialized: Whether the rows are stored or computed at each read.
        domain: The default domain of the columns; None where each column gives its own.
        source: For a raw table, the name of the source it is loaded from.
        columns: The columns by name, in the catalog's order; read-only.
        published: Whether the table may leave the warehouse; an audience may get it then.
        suppression: What of it does not leave of small groups; None where nothing is withheld.
        derived_from: Which personal values may decide about its rows, and why.
        key: The columns whose values tell rows apart in what is said of them; may be none.
        tests: What the table promises as a whole.
        freshness: How old the newest row or load may be, if the catalog says so.
        volume: How many rows there should be, if the catalog says so.
        months: How its rows fall into months, if the catalog says so.
        purpose: What the table is kept for; None where that is what its layer or source is for.
        is_implied: Whether it has no entry of its own, and follows from the sources.
    """

    layer: Layer
    name: str
    description: str
    grain: str | None
    materialized: Materialized
    domain: Domain | None
    source: str | None
    columns: Mapping[str, DeclaredColumn]
    published: bool = False
    suppression: Suppression | None = None
    derived_from: DerivedFrom | None = None
    key: tuple[str, ...] = ()
    tests: tuple[DataTest, ...] = ()
    freshness: Freshness | None = None
    volume: Volume | None = None
    months: Months | None = None
    purpose: str | None = None
    is_implied: bool = False

    @property
    def promises(self) -> Iterator[tuple[str | None, DataTest]]:
        """Every test with the name of its column, which a test of the whole table has none of."""
        for column in self.columns.values():
            yield from ((column.name, test) for test in column.tests)
        yield from ((None, test) for test in self.tests)

    @property
    def relation(self) -> str:
        """The table's name in SQL and in the catalog, such as `marts.fact_transactions`."""
        return f"{self.layer}.{self.name}"


@dataclass(frozen=True, slots=True)
class Table(DeclaredTable):
    """A table of whose columns all is known."""

    columns: Mapping[str, Column]

    @property
    def impersonal(self) -> frozenset[str]:
        """The columns in which nothing is personal."""
        return frozenset(it.name for it in self.columns.values() if not it.pii.is_personal)


@dataclass(frozen=True, slots=True)
class Mask:
    """A macro that counts as masking, or as tidying, as it was approved.

    Attributes:
        macro: The macro's name; its SQL is in `sql/macros/`.
        treatment: What a column that passes it may declare: `mask` or `hash`. `tidy` is none: the
            macro gives the value itself, NULL where that is NULL or empty.
        kinds: The kinds of values it masks; none given means any.
        fingerprint: Digest of the macro's SQL and of the macros it calls, when it was approved.
    """

    macro: str
    treatment: MaskTreatment
    kinds: tuple[str, ...]
    fingerprint: str


@dataclass(frozen=True, slots=True)
class Declarations:
    """What `catalog.yaml` says, and nothing that follows from the SQL.

    Attributes:
        path: The file it was read from.
        sources: The sources by name, in the file's order; read-only.
        tables: The tables by relation, such as `raw.members`, the raw table and the base view of
            each source among them, which no entry need declare; read-only.
        masks: The masking policy by macro; read-only.
        purposes: What the tables of a layer are kept for, by layer; read-only.
        audiences: Whom what leaves the warehouse is for, by name, analysts first; read-only.
        entries: Where in the file the entry of each dataset is; for messages.
    """

    path: Path
    sources: Mapping[str, DeclaredSource]
    tables: Mapping[str, DeclaredTable]
    masks: Mapping[str, Mask]
    purposes: Mapping[str, str] = field(default_factory=dict)
    audiences: "Mapping[str, Audience]" = field(default_factory=dict, kw_only=True)
    entries: "Entries | None" = field(default=None, compare=False, repr=False, kw_only=True)


@dataclass(frozen=True, slots=True)
class Catalog(Declarations):
    """The effective catalog: the declarations, and what follows from the SQL where they are silent.

    Attributes:
        sources: As declared.
        tables: As declared, with every column and every part of it.
    """

    sources: Mapping[str, Source]
    tables: Mapping[str, Table]

    def raw_table_of(self, source: str) -> Table:
        """Find the raw table a source is loaded into.

        Args:
            source: The name of a source of this catalog.

        Returns:
            The one raw table whose `source` it is.

        Raises:
            KeyError: The catalog has no such source.
        """
        for table in self.tables.values():
            if table.source == source:
                return table
        raise KeyError(source)
