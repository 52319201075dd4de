"""Reading a model's tree: what its names mean, and what no rule covers."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from benepass_tasks.sqlmodels.changes.expressions import Functions, is_function_of
from benepass_tasks.sqlmodels.changes.queries import (
    JoinKind,
    Node,
    Query,
    Select,
    Source,
    Stored,
    field_of,
)
from benepass_tasks.sqlmodels.changes.trees import (
    NoRuleError,
    Tree,
    column,
    conjuncts,
    figure,
    walk,
)
from benepass_tasks.sqlmodels.lineage.edges import IDENTITY, ColumnRef, edge_of
from benepass_tasks.sqlmodels.lineage.names import (
    NoSuchColumnError,
    Relation,
    Scope,
    UnknownNameError,
)


class Surroundings(Protocol):
    """What a model's SQL is read in."""

    def node(self, relation: str) -> Node:
        """The node of a table or view by `layer.table`."""

    def figure(self, query: Query, column: str) -> str:
        """The name of the setting that stands for a column of a figure."""


def read_query(
    name: str,
    tree: Tree,
    around: Surroundings,
    functions: Functions,
    ctes: Mapping[str, Node] = {},
) -> Query:
    """Read a query as nodes.

    Args:
        name: What it is called.
        tree: Its tree.
        around: What it is read in.
        functions: What is known of functions.
        ctes: What WITH has defined around it.

    Raises:
        NoRuleError: there is something in it that no rule covers.
    """
    known = dict(ctes)
    for entry in tree["cte_map"]["map"]:
        cte, value = entry["key"].lower(), entry["value"]
        if value["aliases"] or value.get("key_targets"):
            raise NoRuleError("a CTE with column names")
        query = value.get("query_node") or value["query"]["node"]
        known[cte] = read_query(cte, query, around, functions, known)
    for modifier in tree["modifiers"]:
        _refuse_modifier(modifier)
    if tree["type"] == "SELECT_NODE":
        selects: tuple[Select, ...] = (_Reading(tree, around, functions, known).select(),)
    elif tree["type"] == "SET_OPERATION_NODE" and tree["setop_type"] in SET_OPERATIONS:
        branches = [read_query(name, it, around, functions, known) for it in tree["children"]]
        selects = tuple(it for branch in branches for it in branch.selects)
    else:
        raise NoRuleError(tree["type"].removesuffix("_NODE").replace("_", " "))
    return Query(name, selects[0].names, selects, tree)


SET_OPERATIONS = ("UNION", "EXCEPT", "INTERSECT")


def _refuse_modifier(modifier: Tree) -> None:
    if modifier["type"] not in ("ORDER_MODIFIER", "DISTINCT_MODIFIER"):
        raise NoRuleError("LIMIT")
    if modifier.get("distinct_on_targets"):
        raise NoRuleError("DISTINCT ON")


