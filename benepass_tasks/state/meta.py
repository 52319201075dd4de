"""The tables of schema `meta`, as SQLAlchemy Core declares them for any database."""

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import (
    ARRAY,
    JSON,
    BigInteger,
    Boolean,
    Column,
    Date,
    DateTime,
    Dialect,
    Double,
    Integer,
    MetaData,
    String,
    Table,
)
from sqlalchemy.types import TypeDecorator, TypeEngine

METADATA = MetaData(schema="meta")


class Instant(TypeDecorator[datetime]):
    """An instant in UTC, also where a database keeps no zones."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002
        """Say which zone it is in, where the database does not."""
        return value.replace(tzinfo=UTC) if value and value.tzinfo is None else value


def list_of(kind: type[TypeEngine[Any]]) -> TypeEngine[Any]:
    """A list, which is JSON where a database has no lists."""
    return JSON().with_variant(ARRAY(kind), "duckdb", "postgresql")


MARKERS = Table(
    "markers",
    METADATA,
    Column("name", String, primary_key=True),
    Column("recipe", String, key="code_version", nullable=False),
    Column("fingerprint", String, nullable=False),
    Column("content", String, key="data_hash", nullable=False),
    Column("row_count", BigInteger),
    Column("seconds", Double, nullable=False),
    Column("run_id", String, nullable=False),
    Column("built_at", Instant, nullable=False),
    Column("kind", String),
    Column("hash_sum", String),
)
"""`hash_sum` is the sum of the hashes of a table's rows, which `content` is made of."""

LOADS = Table(
    "loads",
    METADATA,
    Column("source", String, primary_key=True),
    Column("file", String, primary_key=True),
    Column("recipe", String, key="code_version", nullable=False),
    Column("sha256", String, nullable=False),
    Column("file_state", String, nullable=False),
    Column("load_id", String, nullable=False),
    Column("lines", BigInteger, nullable=False),
    Column("records", BigInteger, nullable=False),
    Column("parsed", BigInteger, nullable=False),
    Column("rejected", BigInteger, nullable=False),
    Column("seconds", Double, nullable=False),
    Column("run_id", String, nullable=False),
    Column("loaded_at", Instant, nullable=False),
    Column("passed_over", BigInteger, server_default="0"),
    Column("erased", BigInteger, server_default="0"),
    Column("expired", BigInteger, server_default="0"),
)
"""`records` of the file are in raw (`parsed`), rejected, or not kept: `erased` or `expired`."""

RETENTIONS = Table(
    "retentions",
    METADATA,
    Column("source", String, primary_key=True),
    Column("declared", String, nullable=False),
    Column("enforced_on", Date, nullable=False),
    Column("oldest", Date),
    Column("undated", BigInteger, nullable=False),
    Column("has_remains", Boolean, nullable=False),
)
"""The retention of a source as it was last enforced: by which day, and the oldest record left.

`undated` records say nothing of their day. It `has_remains` as long as the file of the warehouse
was not written anew since something went.
"""

ERASED_RECORDS = Table(
    "erased_records",
    METADATA,
    Column("source", String, primary_key=True),
    Column("file", String, primary_key=True),
    Column("record_number", BigInteger, primary_key=True, autoincrement=False),
    Column("is_whole", Boolean, nullable=False),
)
"""Where raw has a record without what its file, as it was loaded, says of somebody erased.

Of a record that is not theirs as a whole, only ids are others: somebody else used their account.
"""

EXPIRED_IDS = Table(
    "expired_ids",
    METADATA,
    Column("source", String, primary_key=True),
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("digests", String, nullable=False),
)
"""The ids of charges that were anonymised together, or went with them: a keyed digest a line."""

LOADED_COLUMNS = Table(
    "loaded_columns",
    METADATA,
    Column("source", String, primary_key=True),
    Column("file", String, primary_key=True),
    Column("column_name", String, primary_key=True),
)
"""The columns that each file has which raw holds; raw has NULL in the others."""

ACCEPTED_SCHEMAS = Table(
    "accepted_schemas",
    METADATA,
    Column("source", String, nullable=False),
    Column("file", String, nullable=False),
    Column("load_id", String),
    Column("schema", String),
    Column("accepted_at", Instant, nullable=False),
    Column("run_id", String, nullable=False),
)
"""Every shape of a file that counted: of a load (`load_id`), or accepted by hand (`schema` alone).

Where dlt loaded several files at once, `schema` is given for each of them: dlt keeps one for all.
The last one of a file, or else of its source, is what the file is compared with.
"""

