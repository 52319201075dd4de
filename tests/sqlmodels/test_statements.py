"""What is read from a SQL file, and what is refused in one."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from benepass_tasks.config.errors import ModelError
from benepass_tasks.sqlmodels.macros import read_macros
from benepass_tasks.sqlmodels.statements import make_model, read_sql
from benepass_tasks.sqlmodels.syntax import reading

if TYPE_CHECKING:
    from collections.abc import Mapping

    from benepass_tasks.sqlmodels.definitions import Macro, Model
    from benepass_tasks.sqlmodels.syntax import Reader


def model(root: Path, sql: str, **macros: str) -> Model:
    with reading() as reader:
        known = read(reader, root, macros)
        path = written(root, "sql/marts/x.sql", sql)
        return make_model(reader, "marts.x", path, read_sql(root, path), known)


def read(reader: Reader, root: Path, macros: Mapping[str, str]) -> dict[str, Macro]:
    paths = [written(root, f"sql/macros/{name}.sql", sql) for name, sql in macros.items()]
    problems: list[str] = []
    found = read_macros(reader, root, paths, problems)
    if problems:
        raise ModelError("\n".join(problems))
    return found


def written(root: Path, name: str, sql: str) -> Path:
    (root / name).parent.mkdir(parents=True, exist_ok=True)
    (root / name).write_text(sql)
    return Path(name)


@pytest.mark.parametrize(
    ("sql", "references"),
    [
        ("select a from staging.s", ("staging.s",)),
        ("with s as (select a from raw.t) select a from s", ("raw.t",)),
        ("from raw.t", ("raw.t",)),
        ("select a from Raw.T join marts.m using (a)", ("marts.m", "raw.t")),
        (
            "select (select max(a) from raw.u) from raw.t where a in (from raw.v)",
            ("raw.t", "raw.u", "raw.v"),
        ),
        ("select a from raw.t union all select a from raw.u", ("raw.t", "raw.u")),
        ("select a from raw.t anti join raw.u using (a)", ("raw.t", "raw.u")),
        ("select a from raw.t, unnest([1, 2]) as n(i)", ("raw.t",)),
        ("select i from range(3) as r(i)", ()),
        ("select 'raw.nope' as a -- from raw.nope\n from raw.t", ("raw.t",)),
        ("with recursive r as (select a from raw.t union all select a from r) from r", ("raw.t",)),
    ],
)
def test_references_are_read_from_the_syntax(
    tmp_path: Path, sql: str, references: tuple[str, ...]
) -> None:
    assert model(tmp_path, sql).references == references


@pytest.mark.parametrize(
    "other",
    [
        "select a from raw.t -- a remark",
        "/* a remark */ select a\n\n  from raw.t ;",
        "select a from raw.t;",
    ],
)
def test_comments_and_layout_are_not_part_of_the_code_version(tmp_path: Path, other: str) -> None:
    assert (
        model(tmp_path, other).code_version == model(tmp_path, "select a from raw.t").code_version
    )


@pytest.mark.parametrize(
    "other",
    [
        "select b from raw.t",
        "select 'a' from raw.t",
        'select "a b" from raw.t',
        "select a from raw.t where a = '-- no remark'",
    ],
)
def test_anything_else_is_part_of_the_code_version(tmp_path: Path, other: str) -> None:
    assert (
        model(tmp_path, other).code_version != model(tmp_path, "select a from raw.t").code_version
    )


def test_a_string_is_not_a_column_in_the_code_version(tmp_path: Path) -> None:
    queries = [f"select {it} from raw.t" for it in ("a", "'a'", '"A"')]
    assert len({model(tmp_path, it).code_version for it in queries}) == 3


def test_the_code_version_covers_the_macros_that_are_reached(tmp_path: Path) -> None:
    outer = "create or replace macro outer_one(v) as inner_one(v)"
    inner = "create or replace macro inner_one(v) as getvariable('pii_masking') and v"
    other = inner.replace("and v", "or v")
    sql = "select outer_one(a) from raw.t"
    first = model(tmp_path, sql, outer_one=outer, inner_one=inner)
    assert first.macros == {"outer_one", "inner_one"}
    assert first.variables == {"pii_masking"}
    assert first.code_version != model(tmp_path, sql, outer_one=outer, inner_one=other).code_version
    unused = model(tmp_path, "select a from raw.t", outer_one=outer, inner_one=inner)
    assert unused.macros == frozenset()
    assert unused.code_version == model(tmp_path, "select a from raw.t").code_version


@pytest.mark.parametrize(
    ("sql", "message"),
    [
        ("", "holds no statement"),
        ("-- nothing but a remark", "holds no statement"),
        ("select a from raw.t; select b from raw.t", "must hold exactly one SELECT"),
        ("create table x as select 1", "must hold exactly one SELECT"),
        ("drop table raw.t", "must hold exactly one SELECT"),
        ("select\n\n(", "sql/marts/x.sql:3:1 cannot be read as SQL"),
        ("select a from t", "t is neither a CTE nor written as layer.table"),
        ("select a from other.raw.t", "names a database; write layer.table"),
        ("select a from read_csv('x.csv')", "reads from read_csv(...); a model reads tables of"),
        ("select a from read_parquet('x')", "reads from "),
        ("select a from query_table('raw.t')", "reads from query_table(...)"),
        ("select a from 'x.csv'", "x.csv"),
        ("select\n  now() as a", "sql/marts/x.sql:2 now differs from run to run"),
        ("select current_date as a", "current_date differs from run to run"),
        ("select a from raw.t using sample 3", "a sample differs from run to run"),
        ("select random() as a", "random differs from run to run"),
        ("select uuid() as a", "uuid differs from run to run"),
        ("select getvariable('nope')", "getvariable takes the name of a setting: 'as_of_date' or"),
        ("select getvariable(a) from raw.t", "getvariable takes the name of a setting"),
    ],
)
def test_what_cannot_be_used_is_refused(tmp_path: Path, sql: str, message: str) -> None:
    with pytest.raises(ModelError) as raised:
        model(tmp_path, sql)
    assert message in str(raised.value)


@pytest.mark.parametrize(
    "sql", ["select today from raw.t", "select 'now()' as a", "select t.random from raw.t"]
)
def test_columns_and_texts_named_like_such_functions_are_fine(tmp_path: Path, sql: str) -> None:
    model(tmp_path, sql)


@pytest.mark.parametrize(
    ("sql", "message"),
    [
        ("create macro m(v) as v", "must begin with: create or replace macro m(...) as"),
        ("create or replace macro n(v) as v", "must begin with: create or replace macro m(...)"),
        ("create or replace macro m(v) as v; drop table raw.t", "more than one statement"),
        ("create or replace macro m(v) as now()", "now differs from run to run"),
        ("create or replace macro m(v) as getvariable('x')", "takes the name of a setting"),
    ],
)
def test_a_macro_that_cannot_be_used_is_refused(tmp_path: Path, sql: str, message: str) -> None:
    with pytest.raises(ModelError) as raised:
        model(tmp_path, "select m(a) from raw.t", m=sql)
    assert message in str(raised.value)