@dataclass(slots=True)
class _Reading:
    """The reading of one SELECT."""

    tree: Tree
    around: Surroundings
    functions: Functions
    ctes: Mapping[str, Node]
    scope: Scope = field(default_factory=Scope)
    sources: list[Source] = field(default_factory=list)
    figures: dict[str, Query] = field(default_factory=dict)
    where: list[Tree] = field(default_factory=list)
    names: list[str] = field(default_factory=list)
    outputs: list[Tree] = field(default_factory=list)

    def select(self) -> Select:
        tree = self.tree
        if tree.get("sample"):
            raise NoRuleError("a sample")
        self._read_from(tree["from_table"], "from", [])
        self._read_list(tree["select_list"])
        self.where += [self.resolve(it) for it in conjuncts(tree["where_clause"])]
        after = [self._after(tree[it]) for it in ("having", "qualify") if tree[it]]
        group = self._group(after)
        partitions = [
            tuple(self._partition(it, group))
            for tree in (*self.outputs, *after)
            for it in walk(tree)
            if it["class"] == "WINDOW"
        ]
        return Select(
            tuple(self.sources),
            tuple(self.names),
            tuple(self.outputs),
            tuple(self.where),
            group,
            tuple(after),
            tuple(partitions),
            self.functions,
        )

    # FROM

    def _read_from(self, tree: Tree, kind: JoinKind, on: list[Tree]) -> None:
        if tree["type"] == "JOIN":
            self._join(tree)
        elif tree["type"] != "EMPTY":
            self._add(tree, kind, on)

    def _join(self, tree: Tree) -> None:
        if tree["using_columns"] or tree["ref_type"] not in ("REGULAR", "CROSS"):
            raise NoRuleError("a join without ON")
        kind = KINDS.get(tree["join_type"])
        if kind is None or tree["right"]["type"] == "JOIN":
            raise NoRuleError(f"a {tree['join_type']} JOIN")
        self._read_from(tree["left"], "from", [])
        self._read_from(tree["right"], kind, conjuncts(tree["condition"]))
        if kind in ("semi", "anti"):
            self.scope.relations.pop()

    def _add(self, tree: Tree, kind: JoinKind, on: list[Tree]) -> None:
        if tree.get("column_name_alias") or tree.get("sample") or tree.get("at_clause"):
            raise NoRuleError("column names after a table")
        node, name = self._node(tree)
        alias = (tree["alias"] or name).lower()
        if alias in self.figures or any(it.alias == alias for it in self.sources):
            raise NoRuleError("a name for two tables in FROM")
        columns = {it: frozenset({edge_of(ColumnRef(alias, it), IDENTITY)}) for it in node.columns}
        self.scope.relations.append(Relation(alias, None, columns))
        conditions: list[Tree] = []
        if kind == "inner" and isinstance(node, Query) and node.is_figure:
            # One row beside each of the others: its values are constants.
            self.figures[alias] = node
            conditions = self.where
        else:
            self.sources.append(Source(alias, node, kind, conditions))
        conditions += [self.resolve(it) for it in on]
        if any(map(self.functions.is_of_many_rows, conditions)):
            raise NoRuleError("an aggregate or a window in ON")

    def _node(self, tree: Tree) -> tuple[Node, str]:
        if tree["type"] == "SUBQUERY":
            query = tree["subquery"]["node"]
            node = read_query("subquery", query, self.around, self.functions, self.ctes)
            return node, f"?{len(self.sources) + len(self.figures)}"
        if tree["type"] != "BASE_TABLE":
            raise NoRuleError("a function or VALUES in FROM")
        name, layer = tree["table_name"].lower(), tree["schema_name"].lower()
        return (self.around.node(f"{layer}.{name}") if layer else self.ctes[name]), name

    # SELECT and the clauses

    def _read_list(self, select_list: Sequence[Tree]) -> None:
        for number, it in enumerate(select_list):
            if it["class"] == "STAR":
                self._star(it)
            else:
                name = it.get("alias") or _name_of(it) or f"?{number}"
                output = self.resolve(it | {"alias": ""})
                self.names.append(name.lower())
                self.outputs.append(output)
        if len(set(self.names)) < len(self.names):
            raise NoRuleError("two columns of one name")

    def _star(self, star: Tree) -> None:
        if any(star.get(name) for name in STAR_PARTS):
            raise NoRuleError("a star with EXCLUDE, REPLACE or RENAME")
        relation = star["relation_name"].lower()
        found = list(self.scope.star_of([relation]) if relation else self.scope.star())
        starred = {alias for alias, *_ in found}
        for source in self.sources:
            if source.alias in starred and isinstance(source.node, Stored):
                source.node.is_starred = True
        for alias, name, _ in found:
            self.names.append(name)
            self.outputs.append(self._known(column(name, str(alias))))

    def _after(self, condition: Tree) -> Tree:
        """HAVING or QUALIFY, in which a name could mean a column or what SELECT calls by it."""
        resolved = self.resolve(condition)
        for it in walk(condition):
            path = [name.lower() for name in it.get("column_names", ())]
            if len(path) == 1 and path[0] in self.names:
                output = self.outputs[self.names.index(path[0])]
                if self.resolve(it | {"alias": ""}) != output:
                    raise NoRuleError(f"{path[0]} in HAVING or QUALIFY, which may mean two things")
        return resolved

    def _group(self, after: Sequence[Tree]) -> tuple[Tree, ...] | None:
        tree = self.tree
        if len(tree["group_sets"]) > 1:
            raise NoRuleError("GROUPING SETS, ROLLUP or CUBE")
        if tree["aggregate_handling"] == "FORCE_AGGREGATES":
            return tuple(it for it in self.outputs if not self.functions.aggregate(it))
        if tree["group_expressions"]:
            return tuple(map(self._group_key, tree["group_expressions"]))
        aggregates = any(map(self.functions.aggregate, (*self.outputs, *after)))
        return () if aggregates or tree["having"] else None

    def _group_key(self, key: Tree) -> Tree:
        if key["class"] == "CONSTANT":
            number = key.get("literal", {}).get("text", "")
            if not number.isdigit() or int(number) > len(self.outputs):
                raise NoRuleError("GROUP BY a constant")
            return self.outputs[int(number) - 1]
        return self.resolve(key | {"alias": ""})

    def _partition(self, window: Tree, group: Sequence[Tree] | None) -> Iterator[Tree]:
        for it in window["partitions"]:
            if self.functions.is_of_many_rows(it) or not (
                group is None or is_function_of(it, group)
            ):
                raise NoRuleError("PARTITION BY what an aggregate or a window computes")
            yield it

    # names

    def resolve(self, tree: Tree) -> Tree:
        """A tree in which each column names its source.

        Raises:
            NoRuleError: a name means nothing here, or several things; no rule covers a part.
        """
        resolved: Tree = self._resolved(tree, frozenset())
        return resolved

    def _resolved(self, tree: Any, bound: frozenset[str]) -> Any:  # noqa: ANN401 - any part of a tree
        if isinstance(tree, list):
            return [self._resolved(part, bound) for part in tree]
        if not isinstance(tree, dict):
            return tree
        if tree.get("class") == "COLUMN_REF":
            path = [name.lower() for name in tree["column_names"]]
            return tree if path[0] in bound else self._column(path)
        if tree.get("class") == "LAMBDA":
            bound |= {
                it["column_names"][0].lower() for it in walk(tree["lhs"]) if "column_names" in it
            }
            return tree | {"expr": self._resolved(tree["expr"], bound)}
        problem = self.functions.problem(tree) if "class" in tree else None
        if problem:
            raise NoRuleError(problem)
        return {name: self._resolved(part, bound) for name, part in tree.items()}

    def _column(self, path: list[str]) -> Tree:
        try:
            found = list(self.scope.edges(path))
        except NoSuchColumnError:
            if path[0] not in self.names:
                raise NoRuleError(f"the name {'.'.join(path)}") from None
            output = self.outputs[self.names.index(path[0])]
            return field_of(output, column(path[0], fields=path[1:]))
        except UnknownNameError as error:
            raise NoRuleError(str(error)) from None
        if len(found) != 1:
            raise NoRuleError(f"the name {'.'.join(path)}, which may mean two things")
        origin = found[0].origin
        is_qualified = path[:2] == [origin.relation, origin.column]
        return self._known(column(origin.column, origin.relation, path[2 if is_qualified else 1 :]))

    def _known(self, found: Tree) -> Tree:
        """A column, or what stands for it; a stored table is told that it is read."""
        if query := self.figures.get(found["source"]):
            return field_of(figure(self.around.figure(query, found["name"])), found)
        node = next(it.node for it in self.sources if it.alias == found["source"])
        if isinstance(node, Stored):
            node.needed.add(found["name"])
        return found


KINDS: Mapping[str, JoinKind] = {
    "INNER": "inner",
    "LEFT": "left",
    "SEMI": "semi",
    "ANTI": "anti",
}
STAR_PARTS = ("exclude_list", "replace_list", "qualified_exclude_list", "rename_list", "columns")


def _name_of(tree: Tree) -> str | None:
    return str(tree["column_names"][-1]) if tree["class"] == "COLUMN_REF" else None
