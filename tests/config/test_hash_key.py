"""The keyed pseudonym: HMAC-SHA-256 in DuckDB, with a key that is never written anywhere."""

from __future__ import annotations

import hashlib
import hmac
from pathlib import Path
from typing import TYPE_CHECKING

import duckdb
import pytest
from examples import examples
from hypothesis import given
from hypothesis import strategies as st

from benepass_tasks.config.errors import ProjectError
from benepass_tasks.config.hash_key import HashKey, read_hash_key

if TYPE_CHECKING:
    from workspace import Workspace

MACRO = (Path(__file__).parents[2] / "sql/macros/keyed_hash.sql").read_text(encoding="utf-8")
KEY = "0123456789abcdef0123456789abcdef-kept-where-secrets-are"
OTHER_KEY = "fedcba9876543210fedcba9876543210"
NAMED = """create or replace macro mask_name(value) as keyed_hash(value);"""


@pytest.fixture(scope="module")
def database() -> duckdb.DuckDBPyConnection:
    """A database that has the macro, and no key yet."""
    connection = duckdb.connect()
    connection.execute(MACRO)
    return connection


def session(database: duckdb.DuckDBPyConnection, key: bytes) -> duckdb.DuckDBPyConnection:
    connection = database.cursor()
    for name, value in HashKey(key).pads.items():
        connection.execute(f"set variable {name} = {value}")
    return connection


@examples(30)
@given(key=st.binary(min_size=1, max_size=200), text=st.text())
def test_it_is_hmac_sha_256(database: duckdb.DuckDBPyConnection, key: bytes, text: str) -> None:
    with session(database, key) as connection:
        made = connection.execute("select keyed_hash(?)", [text]).fetchone()
    assert made == (hmac.new(key, text.encode(), hashlib.sha256).hexdigest(),)


def test_null_stays_null_and_equal_texts_stay_equal(database: duckdb.DuckDBPyConnection) -> None:
    with session(database, b"k" * 32) as connection:
        made = connection.execute(
            "select keyed_hash(null), keyed_hash('E1') = keyed_hash('E1'), "
            "keyed_hash('E1') = keyed_hash('e1')"
        ).fetchone()
    assert made == (None, True, False)


def test_a_session_without_the_key_gets_nothing(database: duckdb.DuckDBPyConnection) -> None:
    with database.cursor() as connection:
        assert connection.execute("select keyed_hash('E1')").fetchone() == (None,)


def test_a_key_shows_itself_to_nobody() -> None:
    key = HashKey(KEY.encode())
    assert KEY not in repr(key)
    assert KEY not in key.fingerprint
    assert hashlib.sha256(KEY.encode()).hexdigest() != key.fingerprint


def test_a_short_key_is_refused_without_being_quoted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BENEPASS_HASH_KEY", "hunter2")
    with pytest.raises(ProjectError, match="has 7 characters and must have at least 32") as caught:
        read_hash_key()
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize(("length", "is_enough"), [(31, False), (32, True)])
def test_a_key_has_32_characters_at_least(
    monkeypatch: pytest.MonkeyPatch, length: int, *, is_enough: bool
) -> None:
    monkeypatch.setenv("BENEPASS_HASH_KEY", "k" * length)
    if is_enough:
        assert read_hash_key() == HashKey(b"k" * length)
    else:
        with pytest.raises(ProjectError, match=f"has {length} characters"):
            read_hash_key()


@pytest.fixture
def hashing(workspace: Workspace) -> Workspace:
    """A project whose dimension of employees has ids hashed."""
    workspace.replace(
        "sql/marts/dim_employees.sql",
        "    employee_id,\n    first_name",
        "    keyed_hash(employee_id) as employee_id,\n    first_name",
    )
    workspace.describe("employee_id", "*employee_id")
    workspace.settings["force"] = ""
    return workspace


def ids(workspace: Workspace) -> set[str]:
    return {made for (made,) in workspace.query("select employee_id from marts.dim_employees")}


@pytest.mark.slow
def test_without_a_key_nothing_is_built(hashing: Workspace) -> None:
    result = hashing.run_command(BENEPASS_HASH_KEY="")
    assert result.returncode == 35
    assert (
        "marts.dim_employees: made with keyed_hash, which needs a key, and BENEPASS_HASH_KEY is "
        "not set: make one with `openssl rand -hex 32`"
    ) in result.stdout + result.stderr
    assert not hashing.warehouse.exists()


@pytest.mark.slow
def test_another_key_makes_other_pseudonyms_and_the_same_key_makes_nothing(
    hashing: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BENEPASS_HASH_KEY", KEY)
    hashing.run("marts.dim_employees")
    first = ids(hashing)
    assert first == {
        hmac.new(KEY.encode(), made.encode(), hashlib.sha256).hexdigest()
        for made in ("E1", "E2", "E3")
    }
    assert hashing.run("marts.dim_employees") == set()
    monkeypatch.setenv("BENEPASS_HASH_KEY", OTHER_KEY)
    assert "marts.dim_employees" in hashing.run("marts.dim_employees")
    assert not first & ids(hashing)


@pytest.mark.slow
def test_the_key_is_in_no_file_and_no_output(hashing: Workspace) -> None:
    debug = ("--log-level", "DEBUG")
    result = hashing.run_command(*debug, task="marts.dim_employees", BENEPASS_HASH_KEY=KEY)
    assert result.returncode == 0
    pads = HashKey(KEY.encode()).pads.values()
    secrets = [KEY, KEY.encode().hex(), *(pad.split("'")[1] for pad in pads)]
    written = [path.read_bytes() for path in hashing.root.rglob("*") if path.is_file()]
    for secret in secrets:
        assert secret not in result.stdout + result.stderr
        forms = [secret.encode()]
        if len(secret) % 2 == 0 and not set(secret) - set("0123456789abcdef"):
            forms.append(bytes.fromhex(secret))
        assert not any(form in content for form in forms for content in written)
