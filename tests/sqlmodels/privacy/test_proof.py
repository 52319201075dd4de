"""What the proof sees: every way on which personal data could reach a column unsaid."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from small_project import MASKED, NONE, SOURCE, SmallProject

from benepass_tasks.config.errors import ModelError

if TYPE_CHECKING:
    from pathlib import Path

IDENTIFIER = SOURCE["first_name"]
EMAIL = SOURCE["email"]
HASHED = {"class": "pseudonym", "kind": "EMPLOYEE_ID", "treatment": "hash"}


@pytest.fixture
def small(tmp_path: Path) -> SmallProject:
    return SmallProject(tmp_path)


def rules_of(small: SmallProject, expression: str, pii: dict[str, Any]) -> set[str]:
    small.add("marts.x", f"select {expression} as it from raw.people", it=pii)
    return small.rules().get("marts.x.it", set())


@pytest.mark.parametrize(
    ("expression", "pii"),
    [
        ("team", NONE),
        ("id", SOURCE["id"]),
        ("first_name", IDENTIFIER),
        ("tidy(first_name)", IDENTIFIER),
        ("hired", SOURCE["hired"]),
        ("salary", SOURCE["salary"]),
        ("mask_email(email)", MASKED),
        ("mask_email(tidy(email))", MASKED),
        ("upper(mask_email(email))", MASKED),
        ("coalesce(mask_email(email), 'none')", MASKED),
        ("case when team = 'a' then mask_email(email) end", MASKED),
        ("pseudonym(id)", HASHED),
        ("count(email)", NONE),
        ("count(distinct first_name)", NONE),
        ("'constant'", NONE),
        ("first_name || id", IDENTIFIER),
    ],
)
def test_what_is_declared_as_it_is_passes(
    small: SmallProject, expression: str, pii: dict[str, Any]
) -> None:
    assert rules_of(small, expression, pii) == set()


@pytest.mark.parametrize(
    "expression",
    [
        "email",
        "lower(email)",
        "mask_email(email) || email",
        "coalesce(mask_email(null), first_name)",
        "md5(email)",
        "sha256(email)",
        "min(first_name)",
        "list(first_name)",
        "mode(first_name)",
        "arg_max(first_name, team)",
        "string_agg(first_name, ',')",
        "struct_pack(a := first_name)",
        "{'a': email}",
        "[email]",
        "map {'a': email}",
        "(select max(email) from raw.people)",
        "(select p.first_name from raw.people as p where p.id = people.id limit 1)",
        "if(team = 'a', mask_email(email), email)",
        "case team when 'a' then first_name end",
        "first_value(first_name) over (order by team)",
        "lag(email) over (order by team)",
        "split_part(email, '@', 1)",
        "reverse(email)",
        "left(first_name, 1)",
        "list_transform([email], lambda x: x)",
        "[x for x in [email]]",
        "coalesce(team, email)",
        "greatest(team, first_name)",
        "try_cast(email as varchar)",
        "format('{}', email)",
        "tidy(email)",
        "mask_email('a@' || first_name)",
        "max(email) filter (where team = 'a')",
        "encode(email)",
        "array_agg(struct_pack(n := first_name))[1].n",
    ],
)
@pytest.mark.parametrize(
    ("declared", "rule"),
    [(NONE, "undeclared"), (MASKED, "treatment"), (SOURCE["id"], "leak")],
    ids=["undeclared", "declared masked", "declared a pseudonym"],
)
def test_no_evasion_passes(
    small: SmallProject, expression: str, declared: dict[str, Any], rule: str
) -> None:
    assert rule in rules_of(small, expression, declared)


@pytest.mark.parametrize(
    "model",
    [
        (
            "with a as (select email as b from raw.people), c as (select b as d from a) "
            "select d as it from c"
        ),
        "select it from (select * from (select email as it from raw.people))",
        (
            "select it from "
            "(select team as it from raw.people union all select email from raw.people)"
        ),
        (
            "select * exclude (id, first_name, hired, salary, team, email, _source_file, "
            "_row_number, _dlt_load_id), email as it from raw.people"
        ),
        "select it from (select * rename (email as it) from raw.people)",
        (
            "from (select team as it from raw.people) except all select first_name from raw.people "
            "union select email from raw.people"
        ),
        "select b.email as it from raw.people as a join raw.people as b using (id)",
        "select u.it from raw.people, unnest([email]) as u(it)",
        "select s.e as it from (select {'e': email, 'f': team} as s from raw.people)",
        "select team || n as it from (select team, email as n from raw.people)",
        "select email as n, n as it from raw.people",
    ],
)
def test_no_detour_hides_it(small: SmallProject, model: str) -> None:
    columns = {"n": EMAIL, "it": NONE} if model.startswith("select email as n") else {"it": NONE}
    small.add("marts.x", model, **columns)
    assert "undeclared" in small.rules()["marts.x.it"]


def test_no_layer_hides_it(small: SmallProject) -> None:
    small.add("staging.s", "select email as a from raw.people", a=EMAIL)
    small.add("intermediate.i", "select lower(a) as b from staging.s", b=EMAIL)
    small.add("marts.x", "\n\nselect\n  left(b, 3) as it\nfrom intermediate.i", it=NONE)
    [finding] = small.prove().findings
    assert str(finding) == (
        "sql/marts/x.sql:4 marts.x.it: carries identifier EMAIL_ADDRESS and declares class none; "
        "nothing personal is declared. Mask it on this path (mask_email, pseudonym), take it out, "
        "or declare it with a reason. Path: people.email -> raw.people.email -> "
        "staging.s.a (sql/staging/s.sql:1, IDENTITY) -> "
        "intermediate.i.b (sql/intermediate/i.sql:1, TRANSFORMATION) -> "
        "marts.x.it (sql/marts/x.sql:4, TRANSFORMATION)"
    )


def test_of_two_paths_the_unmasked_one_is_named(small: SmallProject) -> None:
    small.add(
        "staging.s", "select email, mask_email(email) as m from raw.people", email=EMAIL, m=MASKED
    )
    small.add("marts.x", "select coalesce(m, email) as it from staging.s", it=MASKED)
    [finding] = small.prove().findings
    assert finding.rule == "treatment"
    assert "declares mask, and no approved mask is applied to EMAIL_ADDRESS" in finding.message
    assert "staging.s.email (sql/staging/s.sql:1, IDENTITY)" in finding.message


@pytest.mark.parametrize(
    ("expression", "pii", "said"),
    [
        ("team", IDENTIFIER, "declares class identifier, and no more than none arrives"),
        (
            "id",
            IDENTIFIER | {"kind": "EMPLOYEE_ID"},
            "declares class identifier, and no more than pseudonym arrives",
        ),
        ("mask_email(email)", EMAIL, "declares class identifier, and no more than pseudonym"),
        ("team", SOURCE["salary"], "declares sensitive: true, and nothing sensitive arrives"),
        (
            "id",
            {"class": "pseudonym", "kind": "ACCOUNT_ID"},
            "declares kind ACCOUNT_ID, and EMPLOYEE_ID is what arrives",
        ),
    ],
)
def test_a_declaration_that_nothing_supports_is_reported(
    small: SmallProject, expression: str, pii: dict[str, Any], said: str
) -> None:
    small.add("marts.x", f"select {expression} as it from raw.people", it=pii)
    [finding] = small.prove().findings
    assert finding.rule == "unsupported"
    assert said in finding.message


@pytest.mark.parametrize(
    ("expression", "pii", "rules"),
    [
        ("salary", NONE, {"undeclared"}),
        ("salary", SOURCE["id"], {"leak", "unsupported"}),
        ("salary || id", SOURCE["id"], {"leak"}),
        ("sum(salary::int)", NONE, {"undeclared"}),
        ("mask_email(salary)", NONE, {"undeclared"}),
        ("count(salary)", NONE, set()),
    ],
)
def test_what_is_sensitive_stays_so(
    small: SmallProject, expression: str, pii: dict[str, Any], rules: set[str]
) -> None:
    assert rules_of(small, expression, pii) == rules


def test_masking_lowers_to_a_pseudonym_and_never_to_none(small: SmallProject) -> None:
    assert rules_of(small, "mask_email(email)", NONE) == {"undeclared"}


def test_a_hash_is_not_a_mask_and_a_mask_is_not_a_hash(small: SmallProject) -> None:
    small.add(
        "marts.x",
        "select pseudonym(email) as a, mask_email(email) as b from raw.people",
        a=MASKED,
        b=MASKED | {"treatment": "hash"},
    )
    assert small.rules() == {"marts.x.a": {"treatment"}, "marts.x.b": {"treatment"}}


def test_what_is_declared_dropped_must_not_arrive(small: SmallProject) -> None:
    dropped = {"class": "identifier", "kind": "EMAIL_ADDRESS", "treatment": "drop"}
    assert rules_of(small, "email", dropped) == {"treatment"}
    assert rules_of(small, "null", dropped) == set()


def test_a_raw_column_declares_no_less_than_its_source(small: SmallProject) -> None:
    small.add("marts.x", "select team as it from raw.people", it=NONE)
    small.raw = {"first_name": NONE}
    assert small.rules() == {"raw.people.first_name": {"undeclared"}}


class TestThePolicy:
    def test_a_macro_that_it_does_not_name_masks_nothing(self, small: SmallProject) -> None:
        del small.policy["mask_email"]
        assert rules_of(small, "mask_email(email)", MASKED) == {"treatment"}

    def test_an_edited_mask_must_be_approved_anew(self, small: SmallProject) -> None:
        small.add("marts.x", "select mask_email(email) as it from raw.people", it=MASKED)
        small.policy["mask_email"] = {"fingerprint": "0" * 32} | small.policy["mask_email"]
        proof = small.prove()
        assert small.rules() == {
            "_masking_policy.mask_email": {"policy"},
            "marts.x.it": {"treatment"},
        }
        assert "sql/macros/mask_email.sql is not what was approved" in proof.findings[0].message

    def test_so_must_one_that_calls_an_edited_macro(self, small: SmallProject) -> None:
        small.macros["mask_email"] = "'****' || left(tidy(value), 0)"
        small.macros["tidy"] = "tidier(value)"
        small.macros["tidier"] = "trim(value)"
        small.add("marts.x", "select mask_email(email) as it from raw.people", it=MASKED)
        assert small.rules() == {}
        catalog, _ = small.read()
        small.policy["mask_email"] = {
            "fingerprint": catalog.masks["mask_email"].fingerprint
        } | small.policy["mask_email"]
        small.macros["tidier"] = "value"
        assert small.rules() == {
            "_masking_policy.mask_email": {"policy"},
            "marts.x.it": {"treatment"},
        }

    def test_a_comment_in_a_mask_changes_nothing(self, small: SmallProject) -> None:
        small.add("marts.x", "select mask_email(email) as it from raw.people", it=MASKED)
        catalog, _ = small.read()
        small.policy["mask_email"] = {
            "fingerprint": catalog.masks["mask_email"].fingerprint
        } | small.policy["mask_email"]
        small.macros["mask_email"] = f"-- What it does.\n{small.macros['mask_email']}"
        assert small.rules() == {}

    def test_a_macro_that_is_not_there_is_reported(self, small: SmallProject) -> None:
        small.policy["mask_name"] = {"treatment": "mask"}
        small.add("marts.x", "select team as it from raw.people", it=NONE)
        [finding] = small.prove().findings
        assert str(finding) == (
            "catalog.yaml _masking_policy.mask_name: there is no sql/macros/mask_name.sql "
            "(macros: mask_email, pseudonym, tidy)"
        )

    def test_a_mask_for_emails_masks_no_names(self, small: SmallProject) -> None:
        assert rules_of(small, "mask_email(first_name)", IDENTIFIER | {"treatment": "mask"}) == {
            "treatment"
        }


class TestWhatAnotherParserWouldMisread:
    """Each of these once passed for harmless, and brought a name out."""

    @pytest.mark.parametrize(
        "sql",
        [
            "select 'x' ^@ 'y' || lower(email) as it from raw.people",
            "select email ->> '$' as it from raw.people",
            "select 1 <> any(select 1) || first_name as it from raw.people",
            "select true is true || md5(email) as it from raw.people",
            "select true is not null || email as it from raw.people",
            "select 'a' like 'a' || first_name || 'b' is null || email as it from raw.people",
            "select not false || email as it from raw.people",
            "select 'a' collate nocase || email as it from raw.people",
            "select case when true then 1 end::varchar || email as it from raw.people",
            "select /* {# */ first_name /* #} */ as it from raw.people",
            "select $$'$$ || first_name || $$'$$ as it from raw.people",
            "select e'\\' -- ' || first_name || '\n' as it from raw.people",
            "select $a$ -- $a$ || first_name as it from raw.people",
            "select '' /* ' */ || first_name -- '\n as it from raw.people",
            (
                "with t(a) as (select first_name from raw.people) "
                "select date_trunc(a, date '2026-01-01')::varchar as it from t"
            ),
        ],
    )
    def test_is_seen_through(self, small: SmallProject, sql: str) -> None:
        small.add("marts.x", sql, it=NONE)
        assert "undeclared" in {finding.rule for finding in small.prove().findings}

    @pytest.mark.parametrize(
        ("sql", "said"),
        [
            ("select email -> '$' as it from raw.people", "->"),
            (
                (
                    "with e as (select 1 as one, first_name from raw.people) "
                    "select map {#1: first_name}[1] -- #} {'k': 'v'}['k']\n as it from e"
                ),
                "a column by its position, #1",
            ),
            (
                (
                    "with k as (select first_name as a from raw.people), "
                    "\"\u212a\" as (select 'x' as a) select a as it from k"
                ),
                "the name \u212a",
            ),
            (
                (
                    "with \u00c0 as (select first_name as a from raw.people), "
                    "\u00e0 as (select 'x' as a) select a as it from \u00c0"
                ),
                "the name \u00c0",
            ),
            (
                (
                    "with a as (select 'k' as k, 'x' as x), "
                    "b as (select 'y' as x, first_name as z from raw.people), "
                    "q(c1, c2, c3) as (select * replace ('q' as x) from a, b) "
                    "select c3 as it from q"
                ),
                "REPLACE or RENAME of x",
            ),
        ],
    )
    def test_is_refused(self, small: SmallProject, sql: str, said: str) -> None:
        small.add("marts.x", sql, it=NONE)
        with pytest.raises(ModelError) as refused:
            small.prove()
        assert str(refused.value).startswith(f"sql/marts/x.sql:1 {said}")

    @pytest.mark.parametrize(
        "name", ["like_escape", "contains", "array_agg", "hex", "encode", "last_day", "count"]
    )
    def test_a_macro_has_no_function_s_name(self, small: SmallProject, name: str) -> None:
        small.macros[name] = "value"
        small.add("marts.x", "select team as it from raw.people", it=NONE)
        with pytest.raises(ModelError, match=f"a macro with the name of a function, {name}"):
            small.prove()

    def test_nor_that_of_an_operator(self, small: SmallProject) -> None:
        small.macros["~~"] = "value"
        small.add("marts.x", "select team as it from raw.people", it=NONE)
        with pytest.raises(ModelError, match="the name of a macro has lower-case letters"):
            small.prove()


class TestTheHashKey:
    READS = "encode(value) || getvariable('hash_key_inner')"

    def test_no_model_reads_it(self, small: SmallProject) -> None:
        small.add("marts.x", "select getvariable('hash_key_inner')::varchar as it", it=NONE)
        with pytest.raises(ModelError, match="getvariable takes the name of a setting"):
            small.prove()

    def test_a_macro_that_is_not_an_approved_hash_does_not_either(
        self, small: SmallProject
    ) -> None:
        small.macros["tidy"] = self.READS
        small.macros["mask_email"] = self.READS
        small.add("marts.x", "select team as it from raw.people", it=NONE)
        assert small.rules() == {
            "_masking_policy.tidy": {"policy"},
            "_masking_policy.mask_email": {"policy"},
        }

    def test_an_approved_hash_may(self, small: SmallProject) -> None:
        small.macros["pseudonym"] = self.READS
        small.add("marts.x", "select team as it from raw.people", it=NONE)
        assert small.rules() == {}
