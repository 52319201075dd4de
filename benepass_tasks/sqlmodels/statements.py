"""One SQL file: the tables, macros and settings it reads, and its code version.

A model is a single SELECT over tables that are written as `layer.table`. What it reads is taken
from DuckDB's own tree of it, and its code version is that tree: editing a comment or a line break
changes nothing.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from benepass_tasks.config.digests import digest
from benepass_tasks.config.errors import ModelError
from benepass_tasks.sqlmodels.definitions import Macro, Model
from benepass_tasks.sqlmodels.syntax import Node, Reader, SqlError

SETTINGS = ("as_of_date", "pii_masking")
"""What SQL may read with `getvariable`: the settings that can change a table's content."""

SECRETS = ("hash_key_inner", "hash_key_outer")
"""What macros alone may read; which of them, the proof of privacy says."""

BARE = frozenset(
    {
        "current_date",
        "current_time",
        "current_timestamp",
        "localtime",
        "localtimestamp",
    }
)
"""Functions of the day that are called without parentheses, too."""

UNREPEATABLE = BARE | {
    "now",
    "today",
    "get_current_time",
    "get_current_timestamp",
    "transaction_timestamp",
    "random",
    "uuid",
    "uuidv4",
    "uuidv7",
    "gen_random_uuid",
    "nextval",
}
"""Functions whose value differs from run to run: a rerun would not arrive at the same table."""

COMPUTED = ("unnest", "range", "generate_series")
"""Functions in FROM that compute rows, and read none."""


def read_sql(root: Path, path: Path) -> str:
    """The text of a file with one SELECT, without what ends it.

    Args:
        root: The project's folder.
        path: The file, below it.

    Raises:
        ModelError: it is not UTF-8.
    """
    return read_text(root, path).rstrip().rstrip(";")


def make_model(
    reader: Reader, relation: str, path: Path, sql: str, macros: Mapping[str, Macro]
) -> Model:
    """What is known of a SELECT; `path` is where it is written, or what it is generated from.

    Raises:
        ModelError: it is no single SELECT, or reads what is not a table of the catalog.
    """
    try:
        tree = reader.select(sql)
    except SqlError as error:
        raise ModelError(f"{path}:{error.line}:{error.column} {error}") from error
    refuse_unrepeatable(path, tree)
    reached = _reached(macros.keys() & calls_of(tree), macros)
    used = [macros[name] for name in sorted(reached)]
    return Model(
        relation=relation,
        path=path,
        sql=sql,
        code_version=digest(reader.digest(sql), *(macro.code_version for macro in used)),
        references=_references(path, tree),
        macros=frozenset(reached),
        variables=variables_of(path, tree, SETTINGS).union(*(macro.variables for macro in used)),
    )


def read_text(root: Path, path: Path) -> str:
    """The text of a file below the project's folder.

    Raises:
        ModelError: it is not UTF-8.
    """
    try:
        return (root / path).read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        raise ModelError(f"{path}:{line} is not UTF-8 text: save it as UTF-8") from error


def calls_of(tree: Node) -> frozenset[str]:
    """The names of the functions that are called, in lower case."""
    return frozenset(node.function for node in tree.walk() if node.function)


def variables_of(path: Path, tree: Node, known: Sequence[str]) -> frozenset[str]:
    """The settings that are read.

    Raises:
        ModelError: one is not known, or its name is not written out.
    """
    names = set()
    for node in tree.walk():
        if node.function == "getvariable":
            values = [it.parts.get("value") for it in node.nodes("children")]
            if len(values) != 1 or values[0] not in known:
                raise ModelError(
                    f"{path}:{node.line} getvariable takes the name of a setting: "
                    + " or ".join(f"'{name}'" for name in SETTINGS)
                )
            names.add(str(values[0]))
    return frozenset(names)


def refuse_unrepeatable(path: Path, tree: Node) -> None:
    """Refuse what differs from run to run.

    Raises:
        ModelError: there is such a thing.
    """
    for node in tree.walk():
        if "sample" in node.parts:
            raise ModelError(
                f"{path}:{node.line} a sample differs from run to run; take rows by a condition"
            )
        name = node.function
        written = node.parts.get("column_names", ())
        if len(written) == 1 and written[0].lower() in BARE:
            name = written[0].lower()
        if name in UNREPEATABLE:
            raise ModelError(
                f"{path}:{node.line} {name} differs from run to run; "
                "read the date of the run with getvariable('as_of_date')"
            )


def _reached(names: Iterable[str], macros: Mapping[str, Macro]) -> set[str]:
    reached: set[str] = set()
    waiting = list(names)
    while waiting:
        name = waiting.pop()
        if name not in reached:
            reached.add(name)
            waiting.extend(macros[name].macros)
    return reached


def _references(path: Path, tree: Node) -> tuple[str, ...]:
    ctes = {cte["name"].lower() for node in tree.walk() for cte in node.parts.get("ctes", ())}
    relations = set()
    for table in _tables(path, tree):
        name, layer = table.text("table_name"), table.text("schema_name")
        where = f"{path}:{table.line}"
        if table.text("catalog_name"):
            written = ".".join((table.text("catalog_name"), layer, name))
            raise ModelError(f"{where} {written} names a database; write layer.table")
        if layer:
            relations.add(f"{layer}.{name}".lower())
        elif name.lower() not in ctes:
            raise ModelError(
                f"{where} {name} is neither a CTE nor written as layer.table, "
                "for example marts.fact_transactions"
            )
    return tuple(sorted(relations))


def _tables(path: Path, tree: Node) -> Iterator[Node]:
    for node in tree.walk():
        if node.kind == "BASE_TABLE":
            yield node
        function = node.node("function")
        if function is not None and function.function not in COMPUTED:
            raise ModelError(
                f"{path}:{node.line} reads from {function.function}(...); a model reads tables of "
                "the catalog only, so that what it depends on is known"
            )