SCHEMA_CHANGES = Table(
    "schema_changes",
    METADATA,
    Column("load_id", String, nullable=False),
    Column("run_id", String, nullable=False),
    Column("changed_at", Instant, nullable=False),
    Column("source", String, nullable=False),
    Column("file", String, nullable=False),
    Column("relation", String, nullable=False),
    Column("entry", Integer, nullable=False),
    Column("column_name", String, nullable=False),
    Column("change", String, nullable=False),
    Column("before", String),
    Column("after", String),
    Column("is_guess", Boolean, nullable=False),
    Column("misfits", BigInteger),
    Column("misfit_rows", list_of(BigInteger), nullable=False),
    Column("severity", String, nullable=False),
    Column("header", String),
)
"""What each load changed about the columns of its source: one row per (load, entry).

`before` and `after` are types, places or names, `header` is what the file's header calls the
column, or called it where it was removed; `misfits` counts the values that do not fit the
type before, and `misfit_rows` has the first five of their row numbers. No value is in it.
"""

CHECK_RESULTS = Table(
    "check_results",
    METADATA,
    Column("run_id", String, nullable=False),
    Column("relation", String, nullable=False),
    Column("column_name", String),
    Column("test", String, nullable=False),
    Column("arguments", String, nullable=False),
    Column("severity", String, nullable=False),
    Column("status", String, nullable=False),
    Column("failing_rows", BigInteger, nullable=False),
    Column("checked_rows", BigInteger, nullable=False),
    Column("sample_keys", list_of(String), nullable=False),
    Column("seconds", Double, nullable=False),
    Column("checked_at", Instant, nullable=False),
)
"""What became of the tests of the catalog, one row per (run, test)."""

RUNS = Table(
    "runs",
    METADATA,
    Column("run_id", String, primary_key=True),
    Column("started_at", Instant, nullable=False),
    Column("ended_at", Instant),
    Column("status", String, nullable=False),
    Column("as_of", Date, nullable=False),
    Column("versions", String, nullable=False),
    Column("settings", String, nullable=False),
    Column("git_commit", String),
    Column("error", String),
)
"""One row a run: `running`, then `succeeded` or `failed`; `interrupted` where it was killed."""

MATERIALIZATIONS = Table(
    "materializations",
    METADATA,
    Column("run_id", String, nullable=False),
    Column("node", String, nullable=False),
    Column("outcome", String, nullable=False),
    Column("reason", String),
    Column("row_count", BigInteger),
    Column("bytes", BigInteger),
    Column("seconds", Double),
    Column("fingerprint", String),
    Column("content", String),
    Column("error", String),
    Column("recorded_at", Instant, nullable=False),
    Column("kind", String),
    Column("how", String),
    Column("touched_rows", BigInteger),
    Column("why_full", String),
    Column("changed_rows", BigInteger),
    Column("engine", String),
)
"""What became of each node of the plan in a run: `built` and why, `skipped` or `failed`.

`kind` says what the node is, such as a `source file` (`employees/employees.csv`) or a `relation`.
A table is built in `full` or by `changes`, is `unchanged` since nothing that changed counts, or had
`months` built anew; of one that was there before, `why_full` says why not by changes.
`touched_rows` went or came, since `changed_rows` of what it reads had changed.
`engine` computed the rows, `duckdb` or `spark`.
"""

COLUMN_PROFILES = Table(
    "column_profiles",
    METADATA,
    Column("run_id", String, nullable=False),
    Column("relation", String, nullable=False),
    Column("column_name", String, nullable=False),
    Column("row_count", BigInteger, nullable=False),
    Column("null_count", BigInteger, nullable=False),
    Column("null_rate", Double),
    Column("distinct_estimate", BigInteger),
    Column("minimum", String),
    Column("maximum", String),
    Column("mean", Double),
    Column("touched_rows", BigInteger, server_default="0"),
)
"""What the columns of a table hold that was built in a run; no extremes of personal ones."""

QUALITY_FIGURES = Table(
    "quality_figures",
    METADATA,
    Column("run_id", String, nullable=False),
    Column("dataset", String, nullable=False),
    Column("figure", String, nullable=False),
    Column("name", String),
    Column("value", Double, nullable=False),
)
"""What a run that balanced the books found, one row per (run, dataset, figure, name).

Figures of a source (`transactions`): `records`, `clean`, `flagged`, `quarantined`, `rejected`,
`uncounted`, `clean_rate`, `accepted_rate`, `accepted_money_rate`, `flagged_rate`, `split_charges`,
`split_amount`; with the file as name `restarted_ids`, `lost_rate` and `doubtful_rate`; with the
reason or flag as name `quarantined_by_reason`, `flagged_by_flag`.
Of the files alone that came last: `new_records`, `new_quarantined_by_reason`,
`new_flagged_by_flag`. Of a raw table: `completeness`. Of `marts.fact_transactions`: `spend_by_day`,
with the day as name.
"""

