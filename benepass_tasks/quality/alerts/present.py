"""What exists, and so can be wrong."""

from collections.abc import Collection
from dataclasses import dataclass

from benepass_tasks.catalog import Catalog
from benepass_tasks.quality.monitors import is_watched


@dataclass(frozen=True, slots=True)
class Present:
    """What a project consists of at the end of a run; what was once in it cannot be wrong any more.

    Attributes:
        nodes: The names of the nodes of the plan; a file is `source/file`.
        catalog: The catalog, with the tests and the datasets that are watched.
    """

    nodes: Collection[str]
    catalog: Catalog

    def has_node(self, node: str) -> bool:
        """Whether something is to be made still."""
        return node in self.nodes

    def has_file(self, source: str, file: str) -> bool:
        """Whether the data folder has a file that is one of a source."""
        return f"{source}/{file}" in self.nodes

    def has_test(self, relation: str, column: str | None, test: str, arguments: str) -> bool:
        """Whether the catalog has a test, with these very arguments."""
        table = self.catalog.tables.get(relation)
        promises = table.promises if table else ()
        return (column, test, arguments) in ((on, it.kind, it.arguments) for on, it in promises)

    def has_monitor(self, monitor: str, dataset: str, name: str | None) -> bool:
        """Whether a monitor watches a dataset, or a part of it."""
        return is_watched(self.catalog, monitor, dataset, name)
