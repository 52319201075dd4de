"""The SQL that brings a column's values from the form in which files write them to the canonical.

An amount never passes through floating point: its text is taken apart and put together again. What
is not wholly in a declared form is NULL.
"""

from collections.abc import Iterable

from benepass_tasks.catalog.datasets import DeclaredColumn, DeclaredSource
from benepass_tasks.catalog.forms import (
    DIRECTIVES,
    LETTERED,
    UTC_NAMES,
    ColumnForm,
    Holds,
    WrittenAs,
    directives_in,
    escaped,
    pattern_of,
)
from benepass_tasks.catalog.months import MONTHS
from benepass_tasks.engine.quoting import quote_name, quote_text

READING = frozenset({"clean_text", "money"})
"""The macros that make a number of an amount's canonical form."""

SPACES = " \u00a0\u202f\u2009"
"""The space, and the no-break, the narrow no-break and the thin one."""

APOSTROPHES = "'\u2019"
MINUS = "\u2212\u2013"
"""The minus sign, and the en dash that is typed for it."""

# Where the sign and the currency may stand: S a leading sign, T a trailing one, C a currency, W a
# word for a credit or debit.
_UNSIGNED = ("N", "C N", "N C")
_SIGNED = ("S N", "S C N", "C S N", "S N C")
_MARKED = {
    "trailing_minus": ("N T", "C N T", "N C T", "N T C"),
    "parentheses": ("( N )", "( C N )", "( N C )", "C ( N )"),
} | dict.fromkeys(LETTERED, ("N W", "W N", "C N W", "N C W", "N W C", "W C N", "W N C", "C W N"))

_ORDINAL = "(?:er|st|nd|rd|th|[\u00ba\u00b0])?"
"""What may stand behind the first day of a month, in languages that count it so."""


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
    return canonical_of(column, quote_name(column.name))


def canonical_of(column: DeclaredColumn, text: str) -> str:
    """The same of another text than that of the column itself."""
    form = column.form
    said = stated(column, text)
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
    value = _plain(form, value)
    if holds == "amount":
        return _amount(form, value)
    if holds == "date" and form.is_canonical:
        return f"cast(iso_date({value}) as varchar)"
    if holds == "date":
        return f"day_text({_first(_moments(form, value))})"
    return _instant(form, value)


def _comparable(holds: Holds, form: WrittenAs, value: str) -> str:
    """The same, so that what two forms read alike is the same text.

    An amount with parts of a cent is none; but it is a reading, so that no other form takes its
    decimals for thousands.
    """
    if holds == "amount":
        amount = _amount(form, _plain(form, value))
        return f"coalesce(cast(money({amount}) as varchar), {amount})"
    return _reading(holds, form, value)


