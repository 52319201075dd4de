"""How a model is kept up to date by the changes of its inputs, or why it is built in full."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field

from benepass_tasks.config.digests import digest
from benepass_tasks.engine.exchange import ROW
from benepass_tasks.engine.measure import SIGN
from benepass_tasks.engine.quoting import quote_name, quote_relation
from benepass_tasks.engine.tables import LITERAL
from benepass_tasks.sqlmodels.changes.affected import Affected
from benepass_tasks.sqlmodels.changes.expressions import Functions
from benepass_tasks.sqlmodels.changes.needed import Needed
from benepass_tasks.sqlmodels.changes.queries import Node, Query, Stored, nodes_below
from benepass_tasks.sqlmodels.changes.reading import read_query
from benepass_tasks.sqlmodels.changes.script import (
    Part,
    Script,
    Step,
    guards_first,
)
from benepass_tasks.sqlmodels.changes.sums import sums_of
from benepass_tasks.sqlmodels.changes.trees import (
    OWN,
    NoRuleError,
    Tree,
    Trees,
    column,
    identity,
    rebuilt,
    walk,
)
from benepass_tasks.sqlmodels.definitions import Macro, Model
from benepass_tasks.sqlmodels.graph import ModelGraph
from benepass_tasks.sqlmodels.lineage.names import UnknownNameError
from benepass_tasks.sqlmodels.syntax import Reader, functions, lexemes


@dataclass(frozen=True, slots=True)
class ByChanges:
    """The SQL that brings a table up to date.

    Attributes:
        key: The columns that tell which rows are affected.
        finding: The small tables after which the affected keys are known.
        affected: The last of them: the values of the key.
        computing: The small tables that both kinds of rows are told from.
        old: The SELECT of the rows that the table has of these keys, with their row ids first.
        new: That of those which belong there.
    """

    key: tuple[str, ...]
    finding: tuple[Step, ...]
    affected: str
    computing: tuple[Step, ...]
    old: str
    new: str


@dataclass(frozen=True, slots=True)
class InFull:
    """Why a table is built in full."""

    why: str


@dataclass(frozen=True, slots=True)
class Basis:
    """What a table was made from, besides rows.

    Attributes:
        moved: The settings and figures that are others than they were, with the literals of then.
        figures: All figures, with the literals of now. Of text there is a digest in their place.
    """

    moved: Mapping[str, str] = field(default_factory=dict)
    figures: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class LookUps:
    """How the upkeep of a model reads tables.

    Attributes:
        sought: By table, as SQL names it, the columns that rows are looked up by.
        starred: The tables of which it reads whatever columns there are; None where some rule would
            have to tell which of them these are.
    """

    sought: Mapping[str, Collection[str]]
    starred: Collection[str] | None


@dataclass(frozen=True, slots=True)
class Storage:
    """How tables are stored.

    Attributes:
        small: Those that are read whole.
        hashes: By relation, the columns by whose stored hashes rows are looked up, with the names
            of these.
        types: The types of the columns of the model itself.
    """

    small: Collection[str] = ()
    hashes: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    types: Mapping[str, str] = field(default_factory=dict)


@dataclass(slots=True)
class Maintenance:
    """Reads the models of a graph, each once.

    Attributes:
        graph: The models.
        views: Those of them that are views, which hold no rows themselves.
        columns: The columns of the stored tables, by relation.
        reader: Reads their SQL.
        trees: Reads and writes trees; what is written once is remembered for all models.
    """

    graph: ModelGraph
    views: Collection[str]
    columns: Mapping[str, Sequence[str]]
    reader: Reader
    trees: Trees = field(init=False)
    _trees: dict[str, Tree] = field(default_factory=dict)
    _readings: dict[str, "_ModelReading"] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Begin with nothing written."""
        self.trees = Trees(self.reader)

    def plan(
        self,
        model: Model,
        keys: Sequence[tuple[str, ...]],
        touched: Mapping[str, str],
        storage: Storage | None = None,
        basis: Basis | None = None,
    ) -> ByChanges | InFull:
        """How a table is brought up to date.

        Args:
            model: The table's SQL.
            keys: The keys to try first, such as the declared one.
            touched: By relation, the table of the rows that are in one of its states alone.
            storage: How it and the tables that it reads are stored.
            basis: What else it was made from.
        """
        reasons: dict[str, None] = {}
        storage, basis = storage or Storage(), basis or Basis()
        try:
            reading = self._reading(model)
            root = reading.root()
        except (NoRuleError, UnknownNameError) as error:
            return InFull(str(error))
        with suppress(NoRuleError):
            return reading.added_up(touched, storage, basis)
        for key in _candidates(root, keys):
            try:
                return reading.planned(key, touched, storage, basis)
            except NoRuleError as error:
                reasons[str(error)] = None
        return InFull("; ".join(reasons) or "it reads no table")

    def look_ups(self, model: Model, keys: Sequence[tuple[str, ...]]) -> LookUps:
        """What a model's upkeep looks rows of tables up by, and of which it reads whole rows.

        Args:
            model: The model.
            keys: The keys to try first.
        """
        reading = self._reading(model)
        try:
            root = reading.root()
        except (NoRuleError, UnknownNameError):
            return LookUps({}, None if self._has_star(model) else ())
        stored = [it for it in nodes_below(root) if isinstance(it, Stored)]
        starred = frozenset(it.relation for it in stored if it.is_starred)
        for key in _candidates(root, keys):
            with suppress(NoRuleError):
                return LookUps(reading.looked_up(key), starred)
        return LookUps({}, starred)

    def _has_star(self, model: Model) -> bool:
        """Whether there is a `*` in the SQL of a model or of a view that it reads."""
        views = (self.graph.models[it] for it in model.references if it in self.views)
        is_own = any(it["class"] == "STAR" for it in walk(self.tree(model)))
        return is_own or any(map(self._has_star, views))

    def figures(self, model: Model) -> dict[str, str]:
        """The figures in a table's SQL, told from all rows of another, with their SELECTs."""
        reading = self._reading(model)
        try:
            reading.root()
        except (NoRuleError, UnknownNameError):
            return {}
        return reading.figures

    def needed(self, model: Model) -> dict[str, Collection[str]]:
        """The columns that a table's SQL reads of each table; empty where no rule covers it."""
        try:
            below = nodes_below(self._reading(model).root())
        except (NoRuleError, UnknownNameError):
            return {}
        return {it.relation: it.needed for it in below if isinstance(it, Stored)}

    def _reading(self, model: Model) -> "_ModelReading":
        if model.relation not in self._readings:
            self._readings[model.relation] = _ModelReading(self, model)
        return self._readings[model.relation]

    def tree(self, model: Model) -> Tree:
        """The tree of a model's SQL."""
        if model.relation not in self._trees:
            self._trees[model.relation] = self.trees.read(model.sql)
        return self._trees[model.relation]


