"""How pages say how personal a column is: in a letter and in words, never in colour alone."""

from dataclasses import dataclass

from benepass_tasks.catalog import Column, Pii


@dataclass(frozen=True, slots=True)
class Badge:
    """One thing that is personal about a column.

    Attributes:
        letter: What a badge shows.
        name: The word for it.
        meaning: What the word means.
    """

    letter: str
    name: str
    meaning: str


BADGES = {
    "identifier": Badge("I", "identifier", "leads to a person by itself"),
    "pseudonym": Badge("P", "pseudonym", "stands for a person"),
    "quasi_identifier": Badge("Q", "quasi-identifier", "leads to a person together with others"),
    "sensitive": Badge("S", "sensitive", "may harm a person if known"),
}
"""All badges, the closest to a person first."""

TREATMENTS = {"mask": "masked", "hash": "hashed", "drop": "dropped", "plaintext": "plaintext"}


def badges(pii: Pii) -> tuple[Badge, ...]:
    """The badges of a column; none where nothing about it is personal."""
    names = [pii.class_, *(["sensitive"] if pii.sensitive else [])]
    return tuple(BADGES[name] for name in names if name in BADGES)


def badges_of(columns: list[Column]) -> tuple[Badge, ...]:
    """The badges that any of the columns has, the closest to a person first."""
    found = {badge for column in columns for badge in badges(column.pii)}
    return tuple(badge for badge in BADGES.values() if badge in found)


def words(pii: Pii) -> str:
    """What is personal about a column, of what kind it is and what is done about it."""
    names = " and ".join(badge.name for badge in badges(pii)) or "not personal"
    treatment = TREATMENTS[pii.treatment] if pii.treatment else None
    return ", ".join(part for part in (names, pii.kind, treatment) if part)
