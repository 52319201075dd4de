"""What the amounts of a source come to in staging: added up once for each file that was loaded.

The rows of a load stay as they are, and so does their sum, as long as the same SQL makes them.
"""

from collections.abc import Iterable
from decimal import Decimal

from sqlalchemy import Connection, delete, insert, select

from benepass_tasks.catalog import Source
from benepass_tasks.config.digests import digest
from benepass_tasks.engine.quoting import quote_name, quote_relation, quote_text
from benepass_tasks.sqlmodels import Model
from benepass_tasks.sqlmodels.effective import Definitions
from benepass_tasks.state.markers import Load
from benepass_tasks.state.meta import STAGED_SUMS
from benepass_tasks.state.store import state_of


def staged_sum(
    connection: Connection, definitions: Definitions, source: Source, loads: Iterable[Load]
) -> str:
    """The sum of the amounts of a source in staging, as SQL.

    Args:
        connection: A session in a transaction; new sums of files are kept in `meta.staged_sums`.
        definitions: What is built.
        source: The source, with a column of amounts to reconcile.
        loads: The loads of its files.
    """
    declared = source.reconciliation
    if declared is None or declared.amount is None:
        return "null"
    total = f"coalesce(sum({quote_name(declared.amount)}), 0)"
    views = _views(definitions, declared.staging, source.name)
    if "_source_file" not in definitions.catalog.tables[declared.staging].columns or not views:
        return total
    if source.layout.is_of_events:
        # What a file has in staging depends on later ones.
        return total
    code_version = digest(*(it.code_version for it in views))
    of, state = STAGED_SUMS.c, state_of(connection)
    wanted = {it.file: it.load_id for it in loads}
    query = select(of.file, of.load_id, of.amount).where(
        of.source == source.name, of.code_version == code_version
    )
    kept = {it.file: it.amount for it in state.execute(query) if wanted.get(it.file) == it.load_id}
    if missing := wanted.keys() - kept:
        files = ", ".join(map(quote_text, sorted(missing)))
        found = connection.exec_driver_sql(
            f"select _source_file, cast({total} as varchar) "  # noqa: S608
            f"from {quote_relation(declared.staging)} "
            f"where _source_file in ({files}) group by _source_file"
        )
        kept |= dict.fromkeys(missing, "0") | dict(map(tuple, found))
        made_of = {"source": source.name, "code_version": code_version}
        rows = [made_of | {"file": it, "load_id": wanted[it], "amount": kept[it]} for it in kept]
        state.execute(delete(STAGED_SUMS).where(of.source == source.name))
        state.execute(insert(STAGED_SUMS), rows)
    return str(sum(map(Decimal, kept.values()), Decimal(0)))


def _views(definitions: Definitions, staging: str, source: str) -> list[Model]:
    """The views between the raw table of a source and staging.

    Empty where more than that table, or a setting, decides about the rows.
    """
    catalog, models = definitions.catalog, definitions.graph.models
    raw, found, waiting = catalog.raw_table_of(source).relation, list[Model](), [staging]
    while waiting:
        name = waiting.pop()
        if name == raw:
            continue
        model = models.get(name)
        if model is None or model.variables or catalog.tables[name].materialized != "view":
            return []
        found.append(model)
        waiting += model.references
    return found
