"""What differs with texts: white space, letters, regular expressions."""

import functools
import re

import duckdb
from sqlglot import exp

from benepass_tasks.sqlmodels.spark import patterns
from benepass_tasks.sqlmodels.spark.building import (
    Columns,
    call,
    case,
    constant,
    function,
    rewrites,
    text,
)
from benepass_tasks.sqlmodels.spark.refused import RefusedError, shown

LINE_ENDS = (0x2028, 0x2029)
ASCII = r"\A[\x{0}-\x{7F}]*\z"
SPACES = "".join(
    chr(point)
    for first, last in patterns.SEPARATOR
    for point in range(first, last + 1)
    if point not in LINE_ENDS
)
"""What DuckDB's trim takes from the ends; Spark's takes spaces alone."""


@rewrites(exp.Chr)
def written_out(node: exp.Chr, columns: Columns) -> exp.Expr:  # noqa: ARG001
    """Write a character out: Spark's chr(n) is that of n modulo 256."""
    return text(constant(node))


@rewrites(exp.Lower)
def lower(node: exp.Lower, columns: Columns) -> exp.Expr:  # noqa: ARG001
    """Make letters small one by one, as DuckDB does, each as this DuckDB does it.

    Spark and Sail have the last Σ of a word become ς, and İ two letters; which of the younger
    alphabets has small letters follows from their versions.
    """
    large, small = small_letters()
    is_plain = exp.RegexpLike(this=node.this.copy(), expression=text(ASCII))
    other = call("translate", node.this.copy(), text(large), text(small))
    return case((is_plain, call("lower", node.this.copy())), default=other)


@functools.cache
def small_letters() -> tuple[str, str]:
    """The letters that DuckDB makes small, and what it makes of them."""
    asked = (
        "select chr(point::integer) as letter, lower(letter) as small "
        "from range(1, 1114112) as it(point) "
        "where point not between 55296 and 57343 and small <> letter order by point"
    )
    with duckdb.connect() as database:
        found = database.execute(asked).fetchall()
    return "".join(letter for letter, _ in found), "".join(small for _, small in found)


@rewrites(exp.Trim)
def trim(node: exp.Trim, columns: Columns) -> exp.Expr:  # noqa: ARG001
    """Say what is trimmed: of white space DuckDB takes all of Unicode's, and no tabs."""
    taken = node.expression or text(SPACES)
    name = {"LEADING": "ltrim", "TRAILING": "rtrim"}.get(node.text("position").upper(), "btrim")
    return (
        call(name, node.this, taken)
        if name == "btrim"
        else exp.Trim(this=node.this, expression=taken, position=node.args.get("position"))
    )


@rewrites(exp.Translate)
def translate(node: exp.Translate, columns: Columns) -> exp.Expr:  # noqa: ARG001
    """Keep the call as it is, which sqlglot would give the names of other engines."""
    return call("translate", node.this, node.args["from_"], node.args["to"])


@function("suffix")
def suffix(node: exp.Anonymous, columns: Columns) -> exp.Expr:  # noqa: ARG001
    """Call it by Spark's name."""
    return call("endswith", *node.expressions)


@function("strlen")
def strlen(node: exp.Anonymous, columns: Columns) -> exp.Expr:  # noqa: ARG001
    """Call the number of bytes by Spark's name."""
    return call("octet_length", *node.expressions)


@rewrites(exp.Length)
def length(node: exp.Length, columns: Columns) -> exp.Expr:  # noqa: ARG001
    """Count the characters of a text."""
    return call("char_length", node.this)


@function("nfc_normalize")
def nfc_normalize(node: exp.Anonymous, columns: Columns) -> exp.Expr:  # noqa: ARG001
    """Call the function that comes with the session: neither engine has one."""
    return call("nfc_normalize", *node.expressions)


@rewrites(exp.RegexpFullMatch)
def full_match(node: exp.RegexpFullMatch, columns: Columns) -> exp.Expr:  # noqa: ARG001
    """Match a text as a whole, by a pattern that says so."""
    pattern = _pattern(node.expression, is_whole=True)
    return exp.RegexpLike(this=node.this, expression=pattern)


@rewrites(exp.RegexpLike)
def matches(node: exp.RegexpLike, columns: Columns) -> exp.Expr:  # noqa: ARG001
    """Match by a pattern that means the same elsewhere."""
    return exp.RegexpLike(this=node.this, expression=_pattern(node.expression))


@rewrites(exp.JSONExtractScalar)
def of_json(node: exp.JSONExtractScalar, columns: Columns) -> exp.Expr:  # noqa: ARG001
    """Take the text that an object of JSON has by a name; other paths are not read alike."""
    root, *keys = node.expression.expressions
    names = [it.name for it in keys if isinstance(it, exp.JSONPathKey)]
    is_plain = isinstance(root, exp.JSONPathRoot) and len(names) == len(keys) == 1
    if not is_plain or not re.fullmatch(r"\w+", names[0]):
        raise RefusedError(node, f"{shown(node)}: write json_extract_string(object, '$.name')")
    return call("get_json_object", node.this, text(f"$.{names[0]}"))


@rewrites(exp.RegexpExtract)
def extract(node: exp.RegexpExtract, columns: Columns) -> exp.Expr:  # noqa: ARG001
    """Take a group by a pattern that means the same elsewhere, and say which: Spark's is 1."""
    group = node.args.get("group") or exp.Literal.number(0)
    return call("regexp_extract", node.this, _pattern(node.expression), group)


@rewrites(exp.RegexpReplace)
def replace(node: exp.RegexpReplace, columns: Columns) -> exp.Expr:  # noqa: ARG001
    """Replace what a pattern finds: Spark replaces all, and calls groups $1."""
    pattern = constant(node.expression)
    flags = node.args.get("modifiers")
    options = constant(flags) if flags is not None else ""
    if options not in ("", "g"):
        raise RefusedError(node, f"the options '{options}' of regexp_replace; write a pattern")
    if options == "g" and patterns.matches_nothing(pattern):
        raise RefusedError(node, f"'{pattern}' also matches nothing; write one that takes a letter")
    if not options and not patterns.is_once(pattern):
        raise RefusedError(
            node,
            f"regexp_replace of the first match of '{pattern}'; begin it with ^, end it with $, "
            "or replace all with the option 'g'",
        )
    return call("regexp_replace", node.this, _pattern(node.expression), _replacement(node))


def _replacement(node: exp.RegexpReplace) -> exp.Expr:
    given = node.args.get("replacement")
    written = constant(given) if given is not None else ""
    if re.search(r"\\[0-9][0-9A-Za-z_]|[$]|\\[^0-9]", written):
        raise RefusedError(
            node,
            f"'{written}' puts a letter, a digit or _ right after a group, or holds $ or \\; put "
            "texts together with || instead",
        )
    return text(re.sub(r"\\([0-9])", r"$\1", written))


def _pattern(node: exp.Expr, *, is_whole: bool = False) -> exp.Literal:
    try:
        return text(patterns.translated(constant(node), is_whole=is_whole))
    except patterns.UnknownPatternError as error:
        raise RefusedError(node, f"{error}; write out what it stands for") from None
