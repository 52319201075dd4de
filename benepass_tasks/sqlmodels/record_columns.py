"""What a source declares of its records, as columns of its base view."""

from collections.abc import Iterator, Mapping

from benepass_tasks.catalog.datasets import SOURCE_FILE, DeclaredSource, MonthOf, Records
from benepass_tasks.engine.session import quote_name, quote_text

PARTS = " / "
"""What stands between the parts of a key. A slash within a part is doubled, so no two are alike."""

LABEL = r"[\w .-]{1,40}"
"""What a value looks like that may be told as the reason why a record does not count."""


def record_items(source: DeclaredSource) -> Iterator[str]:
    """The items of the SELECT, over the other columns of the view, in canonical form.

    `catalog.records.record_columns` describes what they make, in the same order.
    """
    said = source.records
    for name, sql in (
        ("_record_key", _key(said)),
        ("_record_order", _order(said)),
        ("_resends", quote_text(said.resends)),
        ("_refunds", quote_text(said.refunds)),
        ("_is_refund", _is_one_of(said.refund_when)),
        ("_not_counted", _not_counted(said.counts_when)),
    ):
        yield f"{sql} as {quote_name(name)}"


def _key(said: Records) -> str:
    if not said.key:
        return "cast(null as varchar)"
    if len(said.key) == 1:
        return quote_name(str(said.key[0]))
    first, *others = said.key
    parts = [_escaped(f"clean_id({quote_name(str(first))})"), *map(_other_part, others)]
    return f" || {quote_text(PARTS)} || ".join(parts)


def _other_part(part: str | MonthOf) -> str:
    if isinstance(part, MonthOf):
        instant = f"utc_timestamp(clean_text({quote_name(part.column)}))"
        return f"coalesce(strftime({instant}, '%Y-%m'), '')"
    if part == SOURCE_FILE:
        return _escaped(quote_name(part))
    return f"coalesce({_escaped(f'clean_id({quote_name(part)})')}, '')"


def _escaped(sql: str) -> str:
    return f"replace({sql}, '/', '//')"


def _order(said: Records) -> str:
    if said.ordered_by is None:
        return "cast(null as varchar)"
    text = f"clean_text({quote_name(said.ordered_by)})"
    return f"coalesce(strftime(utc_timestamp({text}), '%Y-%m-%d %H:%M:%S.%f'), {text})"


def _is_one_of(values: Mapping[str, tuple[str, ...]]) -> str:
    conditions = [
        f"clean_label({quote_name(column)}) in ({', '.join(map(quote_text, listed))})"
        for column, listed in values.items()
    ]
    return f"coalesce({' or '.join(conditions)}, false)" if conditions else "false"


def _not_counted(values: Mapping[str, tuple[str, ...]]) -> str:
    if not values:
        return "cast(null as varchar)"
    cases = "".join(f" {_case(column, listed)}" for column, listed in values.items())
    return f"case{cases} end"


def _case(column: str, listed: tuple[str, ...]) -> str:
    """The reason of what is none of the values; a text that is no label is not repeated."""
    label = f"clean_label({quote_name(column)})"
    counts = ", ".join(map(quote_text, listed))
    told = (
        f"case when {label} is null then 'missing' "
        f"when regexp_full_match({label}, {quote_text(LABEL)}) then {label} "
        "else 'none of those that count' end"
    )
    condition = f"coalesce({label} not in ({counts}), true)"
    return f"when {condition} then {quote_text(f'{column} is ')} || {told}"
