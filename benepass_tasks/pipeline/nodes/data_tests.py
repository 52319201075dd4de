"""What the tables promise in the catalog, put to the test."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from sqlalchemy import Connection

from benepass_tasks.catalog import Table
from benepass_tasks.catalog.datasets import Relationships
from benepass_tasks.config.digests import digest
from benepass_tasks.engine.measure import Measure
from benepass_tasks.pipeline.nodes.digests import settings_of, shape
from benepass_tasks.pipeline.nodes.reconciliation import ReconciliationNode
from benepass_tasks.sqlmodels import Model
from benepass_tasks.state.nodes import tests_of
from benepass_tasks.state.plan import Evidence, Made, Node, OnProgress, Status, Work
from benepass_tasks.state.run import Run

RESULTS = "meta.check_results"
"""The table of what became of the tests."""


class _Tested(Node):
    """What is up to date while the tests pass, and what they found is still known."""

    never_made = "not checked yet"

    @property
    def after(self) -> Sequence[str]:
        """Tables are tested once they are proven."""
        return (ReconciliationNode.name,)

    def reason(self, evidence: Evidence, fingerprint: str | None) -> str | None:
        """Why it has to be tested again."""
        reason = super().reason(evidence, fingerprint)
        if reason is None and RESULTS not in evidence.known.relations:
            return "results missing"
        return reason


@dataclass(frozen=True)
class TableTestsNode(_Tested):
    """The tests of one table.

    Attributes:
        table: The table.
        checks: Its tests that are SQL.
        variables: What stands for each setting that SQL can read.
    """

    kind = "tests of a table"

    table: Table
    checks: Sequence[Model]
    variables: Mapping[str, str]

    @property
    def name(self) -> str:
        """That of all tests, and the table's."""
        return tests_of(self.table.relation)

    @property
    def inputs(self) -> Sequence[str]:
        """The table, and those that its tests compare it with."""
        read = {self.table.relation, *(name for check in self.checks for name in check.references)}
        read.update(test.to for _, test in self.table.promises if isinstance(test, Relationships))
        return sorted(read)

    @cached_property
    def code_version(self) -> str:
        """Digest of what the table promises, and of the queries that test it."""
        promises = (f"{column} {test}" for column, test in self.table.promises)
        settings = (it for check in self.checks for it in settings_of(check, self.variables))
        checks = (check.code_version for check in self.checks)
        return digest(*shape(self.table), repr(self.table.key), *promises, *checks, *settings)


@dataclass(frozen=True)
class DataTestsNode(_Tested):
    """The tests of all tables: only those are run that are not known to pass."""

    kind = "data tests"
    name = "contracts"
    already = "Data tests: nothing has changed since all passed"

    tables: Sequence[TableTestsNode]

    @property
    def parts(self) -> Sequence[Node]:
        """The tests of each table."""
        return self.tables

    @property
    def inputs(self) -> Sequence[str]:
        """All tables that the tests read."""
        return sorted({name for table in self.tables for name in table.inputs})

    @property
    def code_version(self) -> str:
        """Digest of all tests."""
        return digest(*(f"{it.name} {it.code_version}" for it in self.tables))

    def reason(self, evidence: Evidence, fingerprint: str | None) -> str | None:
        """Why something has to be tested again."""
        reason = super().reason(evidence, fingerprint)
        return reason or evidence.first_reason([table.name for table in self.tables])

    def make(self, run: Run, status: Status, on_progress: OnProgress) -> Work:  # noqa: ARG002
        """Run the tests that are not known to pass; what they found is kept, whatever it is."""
        from benepass_tasks.quality import data_tests  # noqa: PLC0415 - imports rich

        plan, known = run.plan(), run.known()
        due = [it for it in self.tables if not plan[it.name].is_current]
        # The tests of tables that promise nothing any more.
        gone = known.records_of("tests of a table") - {table.name for table in self.tables}

        def work(connection: Connection) -> Made:
            tested = data_tests.run_tests(
                connection, [it.table for it in due], run.definitions.graph, run.id
            )
            failed = [it.name for it in due if it.table.relation in tested.failed]
            passed = {it.name for it in due} - {*failed}
            measures = {
                name: Measure(None, str(plan[name].fingerprint))
                for name in (*passed, *(() if failed else (self.name,)))
            }
            void = [self.name, *gone, *failed]
            return Made(measures, known, void, tested.said, tested.failure)

        return work
