"""The SQL that brings a column's values from the form in which files write them to the canonical.

An amount never passes through floating point: its text is taken apart and put together again. What
is not wholly in a declared form is NULL.
"""

from collections.abc import Iterable

from benepass_tasks.catalog.datasets import DeclaredColumn, DeclaredSource
from benepass_tasks.catalog.forms import ColumnForm, Holds, WrittenAs, escaped, pattern_of
from benepass_tasks.engine.quoting import quote_name, quote_text

SPACES = " \u00a0\u202f\u2009"
"""The space, and the no-break, the narrow no-break and the thin one."""

APOSTROPHES = "'\u2019"
MINUS = "\u2212"

# Where the sign and the currency may stand: S a leading sign, T a trailing one, C a currency.
_UNSIGNED = ("N", "C N", "N C")
_SIGNED = ("S N", "S C N", "C S N", "S N C")
_MARKED = {
    "trailing_minus": ("N T", "C N T", "N C T", "N T C"),
    "parentheses": ("( N )", "( C N )", "( N C )", "C ( N )"),
}


def stated(column: DeclaredColumn, text: str) -> str:
    """What a column's cell says, as an expression: NULL where it is a word that means NULL."""
    if not column.form.na_values:
        return text
    words = ", ".join(map(quote_text, column.form.na_values))
    return f"case when clean_text({text}) in ({words}) then null else {text} end"


def canonical(column: DeclaredColumn) -> str:
    """The canonical form of a column of a raw table, as an expression.

    It is the column itself where nothing else is declared of it.
    """
    form = column.form
    said = stated(column, quote_name(column.name))
    if form.synonyms:
        return _label(form, said)
    if not form.written_as:
        return said
    value = f"clean_text({said})"
    if len(form.written_as) == 1:
        return _reading(form.holds, form.written_as[0], value)
    readings = [_comparable(form.holds, it, value) for it in form.written_as]
    return f"only_reading([{', '.join(readings)}])"


def _reading(holds: Holds, form: WrittenAs, value: str) -> str:
    """What a value is in a form; NULL where it is not wholly in it."""
    if holds == "amount":
        return _amount(form, value)
    if holds == "date" and form.is_canonical:
        return f"cast(iso_date({value}) as varchar)"
    if holds == "date":
        return f"day_text({_first(_moments(form, value))})"
    return _instant(form, value)


def _comparable(holds: Holds, form: WrittenAs, value: str) -> str:
    """The same, so that what two forms read alike is the same text."""
    if holds == "amount":
        return f"cast(money({_amount(form, value)}) as varchar)"
    return _reading(holds, form, value)


def doubt(column: DeclaredColumn) -> str:
    """What is doubtful about the local time of an instant, as an expression."""
    value = f"clean_text({stated(column, quote_name(column.name))})"
    doubts = [
        f"local_doubt({_first(_local(form, value))}, {quote_text(form.zone)})"
        for form in column.form.written_as
        if form.zone is not None
    ]
    return _first(doubts) if doubts else "cast(null as varchar)"


def foreign_currency(source: DeclaredSource) -> str:
    """The currency of a record's amounts where it is not the one reported, as an expression."""
    said = source.currency
    if said.column is None:
        return "cast(null as varchar)"
    label = f"clean_label({canonical(source.columns[said.column])})"
    return f"other_currency({label}, {quote_text(said.reporting.lower())})"


def _label(form: ColumnForm, text: str) -> str:
    cases = "".join(
        f" when clean_label({text}) in ({', '.join(map(quote_text, words))}) "
        f"then {quote_text(label)}"
        for label, words in form.synonyms.items()
    )
    return f"case{cases} else {text} end"


def _amount(form: WrittenAs, value: str) -> str:
    said = map(
        quote_text,
        (amount_pattern(form), _any_of(form.currency) or "^$", form.decimal or "."),
    )
    made = f"written_amount({value}, {', '.join(said)})"
    made = f"hundredths({made})" if form.unit == "cents" else made
    return f"opposite({made})" if form.sign == "spend_is_negative" else made


