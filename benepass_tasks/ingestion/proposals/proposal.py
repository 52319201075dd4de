"""What is proposed for files that nobody has declared: the entry of a source, and its evidence."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from benepass_tasks.catalog.extracts import TableExtract
from benepass_tasks.ingestion.proposals.columns import ITS_NAME
from benepass_tasks.ingestion.proposals.forms import Form
from benepass_tasks.ingestion.proposals.personal import Guess
from benepass_tasks.ingestion.proposals.profile import FileProfile
from benepass_tasks.ingestion.proposals.question import Question


@dataclass(frozen=True, slots=True)
class Written:
    """How files are written.

    Attributes:
        type: The `type` of the source.
        load_args: Its `load_args`, as far as they say something.
        layout: Its `layout`.
        evidence: What each of it is, and why, for people.
    """

    type: str
    load_args: Mapping[str, Any]
    layout: Mapping[str, Any]
    evidence: Sequence[tuple[str, str]] = ()


@dataclass(frozen=True, slots=True)
class ProposedColumn:
    """A column of the files.

    Attributes:
        header: What the files call it.
        name: What the source calls it.
        why: Why it is that one.
        guess: How personal it is, where the catalog does not say so already.
        form: How its values are written.
        synonyms: Its values by what they mean.
        holds: What it holds, where the catalog does not say so already.
        is_new: Whether the source does not declare it yet.
        is_left: Whether it stays undeclared, since another column has its name.
        made_of: Of a column that is two of the file's, what the source calls these, by their part.
        is_part: Whether it is one of such two.
    """

    header: str
    name: str
    why: str
    guess: Guess | None = None
    form: Form = field(default_factory=Form)
    synonyms: Mapping[str, Sequence[str]] = field(default_factory=dict)
    holds: str | None = None
    is_new: bool = False
    is_left: bool = False
    made_of: Mapping[str, str] = field(default_factory=dict)
    is_part: bool = False

    @property
    def is_renamed(self) -> bool:
        """Whether the source would not know the column by the files' name for it."""
        return self.why != ITS_NAME and not self.made_of


@dataclass(frozen=True, slots=True)
class Proposal:
    """The entry that would load some files, as far as they tell.

    Attributes:
        profile: The records that were read, of all files together.
        source: The name of the source.
        is_new: Whether the catalog has no source of that name.
        filepath: Where its files are.
        written: How they are written.
        columns: Their columns.
        missing: Columns that the source needs, and that were not found.
        records: What `metadata` has to say of the records, such as `key` and `counts_when`.
        questions: What the files leave open.
        notes: What else there is to know.
        table: The table of a database that is read, where it is one and no file.
    """

    profile: FileProfile
    source: str
    is_new: bool
    filepath: str
    written: Written
    columns: Sequence[ProposedColumn]
    missing: Sequence[str] = ()
    records: Mapping[str, object] = field(default_factory=dict)
    questions: Sequence[Question] = ()
    notes: Sequence[str] = ()
    table: TableExtract | None = None
