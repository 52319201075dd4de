"""What exists, as tests of alerts would have it."""

from __future__ import annotations

from benepass_tasks.quality.alerts import Present


class Everything(Present):
    """A project in which everything exists but for what a test takes away."""

    __slots__ = ("gone",)
    gone: tuple[str, ...]

    def __init__(self, *gone: str) -> None:
        object.__setattr__(self, "gone", gone)

    def has_node(self, node: str) -> bool:
        return node not in self.gone

    def has_file(self, source: str, file: str) -> bool:
        return f"{source}/{file}" not in self.gone

    def has_test(self, relation: str, column: str | None, test: str, arguments: str) -> bool:
        return not {relation, f"{relation}.{column}", test, arguments} & {*self.gone}

    def has_monitor(self, monitor: str, dataset: str, name: str | None) -> bool:
        return not {monitor, dataset, name} & {*self.gone}
