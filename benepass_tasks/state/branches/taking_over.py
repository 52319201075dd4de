"""A source that a branch loads itself, since its declaration is another than the parent's."""

from sqlalchemy import Connection, delete, select

from benepass_tasks.engine.quoting import quote_relation, quote_text
from benepass_tasks.engine.tables import engine_of
from benepass_tasks.state.markers import forget_loads, inherited_tables
from benepass_tasks.state.meta import INHERITED, LOADS
from benepass_tasks.state.source_files import REJECTED
from benepass_tasks.state.store import state_of

DLT = "raw._dlt"
"""How the names of dlt's own tables begin."""


def take_over(connection: Connection, relation: str, source: str) -> None:
    """Let a branch load a source from the start, if it reads the rows of its parent so far.

    The tables that all sources share become the branch's own, with what they hold.

    Args:
        connection: A session in a transaction.
        relation: The raw table of the source.
        source: The source.
    """
    engine, state = engine_of(connection), state_of(connection)
    inherited = inherited_tables(connection)
    if relation not in inherited and REJECTED not in inherited:
        return
    files = state.execute(select(LOADS.c.file).where(LOADS.c.source == source)).scalars().all()
    of_source = f"_source_file in ({', '.join(map(quote_text, files)) or 'null'})"
    shared = {it for it in inherited if it == REJECTED or it.startswith(DLT)}
    for it in shared:
        engine.make_small("taken_over", f"select * from {quote_relation(it)}")  # noqa: S608
        without = f" where not {of_source}" if it == REJECTED and files else ""
        engine.create(it, "table", f"select * from temp.taken_over{without}", "view")  # noqa: S608
        engine.drop_small(["taken_over"])
    if relation in inherited:
        if REJECTED not in shared:
            table = quote_relation(REJECTED)
            connection.exec_driver_sql(f"delete from {table} where {of_source}")  # noqa: S608
        engine.drop(relation, "view")
        forget_loads(connection, source)
    state.execute(delete(INHERITED).where(INHERITED.c.name.in_({*shared, relation})))