MONITOR_RESULTS = Table(
    "monitor_results",
    METADATA,
    Column("run_id", String, nullable=False),
    Column("monitor", String, nullable=False),
    Column("dataset", String, nullable=False),
    Column("name", String),
    Column("status", String, nullable=False),
    Column("value", Double),
    Column("lower", Double),
    Column("upper", Double),
    Column("compared_with", String, nullable=False),
    Column("message", String, nullable=False),
    Column("checked_at", Instant, nullable=False),
    Column("basis", String),
)
"""What the monitors said in a run: `freshness`, `volume` and the anomalies, `ok`, `warn` or `fail`.

`value` is what was found and `lower` to `upper` what is expected; `compared_with` says by what.
`basis` is a digest of what an anomaly follows from: the verdict stands while that is the same.
"""

WATERMARKS = Table(
    "watermarks",
    METADATA,
    Column("relation", String, primary_key=True),
    Column("column_name", String, primary_key=True),
    Column("content", String, nullable=False),
    Column("newest", DateTime),
    Column("following", DateTime),
)
"""The newest instant (UTC) of a column whose freshness is watched, for the content of its table.

`newest` is the last one that was not in the future, and `following` the first one that was.
"""

INCIDENTS = Table(
    "incidents",
    METADATA,
    Column("id", String, primary_key=True),
    Column("key", String, nullable=False),
    Column("title", String, nullable=False),
    Column("detail", String, nullable=False),
    Column("severity", String, nullable=False),
    Column("opened_at", Instant, nullable=False),
    Column("opened_run_id", String, nullable=False),
    Column("resolved_at", Instant),
    Column("resolved_run_id", String),
)
"""What is or was wrong, one row from when it began until it ended; what comes again is a new row.

`key` says what it is about and stays the same while it lasts. What merely happened, such as a
change of a file's columns, is resolved in the instant in which it is opened.
"""

NOTIFICATIONS = Table(
    "notifications",
    METADATA,
    Column("message_id", String, nullable=False),
    Column("incident_id", String, nullable=False),
    Column("channel", String, nullable=False),
    Column("news", String, nullable=False),
    Column("severity", String, nullable=False),
    Column("claimed_at", Instant, nullable=False),
    Column("delivered_at", Instant),
)
"""What was told of an incident, one row per (message, incident).

`channel` is `webhook` or `command`, `news` is `new`, `worse`, `open` or `resolved`. A run claims
what it is about to tell before it does, so that another one does not; what could not be delivered
is deleted.
"""

DECISIONS = Table(
    "decisions",
    METADATA,
    Column("decision", String, nullable=False),
    Column("source", String, nullable=False),
    Column("file", String),
    Column("guard", String),
    Column("sha256", String),
    Column("detail", String, nullable=False),
    Column("decided_at", Instant, nullable=False),
    Column("run_id", String),
)
"""What somebody decided about the data against a guard, one row per decision.

`forgotten`: the rows of a file that was gone were removed. `accepted`: a guard may let a file pass
once, in these bytes (`sha256`), or the money of a source (no `file`; the digest is of all files);
`run_id` is the run that did, NULL until then. `detail` has the figures.
"""

INPUTS = Table(
    "inputs",
    METADATA,
    Column("name", String, primary_key=True),
    Column("input", String, primary_key=True),
    Column("content", String, nullable=False),
)
"""The state of each input that a table was made from: the data hash of a table, the code version
of a view, the load of a file."""

STEPS = Table(
    "steps",
    METADATA,
    Column("relation", String, nullable=False),
    Column("step", BigInteger, primary_key=True, autoincrement=False),
    Column("before", String, nullable=False),
    Column("after", String, nullable=False),
    Column("touched_rows", BigInteger, nullable=False),
    Column("stored", String, nullable=False),
)
"""The last steps of each table, from one data hash to the next; `stored` has the touched rows."""

BACKFILLS = Table(
    "backfills",
    METADATA,
    Column("relation", String, primary_key=True),
    Column("month", String, primary_key=True),
    Column("fingerprint", String, nullable=False),
    Column("content", String, nullable=False),
    Column("run_id", String, nullable=False),
    Column("done_at", Instant, nullable=False),
)
"""The months of tables that a backfill which goes on, or was killed, has built anew.

They stand for what would be built (`fingerprint`), while the table has the digest that it had after
the last of them (`content`). A month is `2024-01`, or `none` for the rows without one.
"""

