"""Which groups are withheld, so that no small one can be worked out from what is published.

A group of too few employees is withheld. By itself it would be what the others leave of a sum, so
the smallest groups beside it are withheld with it until they are two at least, with enough
employees together: what the others leave then is theirs together, which may be published.

Where audiences ask for groups of different sizes, one person may belong to several of them. So an
audience that is told less is told nothing that others are not: together they know no more than the
one that is told most.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import TypeAlias

from benepass_tasks.engine.quoting import quote_name, quote_text
from benepass_tasks.engine.session import Run
from benepass_tasks.state.publication import PublishedTable, withheld_groups

Group: TypeAlias = tuple[str | None, ...]
"""The values that tell a group from others, the widest first: benefit type and programme, say."""

UNTOLD = -1
"""Of a group of which not even a sum over all rows may be published."""


@dataclass(frozen=True, slots=True)
class _Cover:
    """Groups of which only what they sum up to is published.

    Attributes:
        groups: The groups.
        employees: How many they have; who is in two of them counts in both.
        is_small: Whether others must be withheld with them.
    """

    groups: tuple[Group, ...]
    employees: int
    is_small: bool

    @property
    def order(self) -> tuple[object, ...]:
        """The small ones first, then by size; the names decide between those of one size."""
        names = [[(name is not None, name or "") for name in group] for group in self.groups]
        return not self.is_small, self.employees, names


def withhold(groups: Mapping[Group, int | None], least: int) -> dict[Group, int]:
    """Choose the groups that are withheld.

    Args:
        groups: The employees of each group; a number that is not known is too small.
        least: How many employees a group must have.

    Returns:
        For each withheld group how many of its values, the widest first, a row of it may still
        show: the groups that share them are covered by each other. 0 where the groups that cover
        each other share none, `UNTOLD` where there is no other group.
    """
    covers = [_Cover((it,), size or 0, (size or 0) < least) for it, size in groups.items()]
    told: dict[Group, int] = {}
    for shared in range(max(map(len, groups), default=0) - 1, -1, -1):
        covers = list(_covered(covers, shared, least, told))
    for cover in covers:
        if cover.is_small and len(cover.groups) == 1:
            told[cover.groups[0]] = UNTOLD
    return told


def withhold_for(groups: Mapping[Group, int | None], sizes: Sequence[int]) -> dict[Group, int]:
    """Choose the groups that are withheld from an audience.

    Args:
        groups: The employees of each group.
        sizes: How many employees a group must have for each audience that is told as much or more,
            in ascending order, this one last.

    Returns:
        As `withhold`: all that is withheld from one of the others, and no more told of it.
    """
    told: dict[Group, int] = {}
    for least in sizes:
        told = _together(told, withhold(groups, least))
    return told


def _together(first: Mapping[Group, int], second: Mapping[Group, int]) -> dict[Group, int]:
    """What is withheld by either; groups that cover each other in one of them still do."""
    told = {
        group: min(it[group] for it in (first, second) if group in it)
        for group in {**second, **first}
    }
    covers = [*_covers_of(first), *_covers_of(second)]
    while True:
        uneven = [it for it in covers if len({told[group] for group in it}) > 1]
        if not uneven:
            return told
        for cover in uneven:
            told.update(dict.fromkeys(cover, min(told[group] for group in cover)))


def _covers_of(told: Mapping[Group, int]) -> Collection[Sequence[Group]]:
    """The groups that cover each other: of which the same is told."""
    covers: dict[Group, list[Group]] = {}
    for group, shown in told.items():
        covers.setdefault((str(shown), *group[: max(shown, 0)]), []).append(group)
    return covers.values()


def find_withheld(run: Run, table: PublishedTable, catalog: str) -> None:
    """Make the temporary table of the groups of a table that are withheld.

    Args:
        run: The session.
        table: The table that has the groups.
        catalog: The attached database that it is in.
    """
    suppression = table.table.suppression
    if suppression is None or suppression.employees is None:
        raise ValueError(f"{table.relation} has no groups")
    source = quote_name(catalog, table.table.layer, table.table.name)
    columns = [quote_name(column) for column in suppression.groups]
    employees = quote_name(suppression.employees)
    texts = ", ".join(f"cast({column} as varchar)" for column in columns)
    # Where a group has several rows, the least of their numbers is that of the group.
    smallest = f"min(coalesce({employees}, 0))"
    found = run(f"select {texts}, {smallest} from {source} group by all")  # noqa: S608
    sizes = {tuple(group): size for *group, size in found}
    for follower in table.followers:
        rows = quote_name(catalog, *follower.split(".", 1))
        # Nobody knows of how many employees these are.
        for group in run(f"select distinct {texts} from {rows}"):  # noqa: S608
            sizes.setdefault(tuple(group), 0)
    chosen = withhold_for(sizes, table.group_sizes)
    target = withheld_groups(table.relation)
    names = ", ".join(columns)
    run(f"create or replace temp table {target} as select {names}, 0 as told from {source} limit 0")  # noqa: S608
    for group, told in chosen.items():
        values = ", ".join("null" if it is None else quote_text(it) for it in group)
        run(f"insert into {target} values ({values}, {told})")  # noqa: S608


def _covered(
    covers: Sequence[_Cover], shared: int, least: int, told: dict[Group, int]
) -> Iterator[_Cover]:
    """Put small ones and the smallest others together that share their first values."""

    def path(cover: _Cover) -> list[tuple[bool, str]]:
        return [(name is not None, name or "") for name in cover.groups[0][:shared]]

    for _, alike in groupby(sorted(covers, key=lambda it: (path(it), it.order)), key=path):
        members = list(alike)
        joined: list[_Cover] = []
        while members and (members[0].is_small or (joined and not _is_enough(joined, least))):
            joined.append(members.pop(0))
        if joined:
            merged = tuple(group for cover in joined for group in cover.groups)
            told.update(dict.fromkeys(merged, shared))
            size = sum(cover.employees for cover in joined)
            yield _Cover(merged, size, not _is_enough(joined, least))
        yield from members


def _is_enough(covers: Sequence[_Cover], least: int) -> bool:
    cells = sum(len(cover.groups) for cover in covers)
    return cells > 1 and sum(cover.employees for cover in covers) >= least
