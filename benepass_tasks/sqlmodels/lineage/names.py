"""What a name means in a SELECT: the relations it reads, its aliases, and the query around it."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from benepass_tasks.sqlmodels.lineage.edges import NO_EDGES, Edges

UNNAMED = "?"
"""How the name of a column begins that has none; no column can be referred to by it."""


class UnknownNameError(Exception):
    """A name that means nothing, several things, or a whole row; the message and the advice."""

    def __init__(self, what: str, advice: str) -> None:
        """Note what is wrong, and what to write instead."""
        super().__init__(what)
        self.advice = advice


class NoSuchColumnError(UnknownNameError):
    """A name that means nothing."""


@dataclass(frozen=True, slots=True)
class OutputColumn:
    """A column that a query gives.

    Attributes:
        name: Its name in lower case; None where only DuckDB knows one.
        edges: What its values derive from.
        line: The line its expression begins on.
        is_key: Whether GROUP BY ALL groups by it, because it does not aggregate.
        is_unnested: Whether its values are those of a list, one a row.
        is_count: Whether it says how many rows there are.
    """

    name: str | None
    edges: Edges
    line: int
    is_key: bool = True
    is_unnested: bool = False
    is_count: bool = False


@dataclass(frozen=True, slots=True)
class Output:
    """What a query gives: its columns in order, and what decides which rows there are."""

    columns: tuple[OutputColumn, ...]
    rows: Edges = NO_EDGES

    @property
    def edges(self) -> Edges:
        """The edges of all columns together."""
        return NO_EDGES.union(*(column.edges for column in self.columns))


@dataclass(frozen=True, slots=True)
class Relation:
    """Something to read from, under the names that it has in one FROM.

    Attributes:
        alias: What its columns may be qualified with; None for a subquery without a name.
        schema: The layer, where a table is read without an alias.
        columns: The edges of each column, by name, in order.
    """

    alias: str | None
    schema: str | None
    columns: Mapping[str, Edges]


@dataclass(slots=True)
class Scope:
    """The names of one SELECT.

    Attributes:
        outer: The query around it, whose names it may use too.
        relations: What FROM reads, in order.
        merged: The columns of USING, by the number of the relation they stand at, and name.
        hidden: The columns that a merged one stands for, by their relation's number, and name.
        aliases: The columns that the SELECT itself has named so far.
        is_listed: Whether all its columns are known; a clause may then mean an alias, too.
    """

    outer: "Scope | None" = None
    relations: list[Relation] = field(default_factory=list)
    merged: dict[tuple[int, str], Edges] = field(default_factory=dict)
    hidden: set[tuple[int, str]] = field(default_factory=set)
    aliases: dict[str, Edges] = field(default_factory=dict)
    is_listed: bool = False

    def edges(self, path: Sequence[str]) -> Edges:
        """What a name means, here or around.

        Args:
            path: The name's parts in lower case: a column, perhaps qualified, perhaps followed by
                the fields of a struct. A field derives from the whole struct.

        Raises:
            UnknownNameError: it means no column, or more than one.
        """
        found = self._qualified(path)
        if found is None:
            found = self._unqualified(path[0])
        if found is None:
            self._refuse_row(path)
            return self._alias_or_outer(path)
        if self.is_listed:
            # Which of the two a clause means differs from clause to clause: both decide.
            return found | self.aliases.get(path[0], NO_EDGES)
        return found

    def search(self, path: Sequence[str]) -> Edges | None:
        """What a name means, here or around; None where it means nothing.

        Raises:
            UnknownNameError: it means more than one column, or a whole row.
        """
        try:
            return self.edges(path)
        except NoSuchColumnError:
            return None

    def knows(self, name: str) -> bool:
        """Whether a name means anything, here or around: a table, a column or an alias."""
        if self.outer is not None and self.outer.knows(name):
            return True
        return name in self.aliases or any(
            name == relation.alias or name in relation.columns for relation in self.relations
        )

    def merge(self, name: str, left: range) -> tuple[Edges, Edges]:
        """Make one column of two of the same name, as USING does.

        Args:
            name: The column.
            left: The numbers of the relations on the left side; those after them are the right.

        Returns:
            The edges of the left side, and those of the right one.

        Raises:
            UnknownNameError: a side has no such column, or several.
        """
        ours = self._visible(name, left)
        theirs = self._visible(name, range(left.stop, len(self.relations)))
        sides = self._at(ours, name), self._at(theirs, name)
        self.merged[ours, name] = sides[0] | sides[1]
        self.hidden.add((theirs, name))
        return sides

    def common(self, left: range) -> list[str]:
        """The names that both sides of a NATURAL JOIN have; the sides are those of `merge`."""
        right = {name for relation in self.relations[left.stop :] for name in relation.columns}
        ours = [name for number in left for name in self.relations[number].columns]
        return [name for name in dict.fromkeys(ours) if name in right]

    def star(self) -> Iterator[tuple[str | None, str, Edges]]:
        """The columns that * stands for: the relation's alias, the name, the edges."""
        for number, relation in enumerate(self.relations):
            for name, edges in relation.columns.items():
                if (number, name) not in self.hidden:
                    yield relation.alias, name, self.merged.get((number, name), edges)

    def star_of(self, path: Sequence[str]) -> Iterator[tuple[str | None, str, Edges]]:
        """The columns that `t.*` stands for.

        Raises:
            UnknownNameError: no relation is called that.
        """
        found = [relation for relation in self.relations if _is_called(relation, path)]
        if len(found) != 1:
            raise UnknownNameError(
                f"{'.'.join(path)}.* is not a table that is read here", "write its alias before .*"
            )
        for name, edges in found[0].columns.items():
            yield found[0].alias, name, edges

    def _alias_or_outer(self, path: Sequence[str]) -> Edges:
        alias = self.aliases.get(path[0]) if len(path) == 1 else None
        around = None if self.outer is None else self.outer.search(path)
        if alias is not None and around is not None:
            raise UnknownNameError(
                f"{path[0]} is an alias here and a column of the query around",
                "give the alias another name",
            )
        found = around if alias is None else alias
        if found is None:
            raise NoSuchColumnError(
                f"no column {'.'.join(path)} in what is read",
                "write the name of a column, and AS after what is to have one",
            )
        return found

    def _qualified(self, path: Sequence[str]) -> Edges | None:
        """What `table.column` or `layer.table.column` means; both, where both are there."""
        found = [
            relation.columns[path[length]]
            for relation in self.relations
            for length in (1, 2)
            if len(path) > length
            and _is_called(relation, path[:length])
            and path[length] in relation.columns
        ]
        return NO_EDGES.union(*found) if found else None

    def _unqualified(self, name: str) -> Edges | None:
        number = self._seen(name, range(len(self.relations)))
        return None if number is None else self._at(number, name)

    def _at(self, number: int, name: str) -> Edges:
        return self.merged.get((number, name), self.relations[number].columns[name])

    def _seen(self, name: str, numbers: Iterable[int]) -> int | None:
        """The number of the one relation that shows a column of the name without qualification."""
        found = [
            number
            for number in numbers
            if name in self.relations[number].columns and (number, name) not in self.hidden
        ]
        if len(found) > 1:
            raise UnknownNameError(
                f"{name} is a column of several tables that are read here",
                "write the table's alias before it",
            )
        return found[0] if found else None

    def _visible(self, name: str, numbers: Iterable[int]) -> int:
        found = self._seen(name, numbers)
        if found is None:
            raise UnknownNameError(
                f"{name} is not a column of both sides of the join", "join with ON instead"
            )
        return found

    def _refuse_row(self, path: Sequence[str]) -> None:
        if not any(_is_called(relation, path[:1]) for relation in self.relations):
            return
        if len(path) == 1:
            what, advice = f"{path[0]} is a whole row", "write the columns that are meant"
        else:
            what, advice = f"{path[0]} has no column {path[1]}", "write the name of one"
        raise UnknownNameError(what, advice)


def _is_called(relation: Relation, path: Sequence[str]) -> bool:
    qualified = 2
    if len(path) == qualified:
        return (relation.schema, relation.alias) == tuple(path)
    return len(path) == 1 and relation.alias == path[0]