KEPT_CHANGES = Table(
    "kept_changes",
    METADATA,
    Column("relation", String, nullable=False),
    Column("entry", BigInteger, primary_key=True, autoincrement=False),
    Column("run_id", String, nullable=False),
    Column("kept_at", Instant, nullable=False),
    Column("before", String),
    Column("after", String, nullable=False),
    Column("gone_rows", BigInteger, nullable=False),
    Column("come_rows", BigInteger, nullable=False),
    Column("stored", String),
)
"""The steps of marts that are kept, from one data hash to the next, as `keep_changes` says.

`stored` has the rows that went and came. An entry without `before` is the first of an unbroken row:
the table held what it did since `kept_at`.
"""

MONTH_TOTALS = Table(
    "month_totals",
    METADATA,
    Column("relation", String, primary_key=True),
    Column("month", Date, primary_key=True),
    Column("money", String, nullable=False),
    Column("row_count", BigInteger),
    Column("content", String),
)
"""What each month of a table comes to, where the catalog declares its months and their money.

`content` says of which state of the table and of which of its columns.
"""

STAGED_SUMS = Table(
    "staged_sums",
    METADATA,
    Column("source", String, primary_key=True),
    Column("file", String, primary_key=True),
    Column("load_id", String, nullable=False),
    Column("recipe", String, key="code_version", nullable=False),
    Column("amount", String, nullable=False),
)
"""What the amounts of each file come to in staging, by the load and the SQL that made its rows."""

RESTATEMENTS = Table(
    "restatements",
    METADATA,
    Column("run_id", String, nullable=False),
    Column("relation", String, nullable=False),
    Column("month", Date, nullable=False),
    Column("money_before", String, nullable=False),
    Column("money_after", String, nullable=False),
    Column("is_news", Boolean, nullable=False),
    Column("found_at", Instant, nullable=False),
)
"""The old months whose money a run changed, one row per (run, table, month).

A month is old that is before the last one of the table; `is_news` says that the change is as large
as `max_restated`, or larger.
"""

VERIFICATIONS = Table(
    "verifications",
    METADATA,
    Column("relation", String, primary_key=True),
    Column("row_count", BigInteger, nullable=False),
    Column("surplus", BigInteger, nullable=False),
    Column("missing", BigInteger, nullable=False),
    Column("is_digest_right", Boolean, nullable=False),
    Column("sample_keys", list_of(String), nullable=False),
    Column("run_id", String, nullable=False),
    Column("checked_at", Instant, nullable=False),
    Column("is_scheduled", Boolean, nullable=False),
)
"""What came of comparing each table with a full build of it, the last time.

`surplus` and `missing` count its rows that were too many and those that it lacked; `sample_keys`
has up to five of their keys, never personal ones. `is_scheduled`: `verify_every` asked for it.
"""

INHERITED = Table(
    "inherited",
    METADATA,
    Column("name", String, primary_key=True),
    Column("is_table", Boolean, nullable=False),
)
"""What a branch has of its parent, and has not made itself: nodes, tables and views by name.

Of a table (`is_table`), the branch has a view that reads it in the warehouse of the parent.
"""

DESCRIBED_COLUMNS = Table(
    "described_columns",
    METADATA,
    Column("relation", String, primary_key=True),
    Column("column_name", String, primary_key=True),
    Column("type", String, nullable=False),
    Column("class", String, key="class_", nullable=False),
    Column("is_sensitive", Boolean, nullable=False),
    Column("kind", String),
    Column("treatment", String),
    Column("is_published", Boolean, nullable=False),
    Column("origins", String, nullable=False),
)
"""What the catalog said of each column, and the columns of sources that it derives from, with the
masks on the way, when a run last succeeded."""

PROPERTIES = Table(
    "properties",
    METADATA,
    Column("name", String, primary_key=True),
    Column("value", String, nullable=False),
)
"""What is known for good: whether personal data is masked, and since when a channel is set."""

ENVIRONMENT = "environment"
"""The property that has the environment that the warehouse belongs to."""

MASKING = "pii_masking"
"""The property of the setting of that name."""


VERSIONS = Table("alembic_version", METADATA, Column("version_num", String(32), primary_key=True))
"""The version of schema meta, in one row."""

PARENT_STATE = "parent_state"
"""The property of a branch that has the digest of what its parent held when it was read last."""

PARENT_AS_OF = "parent_as_of"
"""The property of a branch that has the date that the marts of its parent speak of."""

VERSION = "0013"
"""The version of schema meta that is declared here: the newest of the migrations."""

UNVERSIONED = "0000"
"""What stands for the version of a warehouse from before there were versions."""
