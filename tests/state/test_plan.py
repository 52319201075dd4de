"""The plan: nodes made of dictionaries, and each reason for which each kind has to be made."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from benepass_tasks.catalog import Catalog, Source, Table
from benepass_tasks.catalog.datasets import Column, NotNull, Pii
from benepass_tasks.pipeline.nodes.data_tests import DataTestsNode, TableTestsNode
from benepass_tasks.pipeline.nodes.model import ModelNode
from benepass_tasks.pipeline.nodes.publication import PublicationNode
from benepass_tasks.pipeline.nodes.raw_table import RawTableNode
from benepass_tasks.pipeline.nodes.reconciliation import ReconciliationNode
from benepass_tasks.pipeline.nodes.rejected_rows import RejectedRowsNode
from benepass_tasks.pipeline.nodes.site import SiteNode
from benepass_tasks.pipeline.nodes.source_file import SourceFileNode
from benepass_tasks.pipeline.upkeep import Upkeep
from benepass_tasks.sqlmodels import Model, ModelGraph
from benepass_tasks.state.markers import EMPTY, Load, Materialization, Snapshot
from benepass_tasks.state.plan import Asker, Node, Plan, Status, assess, in_order
from benepass_tasks.state.publication import Publication
from benepass_tasks.state.source_files import SourceFile

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

NOON = datetime(2026, 1, 5, 12, tzinfo=UTC)


# ------------------------------------------------------------------------------------ any node


@dataclass(frozen=True)
class Made(Node):
    """A node that is nothing but a name, a version and what it is made of."""

    kind = "relation"

    called: str
    of: tuple[str, ...] = ()
    version: str = "1"
    later_than: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        return self.called

    @property
    def code_version(self) -> str:
        return self.version

    @property
    def inputs(self) -> tuple[str, ...]:
        return self.of

    @property
    def after(self) -> tuple[str, ...]:
        return self.later_than


def record(
    node: Node, status: Status, data_hash: str = "", run_id: str = "before"
) -> Materialization:
    """What is recorded of a node that was made as its status says."""
    name, fingerprint = node.name, str(status.fingerprint)
    return Materialization(
        name,
        status.code_version,
        fingerprint,
        data_hash or name,
        row_count=1,
        seconds=0.1,
        run_id=run_id,
        built_at=NOON,
        kind=node.kind,
    )


def assessed(
    nodes: Iterable[Node], known: Snapshot, seen: Mapping[str, str], run_id: str
) -> dict[str, Status]:
    """The plan over nodes in any order."""
    return assess(in_order(nodes), known, seen, Asker(run_id))


def made(
    nodes: list[Node], known: Snapshot = EMPTY, seen: dict[str, str] | None = None
) -> Snapshot:
    """What a warehouse holds once every node was made, one after another."""
    for node in in_order(nodes):
        status = assessed(nodes, known, seen or {}, "before")[node.name]
        if not status.is_current and status.fingerprint is not None:
            known = known.with_records({node.name: record(node, status)})
    return known


def reasons(plan: Plan) -> dict[str, str | None]:
    return {name: status.reason for name, status in plan.items()}


CHAIN: list[Node] = [Made("c", ("b",)), Made("a"), Made("b", ("a",))]


def test_each_node_is_judged_after_those_that_it_is_made_of() -> None:
    assert list(assessed(CHAIN, EMPTY, {}, "run")) == ["a", "b", "c"]


def test_what_was_never_made_has_to_be_and_what_follows_waits() -> None:
    plan = assessed(CHAIN, EMPTY, {}, "run")
    assert reasons(plan) == {"a": "first run", "b": "input to be built", "c": "input to be built"}
    assert plan["a"].fingerprint
    assert plan["b"].fingerprint is None


def test_what_was_made_of_the_same_is_up_to_date() -> None:
    assert set(reasons(assessed(CHAIN, made(CHAIN), {}, "run")).values()) == {None}


def test_another_version_of_the_code_makes_a_node_anew_and_lets_the_next_wait() -> None:
    nodes: list[Node] = [Made("a", version="2"), *CHAIN[2:], CHAIN[0]]
    found = reasons(assessed(nodes, made(CHAIN), {}, "run"))
    assert found == {"a": "input changed", "b": "input to be built", "c": "input to be built"}


@pytest.mark.parametrize(("data_hash", "expected"), [("a", None), ("other", "input changed")])
def test_it_is_the_data_that_counts(data_hash: str, expected: str | None) -> None:
    nodes: list[Node] = [Made("a", version="2"), Made("b", ("a",))]
    known = made([Made("a"), Made("b", ("a",))])
    again = record(nodes[0], assessed(nodes, known, {}, "run")["a"], data_hash, "run")
    assert reasons(assessed(nodes, known.with_records({"a": again}), {}, "run"))["b"] == expected


def test_what_comes_after_a_node_waits_for_it_but_not_for_its_data() -> None:
    nodes: list[Node] = [Made("a"), Made("b", later_than=("a",))]
    assert reasons(assessed(nodes, EMPTY, {}, "run"))["b"] == "input to be built"
    known = made(nodes)
    other = replace(known.materializations["a"], data_hash="other")
    assert reasons(assessed(nodes, known.with_records({"a": other}), {}, "run"))["b"] is None


def test_a_node_that_there_is_not_cannot_be_depended_on() -> None:
    with pytest.raises(KeyError):
        assessed([Made("a", ("nowhere",))], EMPTY, {}, "run")


# ------------------------------------------------------------------------------------ each kind


def table(relation: str, materialized: Any = "table", **others: Any) -> Table:  # noqa: ANN401
    layer, _, name = relation.partition(".")
    columns = {"k": Column("k", "", "VARCHAR", "people", Pii("none"))}
    fields: dict[str, Any] = {
        "layer": layer, "name": name, "description": "", "grain": None,
        "materialized": materialized, "domain": None, "source": None, "columns": columns,
    }  # fmt: skip
    return Table(**fields | others)


def load(**others: Any) -> Load:  # noqa: ANN401
    fields: dict[str, Any] = {
        "source": "s", "file": "a.csv", "code_version": FILE.code_version, "sha256": "bytes",
        "file_state": "state", "load_id": "1", "lines": 2, "records": 1, "parsed": 1,
        "rejected": 0, "seconds": 0.1, "run_id": "before", "loaded_at": NOON,
    }  # fmt: skip
    return Load(**fields | others)


def model(relation: str, *references: str) -> Model:
    return Model(relation, Path("x.sql"), "select 1", "1", references, frozenset(), frozenset())


RAW = table("raw.s", source="s")
SOURCE = Source("s", "", "data/a.csv", None, RAW.columns)
FILE = SourceFileNode(
    SOURCE, RAW, SourceFile("s", "a.csv", Path("a.csv")), _digests={"touched": "bytes", "new": "!"}
)
REJECTED = RejectedRowsNode([FILE])
MART = table("marts.m", published=True, tests=(NotNull(),))
CATALOG = Catalog(Path("catalog.yaml"), {"s": SOURCE}, {it.relation: it for it in (RAW, MART)}, {})
UPKEEP = Upkeep(CATALOG, ModelGraph({}, {}, {}))
MODEL = ModelNode(model("marts.m", "raw.s"), MART, UPKEEP)
BOOKS = ReconciliationNode(CATALOG, "select 1")
TESTS = DataTestsNode([TableTestsNode(MART, [], {})])
PUBLIC = PublicationNode(
    [Publication(CATALOG, 1, is_masked=True, folder=Path("published"))], Path()
)
NODES: list[Node] = [FILE, RawTableNode(RAW, [FILE]), REJECTED, MODEL, BOOKS, TESTS, PUBLIC]
FILES = {file.name: f"state of {file.name}" for file in PUBLIC.files}
SEEN = {FILE.name: "state", **FILES, "site": "pages"}


@dataclass(frozen=True)
class Pages(SiteNode):
    """The site, with a code version that needs no file."""

    code_version = "1"


NODES.append(Pages(None, Path("site"), may_publish=True, pages=()))  # type: ignore[arg-type]


@pytest.fixture
def known() -> Snapshot:
    """A warehouse in which everything is up to date."""
    relations = dict.fromkeys(
        ("raw.s", "raw.rejected_rows", "marts.m", "meta.check_results"), "table"
    )
    found = made(NODES, Snapshot({}, {("s", "a.csv"): load()}, relations, True), SEEN)  # noqa: FBT003
    files = {
        name: replace(found.materializations[name], data_hash=state)
        for name, state in FILES.items()
    }
    site = replace(found.materializations["site"], data_hash="pages")
    return found.with_records({**files, "site": site})


def reason(name: str, known: Snapshot, seen: dict[str, str] = SEEN, *others: Node) -> str | None:
    """Why a node has to be made, where some nodes are others than they were."""
    nodes = {node.name: node for node in (*NODES, *others)}
    return assessed(nodes.values(), known, seen, "run")[name].reason


def without(known: Snapshot, name: str) -> Snapshot:
    kept = {it: record for it, record in known.materializations.items() if it != name}
    return replace(known, materializations=kept)


def otherwise(known: Snapshot, name: str, **fields: Any) -> Snapshot:  # noqa: ANN401
    return known.with_records({name: replace(known.materializations[name], **fields)})


def test_there_are_no_reasons_where_nothing_has_changed(known: Snapshot) -> None:
    found = reasons(assessed(NODES, known, SEEN, "run"))
    assert {name for name, it in found.items() if it is not None} == set()
    assert len(found) == len(NODES) + len(FILES) + 1


def test_why_a_file_is_loaded(known: Snapshot) -> None:
    def why(state: str = "state", node: Node = FILE, **of: Any) -> str | None:  # noqa: ANN401
        there = replace(known, loads={("s", "a.csv"): load(**of)})
        return reason(FILE.name, there, SEEN | {FILE.name: state}, node)

    assert why() is None
    assert why("") == "file missing"
    assert reason(FILE.name, replace(known, loads={})) == "first load"
    for lost in ("raw.s", "raw.rejected_rows"):
        kept = {name: kind for name, kind in known.relations.items() if name != lost}
        assert reason(FILE.name, replace(known, relations=kept)) == "table missing"
    assert why(code_version="other") == "catalog changed"
    assert why("touched") is None
    assert why("new") == "file changed"
    forced = replace(FILE, is_forced=True)
    assert why(node=forced) == "forced"
    assert why(node=forced, run_id="run") is None


def test_why_a_raw_table_is_measured(known: Snapshot) -> None:
    assert reason("raw.s", known, SEEN | {FILE.name: "new"}) == "file changed"
    gone = {**known.loads, ("s", "gone.csv"): load(file="gone.csv")}
    assert reason("raw.s", replace(known, loads=gone)) == "file removed"
    assert reason("raw.s", without(known, "raw.s")) == "first run"
    assert reason("raw.s", otherwise(known, "raw.s", code_version="other")) == "catalog changed"
    again = replace(known, loads={("s", "a.csv"): load(load_id="2")})
    assert reason("raw.s", again) == "file loaded"


def test_the_rejected_rows_wait_for_the_files_alone(known: Snapshot) -> None:
    assert reason(REJECTED.name, known, SEEN | {FILE.name: "new"}) == "input to be built"
    again = replace(known, loads={("s", "a.csv"): load(load_id="2")})
    plans = [assessed(NODES, it, SEEN, "run")[REJECTED.name] for it in (known, again)]
    assert plans[0].is_current
    assert plans[1].is_current
    assert plans[0].data_hash != plans[1].data_hash


def test_why_a_model_is_built(known: Snapshot) -> None:
    assert reason("marts.m", without(known, "marts.m")) == "first run"
    view = replace(known, relations={**known.relations, "marts.m": "view"})
    assert reason("marts.m", view) == "table missing"
    assert reason("marts.m", otherwise(known, "marts.m", code_version="other")) == ("SQL changed")
    setting = replace(MODEL, settings=("as_of_date=other",))
    assert reason("marts.m", known, SEEN, setting) == "input or setting changed"
    forced = replace(MODEL, is_forced=True)
    assert reason("marts.m", known, SEEN, forced) == "forced"
    assert reason("marts.m", otherwise(known, "marts.m", run_id="run"), SEEN, forced) is None
    assert reason("marts.m", known, SEEN | {FILE.name: "new"}) == "input to be built"
    assert reason("marts.m", otherwise(known, "raw.s", data_hash="other")) == "input changed"


def test_why_the_books_are_balanced(known: Snapshot) -> None:
    assert reason("books", known, SEEN | {FILE.name: "new"}) == "input to be built"
    assert reason("books", without(known, "books")) == "not proven yet"
    assert reason("books", known, SEEN, replace(BOOKS, proof="other")) == "input changed"
    assert reason("books", otherwise(known, "marts.m", data_hash="other")) == "input changed"
    past = {"marts.past": replace(known.materializations["marts.m"], name="marts.past")}
    assert reason("books", known.with_records(past)) == "tables that the catalog no longer has"


def test_why_tables_are_tested(known: Snapshot) -> None:
    one = "contracts/marts.m"
    for node in ("contracts", one):
        assert reason(node, without(known, "books")) == "input to be built"
        assert reason(node, without(known, node)) == "not checked yet"
        kept = {name: kind for name, kind in known.relations.items() if "meta" not in name}
        assert reason(node, replace(known, relations=kept)) == "results missing"
        other = DataTestsNode([TableTestsNode(replace(MART, key=("k",)), [], {})])
        assert reason(node, known, SEEN, other) == "input changed"
    assert reason("contracts", without(known, one)) == "not checked yet"


def test_why_a_file_is_published(known: Snapshot) -> None:
    for name in FILES:
        assert reason(name, without(known, "contracts")) == "input to be built"
        assert reason(name, without(known, name)) == "not published"
        gone = {it: state for it, state in SEEN.items() if it != name}
        assert reason(name, known, gone) == "not published"
        assert reason(name, otherwise(known, name, fingerprint="other")) == "input changed"
        assert reason(name, known, SEEN | {name: "other"}) == "changed by hand"
        assert reason("published", known, SEEN | {name: "other"}) == "changed by hand"


def test_why_something_is_published(known: Snapshot) -> None:
    assert reason("published", without(known, "contracts")) == "input to be built"
    assert reason("published", without(known, "published")) == "not published yet"
    assert reason("published", otherwise(known, "published", fingerprint="x")) == "input changed"
    past = SEEN | {"published": "parquet/marts.past.parquet"}
    assert reason("published", known, past) == "files that are published no longer"
    assert reason("published", otherwise(known, "published", run_id="run"), past) is None
    unmasked = replace(PUBLIC, publications=())
    assert reason("published", known, SEEN, unmasked) == "personal data is not masked"


def test_why_the_pages_are_made(known: Snapshot) -> None:
    assert reason("site", without(known, "published")) == "input to be built"
    assert reason("site", without(known, "site")) == "not built yet"
    assert reason("site", otherwise(known, "contracts", run_id="later")) == "input changed"
    assert reason("site", known, SEEN | {"site": "other"}) == "changed by hand"
    assert reason("site", known, SEEN | {"site": ""}) == "pages missing"
    ours = otherwise(known, "site", run_id="run")
    assert reason("site", ours, SEEN | {"site": "other"}) is None
    unmasked = Pages(None, Path("site"), may_publish=False, pages=())  # type: ignore[arg-type]
    assert reason("site", known, SEEN, unmasked) == "personal data is not masked"
