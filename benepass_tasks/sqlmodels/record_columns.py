"""What a source declares of its records, as columns of its base view."""

from collections.abc import Iterator, Mapping, Sequence
from typing import TypeAlias

from benepass_tasks.catalog.datasets import SOURCE_FILE, DeclaredSource, MonthOf
from benepass_tasks.catalog.records import OUTCOME
from benepass_tasks.engine.quoting import quote_name, quote_text
from benepass_tasks.sqlmodels.canonical import canonical
from benepass_tasks.sqlmodels.censuses import VANISHED_ON, taken_on
from benepass_tasks.sqlmodels.made_columns import made_canonical

Texts: TypeAlias = Mapping[str, str]
"""The expression of each column's canonical form."""

ValuesByColumn: TypeAlias = Mapping[str, Sequence[str]]

PARTS = " / "
"""What stands between the parts of a key. A slash within a part is doubled, so no two are alike."""

LABEL = r"[\w .-]{1,40}"
"""What a value looks like that may be told as the reason why a record does not count."""


def record_items(source: DeclaredSource) -> Iterator[str]:
    """The items of the SELECT, over the canonical form of the columns.

    `catalog.records.record_columns` describes what they make, in the same order.
    """
    said, texts = source.records, _texts(source)
    for name, sql in (
        ("_record_key", _key(said.key, texts)),
        ("_record_order", _order(said.ordered_by, texts, taken_on(source))),
        ("_resends", quote_text(said.resends)),
        ("_refunds", quote_text(said.refunds)),
        ("_is_refund", _is_one_of(said.refund_when, texts)),
        ("_not_counted", _not_counted(said.counts_when, texts)),
        ("_vanished_on", VANISHED_ON if said.census else "cast(null as date)"),
        (OUTCOME, OUTCOME if source.anonymises_charges else "cast(null as varchar)"),
    ):
        yield f"{sql} as {quote_name(name)}"


def record_id(source: DeclaredSource) -> str:
    """The id of a record as staging compares it, as an expression over `with_parts`.

    That is the key where the source declares one, and its first id otherwise.

    Raises:
        ValueError: it has neither.
    """
    texts, first = _texts(source), source.first_id
    parts = [_key(source.records.key, texts)] if source.records.key else []
    parts += [texts[first]] if first else []
    if not parts:
        raise ValueError(f"{source.name} has no ids")
    return f"clean_id(coalesce({', '.join(parts)}))"


def _texts(source: DeclaredSource) -> Texts:
    texts = {name: canonical(column) for name, column in source.columns.items()}
    texts |= {name: made_canonical(column) for name, column in source.made.items()}
    return texts | {SOURCE_FILE: quote_name(SOURCE_FILE)}


def _key(key: Sequence[str | MonthOf], texts: Texts) -> str:
    if not key:
        return "cast(null as varchar)"
    first, *others = key
    if not others:
        return texts[str(first)]
    parts = [_escaped(f"clean_id({texts[str(first)]})"), *(_other_part(it, texts) for it in others)]
    return f" || {quote_text(PARTS)} || ".join(parts)


def _other_part(part: str | MonthOf, texts: Texts) -> str:
    if isinstance(part, MonthOf):
        instant = f"utc_timestamp(clean_text({texts[part.column]}))"
        return f"coalesce(strftime({instant}, '%Y-%m'), '')"
    if part == SOURCE_FILE:
        return _escaped(texts[part])
    return f"coalesce({_escaped(f'clean_id({texts[part]})')}, '')"


def _escaped(sql: str) -> str:
    return f"replace({sql}, '/', '//')"


def _order(column: str | None, texts: Texts, otherwise: str | None) -> str:
    if column is None:
        return otherwise or "cast(null as varchar)"
    text = f"clean_text({texts[column]})"
    return f"coalesce(strftime(utc_timestamp({text}), '%Y-%m-%d %H:%M:%S.%f'), {text})"


def _is_one_of(values: ValuesByColumn, texts: Texts) -> str:
    conditions = [
        f"{_label(texts[column])} in ({', '.join(map(quote_text, listed))})"
        for column, listed in values.items()
    ]
    return f"({' or '.join(conditions)})" if conditions else "false"


def _label(text: str) -> str:
    """What decides; an empty text where there is no value."""
    return f"coalesce(clean_label({text}), '')"


def _not_counted(values: ValuesByColumn, texts: Texts) -> str:
    if not values:
        return "cast(null as varchar)"
    cases = " ".join(_case(column, texts[column], listed) for column, listed in values.items())
    return f"case {cases} end"


def _case(column: str, text: str, listed: Sequence[str]) -> str:
    """The reason of what is none of the values; a text that is not a label is not repeated."""
    label = _label(text)
    told = (
        "'filled'"
        if listed == ("",)
        else (
            f"case when {label} = '' then 'missing' "
            f"when regexp_full_match({label}, {quote_text(LABEL)}) then {label} "
            "else 'none of those that count' end"
        )
    )
    condition = f"{label} not in ({', '.join(map(quote_text, listed))})"
    return f"when {condition} then {quote_text(f'{column} is ')} || {told}"
