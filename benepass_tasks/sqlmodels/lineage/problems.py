"""What cannot be followed: collected over all files, so that one run names everything."""

from pathlib import Path

from benepass_tasks.config.errors import ModelError


class UntraceableError(Exception):
    """The parser cannot follow a construct; what it is and what to write instead.

    Attributes:
        line: The line of the SQL file.
    """

    def __init__(self, line: int, what: str, advice: str) -> None:
        """Note the line, what stands there, and what to write instead."""
        super().__init__(f"{what}; {advice}")
        self.line = line


class Problems:
    """Every problem of a project, once each."""

    def __init__(self) -> None:
        """Begin without any."""
        self._found: dict[str, None] = {}

    def add(self, path: Path, line: int, message: str) -> None:
        """Note a problem on a line of a file."""
        self._found[f"{path}:{line} {message}"] = None

    def raise_any(self) -> None:
        """Raise all that was noted.

        Raises:
            ModelError: something was noted; one problem a line, in the order of the models.
        """
        if self._found:
            raise ModelError("\n".join(self._found))
