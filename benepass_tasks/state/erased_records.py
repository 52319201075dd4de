"""The records of which raw has other values than their files, since their people were erased.

A file that is loaded again, or written anew without these people, has no such record any more.
"""

from collections.abc import Collection, Mapping

from sqlalchemy import Connection, delete, insert, select

from benepass_tasks.state.meta import ERASED_RECORDS
from benepass_tasks.state.store import state_of


def erased_records_of(connection: Connection, source: str, file: str) -> list[int]:
    """The numbers of the records of a file, as it was loaded, that were theirs as a whole."""
    of = ERASED_RECORDS.c
    found = select(of.record_number).where(of.source == source, of.file == file, of.is_whole)
    return list(state_of(connection).execute(found.order_by(of.record_number)).scalars())


def erased_records(connection: Connection) -> dict[str, list[int]]:
    """The numbers of all such records, by file."""
    of, found = ERASED_RECORDS.c, dict[str, list[int]]()
    rows = select(of.file, of.record_number).order_by(of.file, of.record_number)
    for file, number in state_of(connection).execute(rows):
        found.setdefault(file, []).append(number)
    return found


def add_erased_records(
    connection: Connection, source: str, records: Mapping[tuple[str, int], bool]
) -> None:
    """Note records of a source by file and number, and whether they were theirs as a whole."""
    of, state = ERASED_RECORDS.c, state_of(connection)
    found = select(of.file, of.record_number, of.is_whole).where(of.source == source)
    all_of_them = dict(records)
    for file, number, is_whole in state.execute(found):
        all_of_them[file, number] = is_whole or records.get((file, number), False)
    state.execute(delete(ERASED_RECORDS).where(of.source == source))
    rows = [
        {"source": source, "file": file, "record_number": number, "is_whole": is_whole}
        for (file, number), is_whole in sorted(all_of_them.items())
    ]
    if rows:
        state.execute(insert(ERASED_RECORDS), rows)


def forget_erased_records(connection: Connection, source: str, files: Collection[str]) -> None:
    """Forget those of files which have none any more."""
    of_them = ERASED_RECORDS.c.source == source, ERASED_RECORDS.c.file.in_(files)
    state_of(connection).execute(delete(ERASED_RECORDS).where(*of_them))