def _candidates(root: Query, keys: Sequence[tuple[str, ...]]) -> Iterator[tuple[str, ...]]:
    """The keys that are tried: those that are declared, what it groups by, each column."""
    grouped = [
        tuple(
            name
            for name, output in zip(select.names, select.outputs, strict=True)
            if output in (select.group or ())
        )
        for select in root.selects[:1]
    ]
    tried = [*keys, *grouped, *((name,) for name in root.columns)]
    yield from dict.fromkeys(it for it in tried if it and set(it) <= set(root.columns))


@dataclass(slots=True)
class _ModelReading:
    """One model, its views with it."""

    of: Maintenance
    model: Model
    figures: dict[str, str] = field(default_factory=dict)
    _nodes: dict[str, Node] = field(default_factory=dict)
    _root: Query | None = None
    _as_they_are: set[int] = field(default_factory=set)

    def root(self) -> Query:
        if self._root is None:
            tree = self.of.tree(self.model)
            self._root = read_query(self.model.relation, tree, self, self._functions(self.model))
        return self._root

    def node(self, relation: str) -> Node:
        """The node of a table or view; each table is one node, whoever reads it."""
        if relation not in self._nodes:
            self._nodes[relation] = self._read(relation)
        return self._nodes[relation]

    def figure(self, query: Query, column: str) -> str:
        """The name of a value of a figure, which is read from all rows whatever changed."""
        self._as_they_are.add(id(query.tree))
        told = f"select {quote_name(column)} from ({self.of.trees.write_query(query.tree)})"
        name = f"figure {digest(told)}"
        self.figures[name] = told
        return name

    def added_up(self, touched: Mapping[str, str], storage: Storage, basis: Basis) -> ByChanges:
        """What it holds with what came and without what went, where it adds up rows.

        Raises:
            NoRuleError: it tells something else of them, or settings are others than they were.
        """
        sums = sums_of(self.root(), storage.types)
        if basis.moved or touched.keys() != {sums.table.relation}:
            raise NoRuleError("other rows count than before")
        script, rows = Script(self.of.trees), touched[sums.table.relation]
        gone = script.make(self._of_rows(script, sums.table, rows, "<"))
        come = script.make(self._of_rows(script, sums.table, rows, ">"))
        names = ", ".join(f"{quote_name(it)} as k{at}" for at, it in enumerate(sums.group))
        keys = script.make(f"select {names} from {gone} union select {names} from {come}")
        among = script.among([column(it) for it in sums.group], keys)
        stored = f"{quote_relation(self.model.relation)} as t{among}"
        held = f"(select t.* from {stored})"
        old = f"select t.rowid as {ROW}, t.* from {stored}"
        return ByChanges(sums.group, script.steps(), keys, (), old, sums.joined(held, gone, come))

    def _of_rows(self, script: Script, table: Stored, touched: str, sign: str) -> str:
        """The model's SQL over the rows of a table that went, or over those that came."""
        columns = ", ".join(quote_name(it) for it in table.columns if it in table.needed) or "1"
        # A row that came twice is there once, and its sign says how often.
        rows = script.make(
            f"select {columns} from (select *, unnest(range(cast(abs({SIGN}) as bigint))) "
            f"from {quote_relation(touched)} where {SIGN} {sign} 0)"
        )
        return self.of.trees.write_query(
            self._over(self.of.tree(self.model), {table.relation: rows})
        )

    def planned(
        self,
        key: tuple[str, ...],
        touched: Mapping[str, str],
        storage: Storage,
        basis: Basis,
    ) -> ByChanges:
        trees, (moved, figures) = self.of.trees, (basis.moved, basis.figures)
        hashes = {quote_relation(relation): it for relation, it in storage.hashes.items()}
        known = {name: it for name, it in figures.items() if it.startswith(LITERAL)}
        script = Script(trees, {name: trees.read_value(it) for name, it in known.items()}, hashes)
        names = [column(name) for name in key]
        self._require_no_macro(moved)
        if not moved.keys() & figures <= known.keys():
            raise NoRuleError("a figure of text is another")
        then = {name: trees.read_value(it) for name, it in moved.items()}
        keys, ids, slices = self._sought(script, key, touched, storage.small, then)
        stored = quote_relation(self.model.relation)
        old = f"select rowid as {ROW}, * from {stored} where rowid in (select id from {ids})"
        if hashes.get(stored):
            # By their hashes, rows with other keys may have been found.
            old = f"select t.* from ({old}) as t{script.among(names, keys)}"
        steps = script.steps()
        found = next(at for at, it in enumerate(steps, 1) if it.name == keys)
        finding, computing = guards_first(steps[:found]), steps[found:]
        query = trees.write_query(self._over(self.of.tree(self.model), slices))
        new = f"select t.* from ({query}) as t{script.among(names, keys)}"
        return ByChanges(key, finding, keys, computing, old, new)

    def looked_up(self, key: tuple[str, ...]) -> Mapping[str, Collection[str]]:
        """By table, as SQL names it, the columns that its rows are looked up by after a change."""
        script, root = Script(_Unwritten(self.of.reader)), self.root()
        stored = [it.relation for it in nodes_below(root) if isinstance(it, Stored)]
        self._sought(script, key, dict.fromkeys(stored, "touched"), (), {})
        return script.sought

    def _sought(
        self,
        script: Script,
        key: tuple[str, ...],
        touched: Mapping[str, str],
        small: Collection[str],
        then: Mapping[str, Tree],
    ) -> tuple[str, str, dict[str, str]]:
        """Write what is looked for: the affected keys, the rows that have them, what they need."""
        root, names = self.root(), [column(name) for name in key]
        affected = Affected(script, touched, (root, self.model.relation), then)
        keys = script.keys(affected.keys(root, names) or [_no_keys(key)])
        ids = script.rows(self.model.relation, [(names, keys)])
        return keys, ids, Needed(affected, small).slices(root, names, keys)

    def _require_no_macro(self, settings: Collection[str]) -> None:
        """Refuse settings that a macro reads, which no rule looks into.

        Raises:
            NoRuleError: one does.
        """
        views = [self.of.graph.models[it] for it in self._nodes.keys() & set(self.of.views)]
        macros = (it for model in (self.model, *views) for it in self.of.graph.macros_of(model))
        read = set(settings).intersection(name for it in macros for name in it.variables)
        if read:
            raise NoRuleError(f"{', '.join(sorted(read))} in a macro is another")

    def _read(self, relation: str) -> Node:
        if relation not in self.of.views:
            return Stored(relation, tuple(it.lower() for it in self.of.columns[relation]))
        view = self.of.graph.models[relation]
        return read_query(relation, self.of.tree(view), self, self._functions(view))

    def _functions(self, model: Model) -> Functions:
        aggregates = frozenset(name for name, is_one in functions().items() if is_one)
        macros = self.of.graph.macros_of(model)
        return Functions(
            aggregates, frozenset(it.name for it in macros if _aggregates(it, aggregates))
        )

    def _over(self, tree: Tree, slices: Mapping[str, str]) -> Tree:
        """A query over small tables in the place of stored ones; views are written out.

        Args:
            tree: The query, of which figures are left as they are.
            slices: The small tables, by the relations for which they stand.
        """

        def in_place(part: Tree) -> Tree | None:
            if id(part) in self._as_they_are:
                return part
            is_table = part.get("type") == "BASE_TABLE" and part["schema_name"]
            return self._in_place(part, slices) if is_table else None

        found: Tree = rebuilt(tree, in_place)
        return found

    def _in_place(self, table: Tree, slices: Mapping[str, str]) -> Tree:
        relation = f"{table['schema_name']}.{table['table_name']}".lower()
        alias = table["alias"] or table["table_name"]
        if relation in self.of.views:
            view = self.of.tree(self.of.graph.models[relation])
            return _subquery(alias, self._over(view, slices))
        if relation not in slices:
            return table
        return table | {
            "alias": alias,
            "catalog_name": "temp",
            "schema_name": "main",
            "table_name": slices[relation],
        }


class _Unwritten(Trees):
    """Tells expressions apart, and writes no SQL, for which DuckDB would have to be asked."""

    def write(self, expression: Tree, table: str = OWN) -> str:
        return identity(expression, column(table))


def _no_keys(key: Sequence[str]) -> Part:
    nulls = ", ".join(f"null as k{number}" for number in range(len(key)))
    return Part("*", f"(select {nulls} limit 0)")


def _subquery(alias: str, query: Tree) -> Tree:
    return {
        "type": "SUBQUERY",
        "alias": alias,
        "sample": None,
        "subquery": {"node": query, "named_param_map": []},
        "column_name_alias": [],
    }


def _aggregates(macro: Macro, aggregates: frozenset[str]) -> bool:
    """Whether a macro may make one value of many rows; a wrong yes only costs a full build."""
    words = {it[0].lower() for it in lexemes(macro.sql)}
    return not words.isdisjoint({*aggregates, "over", "unnest"})
