"""Which rows of the stored tables are needed to compute the rows of a model with some keys.

Demand goes down as the affected keys come up: of a source the rows with these keys; below a window
that the key does not decide, all rows of the partitions that these rows are in; of a joined source
the rows with the join keys that they have. Rows that come out although nobody asked for them may
be wrong, and never reach one that was asked for.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field

from benepass_tasks.engine.quoting import quote_name, quote_relation
from benepass_tasks.sqlmodels.changes.affected import Affected
from benepass_tasks.sqlmodels.changes.expressions import is_function_of
from benepass_tasks.sqlmodels.changes.joins import traceable_part
from benepass_tasks.sqlmodels.changes.queries import (
    Node,
    Query,
    Select,
    Source,
    Stored,
    nodes_below,
)
from benepass_tasks.sqlmodels.changes.script import Part, Script, whole
from benepass_tasks.sqlmodels.changes.trees import Tree, columns_in, identity


@dataclass(slots=True)
class Demand:
    """What is wanted of one node.

    Attributes:
        keys: The key values by the expressions over the node that they are values of.
        is_whole: Whether all its rows are wanted.
    """

    keys: dict[str, tuple[Sequence[Tree], list[Part]]] = field(default_factory=dict)
    is_whole: bool = False

    def add(self, key: Sequence[Tree], parts: Iterable[Part]) -> None:
        """Want the rows with some values of a key, which SELECTs tell."""
        _, known = self.keys.setdefault(identity(*key), (key, []))
        known += [it for it in parts if it not in known]


@dataclass(slots=True)
class Needed:
    """The demand that some rows of a model make on the tables that it reads.

    Attributes:
        affected: Looks keys up.
        small: The stored tables that are read whole, since that costs nothing.
    """

    affected: Affected
    small: Collection[str]
    _demands: dict[int, Demand] = field(default_factory=dict)

    @property
    def script(self) -> Script:
        """Where the look-ups are written."""
        return self.affected.script

    def slices(self, model: Query, key: Sequence[Tree], keys: str) -> dict[str, str]:
        """The small tables that stand for the stored ones that are not needed whole, by relation.

        Args:
            model: The model's node.
            key: Expressions over it.
            keys: The values that they have in the rows that are asked for.

        Raises:
            NoRuleError: no rule covers it.
        """
        nodes = nodes_below(model)
        self._demands = {id(it): Demand() for it in nodes}
        self._of(model).add(key, [whole(keys)])
        for node in nodes:
            if isinstance(node, Query):
                self._push(node)
        stored = [it for it in nodes if isinstance(it, Stored)]
        return {it.relation: self._slice(it) for it in stored if not self._is_whole(it)}

    def _of(self, node: Node) -> Demand:
        return self._demands[id(node)]

    def _is_whole(self, node: Node) -> bool:
        """Whether all rows of a node are read: wanted, or so few that nothing is gained."""
        if isinstance(node, Stored):
            return self._of(node).is_whole or node.relation in self.small
        sources = (it.node for select in node.selects for it in select.sources)
        return self._of(node).is_whole or all(map(self._is_whole, sources))

    def _push(self, node: Query) -> None:
        """Pass on what is wanted of a query to what it reads."""
        demand = self._of(node)
        for select in node.selects:
            if demand.is_whole:
                self._want_all(select.sources)
            elif select.sources:
                for key, parts in demand.keys.values():
                    self._push_select(select, node.of_branch(select, key), parts)

    def _push_select(self, select: Select, key: Sequence[Tree], parts: list[Part]) -> None:
        lowered = select.lower(key)
        anchor, over = select.anchor(lowered)
        open_ = [it for it in select.partitions if not _decides(it, lowered)]
        if open_:
            common = [it for it in open_[0] if all(it in other for other in open_)]
            partition = traceable_part(anchor, over, common)
            if partition:
                parts = self.affected.find_all(anchor.node, over, parts, partition)
            over = partition
        if not parts or not columns_in(*over):
            self._want_all(select.sources)
            return
        self._of(anchor.node).add(over, parts)
        self._push_joins(select, anchor, over, parts)

    def _push_joins(
        self, select: Select, anchor: Source, over: Sequence[Tree], parts: list[Part]
    ) -> None:
        joins = self.affected.joins(select, anchor)
        wanted = {anchor.alias: (over, parts)}
        self._want_all(joins.unbound)
        for edge in joins.edges:
            child = edge.child.node
            if edge.parent.alias not in wanted or self._is_whole(child):
                self._of(child).is_whole = True
                continue
            key, keys = wanted[edge.parent.alias]
            counts = select.conditions_on(edge.parent)
            theirs = self.affected.find_all(edge.parent.node, key, keys, edge.theirs, counts)
            wanted[edge.child.alias] = (edge.mine, theirs)
            self._of(child).add(edge.mine, theirs)

    def _want_all(self, sources: Iterable[Source]) -> None:
        for it in sources:
            self._of(it.node).is_whole = True

    def _slice(self, node: Stored) -> str:
        table = quote_relation(node.relation)
        demands = self._of(node).keys.values()
        sought = [(key, self.script.keys(parts)) for key, parts in demands]
        # First the ids by the columns of the keys alone: a scan reads all that it is asked for.
        ids = self.script.rows(node.relation, sought)
        columns = ", ".join(quote_name(it) for it in node.columns if it in node.needed) or "rowid"
        return self.script.make(
            f"select {columns} from {table} as t where rowid in (select id from {ids})"
        )


def _decides(partition: Sequence[Tree], key: Sequence[Tree]) -> bool:
    """Whether all rows of a partition have one value of a key."""
    return bool(columns_in(*partition)) and all(is_function_of(it, partition) for it in key)