def amount_pattern(form: WrittenAs) -> str:
    """The regular expression that an amount of this form matches as a whole."""
    decimal = escaped(form.decimal or ".")
    whole = f"{_digits(form)}(?:{decimal}[0-9]*)?"
    number = f"(?:{whole}|{decimal}[0-9]+)"
    # After a code such as Rs. the decimal sign could be a part of it.
    is_apart = not any(it[-1].isalnum() or it.endswith(".") for it in form.currency)
    trailing = "-" + MINUS * ("unicode_minus" in form.negative)
    leading = "+" + "-" * ("minus" in form.negative) + trailing[1:]
    tokens = {
        "N": number,
        "S": f"[{escaped(leading)}]",
        "T": f"[{escaped(trailing)}]",
        "C": f"(?:{_any_of(form.currency)})",
        "(": r"\(",
        ")": r"\)",
    }
    placed = [*_UNSIGNED, *_SIGNED, *(it for name in form.negative for it in _MARKED.get(name, ()))]
    gap = f"[{SPACES}]*"
    tokens["CN"] = f"{tokens['C']}{gap}{number if is_apart else f'(?:{whole})'}"
    return "|".join(
        gap.join(tokens[part] for part in parts.replace("C N", "CN").split())
        for parts in placed
        if form.currency or "C" not in parts
    )


def _digits(form: WrittenAs) -> str:
    if not form.thousands:
        return "[0-9]+"
    alike = next((it for it in (SPACES, APOSTROPHES) if form.thousands in it), form.thousands)
    mark = f"[{escaped(alike)}]"
    grouped = (
        f"[0-9]{{1,2}}(?:{mark}[0-9]{{2}})*{mark}[0-9]{{3}}"
        if form.grouping == "indian"
        else f"[0-9]{{1,3}}(?:{mark}[0-9]{{3}})+"
    )
    return f"(?:[0-9]+|{grouped})"


def _any_of(texts: Iterable[str]) -> str:
    return "|".join(map(escaped, sorted(texts, key=len, reverse=True)))


def _instant(form: WrittenAs, value: str) -> str:
    local, zoned = _local(form, value), _zoned(form, value)
    texts = [f"instant_text({_first(zoned)}) || 'Z'"] if zoned else []
    if local and form.zone:
        texts.append(f"instant_text(zone_to_utc({_first(local)}, {quote_text(form.zone)})) || 'Z'")
    elif local:
        texts.append(f"instant_text({_first(local)})")
    return _first(texts)


def _zoned(form: WrittenAs, value: str) -> list[str]:
    """The readings that say their zone, as TIMESTAMP in UTC."""
    if not form.names_moments:
        return [f"case when has_zone({value}) then utc_timestamp({value}) end"]
    formats = [it for it in form.all_formats if "%z" in it]
    made = [_parsed(it, value) for it in formats]
    return made + ([f"epoch_moment({value}, {quote_text(form.epoch)})"] if form.epoch else [])


def _local(form: WrittenAs, value: str) -> list[str]:
    """The readings that say no zone, as TIMESTAMP."""
    if not form.names_moments:
        return [f"case when not has_zone({value}) then utc_timestamp({value}) end"]
    return _moments(form, value)


def _moments(form: WrittenAs, value: str) -> list[str]:
    made = [_parsed(it, value) for it in form.all_formats if "%z" not in it]
    return made + ([f"excel_moment({value})"] if form.excel_serial else [])


def _parsed(text: str, value: str) -> str:
    read = f"try_strptime({value}, {quote_text(text)})"
    read = f"timezone('UTC', {read})" if "%z" in text else read
    return f"case when regexp_full_match({value}, {quote_text(pattern_of(text))}) then {read} end"


def _first(expressions: list[str]) -> str:
    return expressions[0] if len(expressions) == 1 else f"coalesce({', '.join(expressions)})"
