"""Whom something is published for: which tables, what becomes of personal values, and where to.

What may leave the warehouse at all, the tables say (`published`); an audience gets that, or a part
of it. Where it says nothing it gets what analysts get, who see nobody's name.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Literal, TypeAlias

from benepass_tasks.catalog.datasets import DATE, Column, Mask, Pii, PiiClass
from benepass_tasks.catalog.extracts import BUCKETS
from benepass_tasks.config.object_address import bucket_of, prefix_of

Disclosure = Literal["mask", "hash", "drop", "generalise", "plaintext"]
"""What becomes of a value on its way to an audience."""

ANALYST = "analyst"
"""The audience that there is without a word, and that the pages are for."""

BY_CLASS: Mapping[PiiClass, Disclosure] = MappingProxyType(
    {
        "none": "plaintext",
        "quasi_identifier": "plaintext",
        "pseudonym": "plaintext",
        "identifier": "drop",
    }
)
"""What that is where an audience does not say otherwise."""

YEARS = ("DATE", "TIMESTAMP", "TIMESTAMP WITH TIME ZONE")
"""The types of values that become the first day of their year when they are generalised."""

DAYS = ("BIGINT", "INTEGER")
"""The types of numbers of days, which become whole years of 365 days."""


PRIVATE = 0o640
"""The permissions of files that are not for everybody."""


@dataclass(frozen=True, slots=True)
class Access:
    """Who may read the files of an audience.

    Attributes:
        mode: The permissions of a file; a folder may be entered by whoever may read it.
        owner: The user who owns them; None for whoever runs the pipeline.
        group: The group; None for that of whoever runs it.
    """

    mode: int = 0o644
    owner: str | None = None
    group: str | None = None

    @property
    def folder_mode(self) -> int:
        """The permissions of a folder."""
        return self.mode | (self.mode & 0o444) >> 2 | 0o700

    @property
    def is_for_all(self) -> bool:
        """Whether everybody on the machine may read."""
        return bool(self.mode & 0o004)


@dataclass(frozen=True, slots=True)
class PostgresPlace:
    """A schema of a Postgres database that an audience reads instead of files.

    Attributes:
        credentials: The variable of the environment that holds the address of the database.
        schema: The schema, which nobody else writes.
        role: The role of the database that may read it.
    """

    credentials: str
    schema: str
    role: str

    @property
    def name(self) -> str:
        """What stands for it in the records of what is published."""
        return f"postgres:{self.credentials}/{self.schema}"

    @property
    def owned(self) -> Mapping[str, str]:
        """What nobody else may have as well, by its key."""
        return {"schema": self.schema, "role": self.role}


@dataclass(frozen=True, slots=True)
class IcebergPlace:
    """A namespace of an Iceberg catalog whose tables an audience reads instead of files.

    Attributes:
        catalog: The name under which pyiceberg's own configuration has the catalog.
        namespace: The namespace; what is in it under other names than ours is left alone.
    """

    catalog: str
    namespace: str

    @property
    def name(self) -> str:
        """What stands for it in the records of what is published."""
        return f"iceberg:{self.catalog}/{self.namespace}"

    @property
    def owned(self) -> Mapping[str, str]:
        """What nobody else may have as well, by its key."""
        return {"namespace": self.namespace}


@dataclass(frozen=True, slots=True)
class BucketPlace:
    """A prefix of a bucket whose Parquet files an audience reads.

    Attributes:
        address: `s3://`, the bucket, and the prefix, without a slash at the end.
    """

    address: str

    @property
    def name(self) -> str:
        """What stands for it in the records of what is published."""
        return self.address

    @property
    def owned(self) -> Mapping[str, str]:
        """What nobody else may have as well, by its key."""
        return {"bucket": self.address}

    @property
    def bucket(self) -> str:
        """The bucket's name."""
        return bucket_of(self.address)

    @property
    def prefix(self) -> str:
        """What the keys of its objects begin with."""
        return prefix_of(self.address)


Place: TypeAlias = PostgresPlace | IcebergPlace | BucketPlace
"""Where an audience reads elsewhere than in files."""


