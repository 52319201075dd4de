"""The errors this project raises on purpose: written for the person who has to act on them.

Each message names the dataset, column, file and line it is about, says what is wrong with the
value, what would be valid and what to do. No message ever holds a personal value.
"""


class BenepassError(Exception):
    """Base of every error with a message for people; shown without a traceback.

    Attributes:
        reason: What it says to those who are far from the data, such as readers of an alert. It
            quotes nothing that a file has for a header, which may be somebody's record.
    """

    def __init__(self, message: str, *, reason: str | None = None) -> None:
        """Keep a message, and its reason where that is not the first line."""
        super().__init__(message)
        self.reason = message.partition("\n")[0].rstrip(":") if reason is None else reason


class ProjectError(BenepassError):
    """The project itself is wrong: a setting, the catalog, or a SQL file."""


class OwnershipError(ProjectError):
    """The warehouse, or a folder, belongs to another project or another environment."""


class CatalogError(ProjectError):
    """`catalog.yaml` does not validate; the message lists every problem, one a line."""


class ModelError(ProjectError):
    """A SQL file cannot be used: it does not parse, or its references lead nowhere."""


class SourceError(BenepassError):
    """A source file breaks its contract: it is missing, empty, or lacks a required column."""


class WarehouseError(BenepassError):
    """The warehouse cannot be opened or written."""


class EngineError(BenepassError):
    """What computes the tables cannot be reached, is not fit for it, or fails."""


class ParentMovedError(WarehouseError):
    """What a branch reads of its parent is not there any more as the branch knows it."""


class OutdatedWarehouseError(WarehouseError):
    """The warehouse is that of an earlier release, which a run brings up to date."""


class LaterWarehouseError(WarehouseError):
    """The warehouse is that of a later release, of which nothing can be read or written."""


class PublicationError(BenepassError):
    """What analysts get cannot be published as the catalog declares it."""


class SiteError(BenepassError):
    """The pages cannot be written."""


class BooksError(BenepassError):
    """The books do not balance: a record was lost or multiplied on its way to the marts."""

    def __init__(self, message: str) -> None:
        """Keep a message; all lines of it are the reason, since they are sums."""
        super().__init__(message, reason=" ".join(message.split()))


class PrivacyError(ProjectError):
    """The catalog's PII declarations do not hold over the SQL; one finding a line."""


class ContractError(BenepassError):
    """A table is not what the catalog promises: its columns differ, or a test of it fails."""