def doubt(column: DeclaredColumn, text: str) -> str:
    """What is doubtful about the local time of an instant, as an expression over its text."""
    value = f"clean_text({stated(column, text)})"
    doubts = [
        f"local_doubt({_first(local)}, {quote_text(form.zone)})"
        for form in column.form.written_as
        if form.zone is not None and (local := _local(form, _plain(form, value)))
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


def _plain(form: WrittenAs, value: str) -> str:
    narrow = f"half_width({value})" if form.width == "full" else value
    plain = f"plain_digits({narrow})" if form.digits == "any" else narrow
    return f"common_era({plain}, {quote_text(form.era)})" if form.era else plain


def _amount(form: WrittenAs, value: str) -> str:
    words = [word for name in LETTERED.keys() & form.negative for word in LETTERED[name]]
    below_zero = f"[{MINUS}(-]" + (f"|{_in_any_case(words)}" if words else "")
    said = map(
        quote_text,
        (amount_pattern(form), _any_of(form.currency) or "^$", below_zero, form.decimal or "."),
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
        "W": _in_any_case(word for words in LETTERED.values() for word in words),
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
    """Digits alone or in groups, of which the first begins with no zero: 0.005 is no 5."""
    if not form.thousands:
        return "[0-9]+"
    alike = next((it for it in (SPACES, APOSTROPHES) if form.thousands in it), form.thousands)
    mark = f"[{escaped(alike)}]"
    grouped = (
        f"[1-9][0-9]?(?:{mark}[0-9]{{2}})*{mark}[0-9]{{3}}"
        if form.grouping == "indian"
        else f"[1-9][0-9]{{0,2}}(?:{mark}[0-9]{{3}})+"
    )
    return f"(?:[0-9]+|{grouped})"


def _in_any_case(words: Iterable[str]) -> str:
    return f"(?i:{_any_of(words)})"


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
    made = [_parsed(form, it, value) for it in form.all_formats if _says_zone(it)]
    return made + (_counted(form, value) if form.epoch != "days" else [])


def _counted(form: WrittenAs, value: str) -> list[str]:
    """The reading of what is counted since 1970, if it is."""
    return [f"epoch_moment({value}, {quote_text(form.epoch)})"] if form.epoch else []


def _local(form: WrittenAs, value: str) -> list[str]:
    """The readings that say no zone, as TIMESTAMP."""
    if not form.names_moments:
        return [f"case when not has_zone({value}) then utc_timestamp({value}) end"]
    return _moments(form, value)


def _moments(form: WrittenAs, value: str) -> list[str]:
    made = [_parsed(form, it, value) for it in form.all_formats if not _says_zone(it)]
    days = {1900: "excel_moment", 1904: "excel_moment_from_1904"}
    made += [f"{days[form.excel_serial]}({value})"] if form.excel_serial else []
    return made + (_counted(form, value) if form.epoch == "days" else [])


def _says_zone(text: str) -> bool:
    return bool({"z", "Z"} & {*directives_in(text)})


def _parsed(form: WrittenAs, text: str, value: str) -> str:
    value = f"half_day({value})" if "%p" in text else value
    letters = directives_in(text)
    if "Z" in letters or (form.language and {"b", "B"} & {*letters}):
        pattern = pattern_of(text, _shapes(form))
        read = _put_together(form, letters, value, quote_text(f"^(?:{pattern})$"))
    else:
        pattern, read = pattern_of(text), f"try_strptime({value}, {quote_text(text)})"
    read = f"timezone('UTC', {read})" if _says_zone(text) else read
    return f"case when regexp_full_match({value}, {quote_text(pattern)}) then {read} end"


def _shapes(form: WrittenAs) -> dict[str, str]:
    """The directives as groups of a regular expression, with names in the form's language."""
    shapes = {letter: f"({shape})" for letter, shape in DIRECTIVES.items()}
    shapes |= dict.fromkeys("aA", r"[\p{L}-]+\.?")
    shapes["Z"] = f"({_any_of([*UTC_NAMES, *(name for name, _ in form.zones)])})"
    if form.language:
        shapes |= dict.fromkeys("bB", r"(\p{L}+)\.?")
        shapes["d"] += _ORDINAL
    return shapes


def _put_together(form: WrittenAs, letters: list[str], value: str, pattern: str) -> str:
    """The moment whose parts are the groups of a pattern: names of months and zones as numbers."""
    parts = [it for it in letters if it not in "aA"]
    places = {letter: place for place, letter in enumerate(parts, 1)}
    named = [it for it in parts if it == "Z" or (form.language and it in "bB")]
    rest = [it for it in parts if it not in named]
    groups = quote_text(" ".join(f"\\{places[it]}" for it in rest))
    texts, formats = [f"regexp_replace({value}, {pattern}, {groups})"], [f"%{it}" for it in rest]
    for it in named:
        name = f"regexp_extract({value}, {pattern}, {places[it]})"
        texts.append(_offset(form, name) if it == "Z" else _month(form, name))
        formats.append("%z" if it == "Z" else "%m")
    text = " || ' ' || ".join(texts)
    return f"try_strptime({text}, {quote_text(' '.join(formats))})"


def _month(form: WrittenAs, name: str) -> str:
    names = ", ".join(quote_text(it) for language in form.language for it in MONTHS[language])
    return f"cast(month_number({name}, [{names}]) as varchar)"


def _offset(form: WrittenAs, name: str) -> str:
    cases = [f"when {quote_text(it)} then {quote_text(offset)}" for it, offset in form.zones]
    return f"case {name} {' '.join(cases)} else '+00:00' end" if cases else "'+00:00'"


def _first(expressions: list[str]) -> str:
    return expressions[0] if len(expressions) == 1 else f"coalesce({', '.join(expressions)})"
