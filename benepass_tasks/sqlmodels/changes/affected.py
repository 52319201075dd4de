"""Which values a key has in the rows of a model that a change of its inputs can have altered.

N is a table, CTE, view or the model, C expressions over it, D the touched rows of a stored table:
every row that is in one of its two states and not in the other. The rules give a superset of the
values c for which N has other rows with C = c than before:

    a stored table      the values of C in D
    WHERE, SELECT list  as of the source, C written in the columns of the source; rows of D that
                        fail a condition are in neither state
    UNION, EXCEPT, ...  of all branches
    GROUP BY g          as of the source; only for C that is a function of g
    DISTINCT            as of the source
    a JOIN b ON a.x = b.y (inner, left, semi, anti; any further conditions), for C over a
                        as of a; and C of the rows of a whose x is among the affected y of b
    a window BY p       where C is a function of p, as of the source; else also C of the rows whose
                        p is among the affected p of the source
    what nothing binds  a cross join, a window over all rows: nothing of it may be affected
    a moved setting     C of the rows for which a condition of WHERE, or an expression of the list,
                        is another with its other value; C with both values, where it is made of it
    a moved figure      the same: a row told from all rows of a table is a setting for the others

Only rows that are there now have to be looked up: those that are gone are in D.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TypeAlias

from benepass_tasks.engine.quoting import quote_relation
from benepass_tasks.sqlmodels.changes.expressions import is_function_of
from benepass_tasks.sqlmodels.changes.joins import joins_of, traceable_part
from benepass_tasks.sqlmodels.changes.queries import (
    Edge,
    Joins,
    Node,
    Query,
    Select,
    Source,
    Stored,
)
from benepass_tasks.sqlmodels.changes.script import Part, Script
from benepass_tasks.sqlmodels.changes.trees import (
    NoRuleError,
    Tree,
    column,
    columns_in,
    differing,
    identity,
    own,
    replaced,
    settings_in,
    sources_of,
    with_settings,
)

Parts: TypeAlias = list[Part]
"""SELECTs of key values; none where nothing is affected."""

ANY: Tree = {
    "class": "CONSTANT",
    "type": "VALUE_CONSTANT",
    "alias": "",
    "literal": {"kind": "INTEGER", "text": "1"},
}
"""The key that all rows share."""


@dataclass(slots=True)
class Affected:
    """The rules, for one model and the inputs that were touched.

    Attributes:
        script: Where the look-ups are written.
        touched: By relation, the table of its touched rows.
        model: The model's node, and the table that it is stored in.
        moved: The settings and figures that are others than before, with the values that they had.
    """

    script: Script
    touched: Mapping[str, str]
    model: tuple[Query, str]
    moved: Mapping[str, Tree] = field(default_factory=dict)
    _joins: dict[tuple[int, str], Joins] = field(default_factory=dict)
    _keys: dict[tuple[int, str, str], Parts] = field(default_factory=dict)

    def keys(self, node: Node, key: Sequence[Tree], conditions: Sequence[Tree] = ()) -> Parts:
        """The affected values of a key, in rows of a node that meet conditions.

        Raises:
            NoRuleError: no rule covers it.
        """
        at = (id(node), identity(*key), identity(*conditions))
        if at not in self._keys:
            self._keys[at] = self._found(node, key, conditions)
        return [*self._keys[at]]

    def _found(self, node: Node, key: Sequence[Tree], conditions: Sequence[Tree]) -> Parts:
        if isinstance(node, Stored):
            table = self.touched.get(node.relation)
            # A touched row counted where it met the conditions of then.
            lasting = [it for it in conditions if not self._is_moved(it)]
            relation, values = quote_relation(node.relation), self.script.values
            return [values(key, quote_relation(table), lasting, relation)] if table else []
        found = [
            part
            for select in node.selects
            if select.sources
            for part in self._of_select(
                node, select, node.of_branch(select, key), node.of_branch(select, conditions)
            )
        ]
        return list(dict.fromkeys(found))

    def joins(self, select: Select, root: Source) -> Joins:
        """How the sources of a SELECT hang on one of them."""
        at = (id(select), root.alias)
        if at not in self._joins:
            self._joins[at] = joins_of(select, root)
        return self._joins[at]

    def find(
        self,
        node: Node,
        where: Sequence[Tree],
        keys: str,
        wanted: Sequence[Tree],
        conditions: Sequence[Tree] = (),
    ) -> Parts:
        """The values of expressions in rows of a node whose `where` is among keys, or more.

        Where nothing is to be among keys, they are those in all rows that meet the conditions.
        They are looked up in the one stored table that all of them come from, without what is
        joined or filtered on the way, which only ever takes rows away.
        """
        if isinstance(node, Stored):
            relation = quote_relation(node.relation)
            if not where:
                return [self.script.values(wanted, relation, conditions, relation)]
            return [self.script.matching(wanted, relation, where, keys, conditions)]
        parts: Parts = []
        for select in node.selects:
            if select.sources:
                both = select.lower(node.of_branch(select, [*where, *wanted]))
                anchor, both = select.anchor(both)
                outer = node.of_branch(select, conditions)
                inner = [
                    *select.conditions_on(anchor),
                    *select.lowered_conditions(anchor, outer),
                ]
                count = len(where)
                parts += self.find(anchor.node, both[:count], keys, both[count:], inner)
        return parts

    def find_all(
        self,
        node: Node,
        where: Sequence[Tree],
        parts: Parts,
        wanted: Sequence[Tree],
        conditions: Sequence[Tree] = (),
    ) -> Parts:
        """The same for keys that are told by SELECTs."""
        if not parts:
            return []
        return self.find(node, where, self.script.keys(parts), wanted, conditions)

    def _of_select(
        self, node: Query, select: Select, key: Sequence[Tree], conditions: Sequence[Tree]
    ) -> Parts:
        lowered = select.lower(key)
        anchor, over = select.anchor(lowered)
        for source in self.joins(select, anchor).unbound:
            self._require_untouched(source.node, [ANY], "what no equality joins is touched")
        # Through a window, a row that does not count itself may decide about those that do.
        outer = [] if select.partitions else select.lowered_conditions(anchor, conditions)
        parts: Parts = []
        for values in self._then_and_now(over):
            parts += self._below_windows(node, select, anchor, values, outer)
            for partition in select.partitions:
                if not partition or not all(is_function_of(it, partition) for it in lowered):
                    parts += self._of_partition(node, select, anchor, partition, values)
        return parts

    def _then_and_now(self, key: Sequence[Tree]) -> list[list[Tree]]:
        """A key with the values that moved settings have, and with those that they had."""
        both = [[*key], [with_settings(it, self.moved) for it in key]]
        return both if self._is_moved(*key) else both[:1]

    def _of_partition(
        self,
        node: Query,
        select: Select,
        anchor: Source,
        partition: Sequence[Tree],
        wanted: Sequence[Tree],
    ) -> Parts:
        """The key in all rows of the partitions of which a row is affected."""
        over = traceable_part(anchor, wanted, partition)
        affected = self._below_windows(node, select, anchor, over or [ANY], [])
        if not over:
            self._require_none(affected, "a window over all rows")
            return []
        conditions = select.conditions_on(anchor)
        return self.find_all(anchor.node, over, affected, wanted, conditions)

    def _below_windows(
        self,
        node: Query,
        select: Select,
        anchor: Source,
        key: Sequence[Tree],
        outer: Sequence[Tree],
    ) -> Parts:
        """The affected values of a key over the anchor, windows apart."""
        conditions = [*select.conditions_on(anchor), *outer]
        joins = self.joins(select, anchor)
        self._require_rule(select, joins)
        moved = self._moved(select, anchor, key, anchor)
        parts = [*self.keys(anchor.node, key, conditions), *moved]
        for edge in joins.below(anchor):
            through = self._through(select, joins, edge, anchor)
            if through and (
                passed := self._own_columns(node, select, anchor, [*edge.theirs, *key])
            ):
                count, stored = len(edge.theirs), quote_relation(self.model[1])
                keys = self.script.keys(through)
                parts.append(self.script.matching(passed[count:], stored, passed[:count], keys))
            else:
                parts += self.find_all(anchor.node, edge.theirs, through, key, conditions)
        return parts

    def _is_moved(self, *expressions: Tree) -> bool:
        return bool(self.moved) and not self.moved.keys().isdisjoint(settings_in(*expressions))

    def _moved(self, select: Select, source: Source, key: Sequence[Tree], root: Source) -> Parts:
        """The key in the rows of a source for which a moved setting decides something else.

        Args:
            select: What reads the source.
            source: The source.
            key: Expressions over its node.
            root: The source that counts where what is decided depends on no row.
        """
        if not self.moved:
            return []
        decided = select.functions.decided_by([*select.conditions, *select.outputs], self.moved)
        parts: Parts = []
        for it in decided:
            if sources_of(it) == {source.alias} or (source is root and not sources_of(it)):
                then, now = own(with_settings(it, self.moved)), own(it)
                parts += self.find(source.node, [], "", key, [differing(then, now)])
        return parts

    def _require_rule(self, select: Select, joins: Joins) -> None:
        """Refuse moved settings where no rule says what they decide.

        Raises:
            NoRuleError: there is one.
        """
        if not self.moved:
            return
        optional = [it for source in select.sources if not source.filters for it in source.on]
        grouping = [*(select.group or ()), *(it for found in select.partitions for it in found)]
        if self._is_moved(*optional, *grouping, *select.after):
            raise NoRuleError("a setting is another, and not in WHERE or SELECT alone")
        decided = select.functions.decided_by([*select.conditions, *select.outputs], self.moved)
        found = {select.source(alias) for it in decided for alias in sources_of(it)}
        if any(it.kind == "left" or it in joins.unbound for it in found):
            raise NoRuleError("a setting is another that decides about a joined table")

    def _through(self, select: Select, joins: Joins, edge: Edge, root: Source) -> Parts:
        """What a joined source is joined by in the rows that are affected, or joined to such."""
        child = edge.child
        conditions = select.conditions_on(child)
        moved = self._moved(select, child, edge.mine, root)
        parts = [*self.keys(child.node, edge.mine, conditions), *moved]
        for deeper in joins.below(child):
            through = self._through(select, joins, deeper, root)
            parts += self.find_all(child.node, deeper.theirs, through, edge.mine, conditions)
        if not edge.is_strict:
            return parts
        return [replace(part, filled=len(edge.mine)) for part in parts]

    def _own_columns(
        self, node: Query, select: Select, anchor: Source, expressions: Sequence[Tree]
    ) -> list[Tree] | None:
        """Expressions over the anchor as those over the model's own rows, which know them already.

        That is so where each row of the anchor is one of the model's: rows that are new in the
        anchor are affected anyway.
        """
        is_whole = all(it.kind in ("from", "left") for it in select.sources)
        is_plain = select.group is None and not select.where and node.selects == (select,)
        if node is not self.model[0] or not (is_whole and is_plain) or anchor.kind != "from":
            return None
        names = {
            output["name"]: name
            for name, output in zip(select.names, select.outputs, strict=True)
            if output == column(output.get("name", ""), anchor.alias)
        }
        passed = [_renamed(it, names) for it in expressions]
        return None if None in passed else [it for it in passed if it is not None]

    def _require_untouched(self, node: Node, key: Sequence[Tree], why: str) -> None:
        self._require_none(self.keys(node, key), why)

    def _require_none(self, parts: Parts, why: str) -> None:
        """Note that a change by rows is not to be had where these SELECTs have a row."""
        for part in parts:
            self.script.guard(part, why)


def _renamed(expression: Tree, names: Mapping[str, str]) -> Tree | None:
    if any(it["name"] not in names for it in columns_in(expression)):
        return None
    renamed: Tree = replaced(expression, lambda it: column(names[it["name"]], fields=it["fields"]))
    return renamed