def place_of(name: str) -> Place | None:
    """The place that a recorded name begins with; None where it names a file."""
    kind, _, path = name.partition(":")
    where, *rest = path.split("/")
    if name.startswith(BUCKETS):
        return BucketPlace(name)
    if kind == "postgres":
        return PostgresPlace(where, rest[0], "")
    return IcebergPlace(where, rest[0]) if kind == "iceberg" else None


@dataclass(frozen=True, slots=True)
class Audience:
    """Whom something is published for.

    Attributes:
        name: What it is called.
        description: Who that is.
        datasets: The tables that it gets; None for all that are published.
        disclosures: What becomes of values, by class and by kind; a kind goes before a class.
        min_group_size: How many employees a group must have; None for what the settings say.
        reason: Why it sees people by name, or groups of few.
        folder: Where its files go, below the project's folder; None where that is left to the
            settings.
        access: Who may read these.
        postgres: The schema that it reads; None where it reads none.
        iceberg: The namespace that it reads; None where it reads none.
        bucket: The prefix of a bucket that it reads; None where it reads none.
    """

    name: str
    description: str = ""
    datasets: tuple[str, ...] | None = None
    disclosures: Mapping[str, Disclosure] = field(default_factory=dict)
    min_group_size: int | None = None
    reason: str | None = None
    folder: str | None = None
    access: Access = Access()
    postgres: PostgresPlace | None = None
    iceberg: IcebergPlace | None = None
    bucket: BucketPlace | None = None

    @property
    def places(self) -> Mapping[str, Place]:
        """Where else than in files it reads, by the key that declares it."""
        found = {"postgres": self.postgres, "iceberg": self.iceberg, "bucket": self.bucket}
        return {key: it for key, it in found.items() if it is not None}

    @property
    def has_files(self) -> bool:
        """Whether it gets files; an audience that reads a database or a lake needs none."""
        return self.name == ANALYST or not self.places or self.folder is not None

    def disclosure_of(self, class_: PiiClass, kind: str | None) -> Disclosure:
        """What becomes of values of a class and a kind on their way to it."""
        of_class = self.disclosures.get(class_, BY_CLASS[class_])
        return self.disclosures.get(kind or "", of_class)

    def shows(self, column: Column) -> Disclosure:
        """What becomes of the values of a column on their way to it."""
        pii = column.pii
        return self.disclosure_of(pii.class_, pii.kind) if pii.is_personal else "plaintext"

    def gets(self, relation: str) -> bool:
        """Whether it gets a published table."""
        return self.datasets is None or relation in self.datasets


ANALYSTS = Audience(ANALYST, "Those who analyse what is published; they see nobody's name.")
"""Analysts, of whom nothing is declared."""


def audience(name: str, declared: Mapping[str, Any]) -> Audience:
    """Make an audience of what is declared: only what is for analysts is for everybody to read."""
    mode = ANALYSTS.access.mode if name == ANALYST else PRIVATE
    said = {"description": ANALYSTS.description if name == ANALYST else ""} | dict(declared)
    return Audience(name, **said | {"access": Access(**{"mode": mode} | said.get("access", {}))})


def mask_for(pii: Pii, treatment: Literal["mask", "hash"], masks: Mapping[str, Mask]) -> str | None:
    """The macro of the policy that masks or hashes values of a kind; None where there is none."""
    fitting = (it for it in masks.values() if it.treatment == treatment)
    return next((it.macro for it in fitting if not it.kinds or pii.kind in it.kinds), None)


def wrong_with(column: Column, disclosure: Disclosure, masks: Mapping[str, Mask]) -> str | None:
    """Why a column cannot be disclosed so, and what to do instead; None where it can."""
    pii, what = column.pii, f"{column.pii.kind} in a column of type {column.type}"
    if disclosure == "generalise":
        if pii.kind == DATE and column.type in (*YEARS, *DAYS):
            return None
        return f"only dates and numbers of days are generalised, not {what}; take hash or drop"
    if disclosure not in ("mask", "hash") or pii.treatment == disclosure:
        return None
    if column.type != "VARCHAR":
        return f"only texts can be {'masked' if disclosure == 'mask' else 'hashed'}, not {what}"
    if mask_for(pii, disclosure, masks) is None:
        return f"no macro of the masking policy does that to {pii.kind}; take drop, or approve one"
    return None
