"""Environments: settings of luigi.cfg that one of dev, staging and prod has otherwise."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

import luigi
import pytest
from luigi.cmdline_parser import CmdlineParser

from benepass_tasks.cli.program import main
from benepass_tasks.config.errors import ProjectError
from benepass_tasks.config.settings import current_settings, other_warehouses

if TYPE_CHECKING:
    from collections.abc import Iterator

    from luigi.configuration import LuigiConfigParser

SECTIONS = ("benepass", "environments")

ENTRIES = {
    "dev.warehouse": "data/dev/warehouse.duckdb",
    "dev.published_dir": "data/published/dev",
    "dev.site_dir": "data/site/dev",
    "dev.pii_masking": "false",
    "dev.as_of": "2026-01-31",
    "prod.memory_limit": "8GB",
}


@pytest.fixture
def config() -> Iterator[LuigiConfigParser]:
    """Luigi's configuration with two environments, put back afterwards."""
    config = luigi.configuration.get_config()
    before = {
        it: dict(config.items(it, raw=True)) if config.has_section(it) else {} for it in SECTIONS
    }
    for section in SECTIONS:
        config.remove_section(section)
    for name, value in ENTRIES.items():
        config.set("environments", name, value)
    yield config
    for section, entries in before.items():
        config.remove_section(section)
        for name, value in entries.items():
            config.set(section, name, value)


def test_an_environment_has_some_settings_otherwise_and_the_others_as_all(
    config: LuigiConfigParser,
) -> None:
    config.set("benepass", "memory_limit", "3GB")
    config.set("benepass", "env", "dev")
    dev = current_settings()
    assert (dev.env, dev.as_of, dev.pii_masking) == ("dev", date(2026, 1, 31), False)
    assert dev.warehouse == dev.project_dir / "data/dev/warehouse.duckdb"
    assert dev.memory_limit == "3GB"
    config.set("benepass", "env", "prod")
    prod = current_settings()
    assert (prod.env, prod.pii_masking, prod.memory_limit) == ("prod", True, "8GB")
    assert prod.warehouse == prod.project_dir / "data/warehouse.duckdb"


@pytest.mark.usefixtures("config")
def test_without_one_the_settings_are_those_of_all() -> None:
    assert current_settings().env == ""
    assert current_settings().memory_limit == "1200MB"


@pytest.mark.usefixtures("config")
def test_a_flag_of_luigi_stands_above_the_environment() -> None:
    flags = ["BuildMarts", "--benepass-env", "dev", "--benepass-as-of", "2026-02-28"]
    with CmdlineParser.global_instance(flags):
        told = current_settings()
    assert (told.as_of, told.pii_masking) == (date(2026, 2, 28), False)


@pytest.mark.parametrize(
    "flags",
    [
        ["--benepass-env", "dev", "--benepass-memory-limit", "2GB"],
        ["--benepass-memory-limit", "2GB", "--benepass-env", "dev"],
    ],
)
def test_so_does_one_of_a_command_whatever_their_order(
    config: LuigiConfigParser,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    flags: list[str],
) -> None:
    config.set("environments", "dev.memory_limit", "4GB")
    found = []

    def look() -> None:
        found.append(current_settings())
        raise ProjectError("seen")

    monkeypatch.setattr("benepass_tasks.cli.past.current_settings", look)
    assert main([*flags, "status"]) == 1
    assert "seen" in capsys.readouterr().err
    (told,) = found
    assert (told.env, told.memory_limit, told.pii_masking) == ("dev", "2GB", False)
    assert current_settings().env == "", "it holds for its command alone"


def test_one_that_is_not_there_is_refused_with_those_that_are(config: LuigiConfigParser) -> None:
    config.set("benepass", "env", "production")
    with pytest.raises(ProjectError, match=r"is 'production'.*there are: dev, prod$"):
        current_settings()


@pytest.mark.parametrize(
    ("entry", "said"),
    [
        ("prod.warehose", r"prod\.warehose of \[environments\].*did you mean 'prod\.warehouse'"),
        ("prod.env", r"prod\.env of \[environments\] is not a setting"),
        ("warehouse", "warehouse of .* write its name, a dot and a setting"),
        (".warehouse", r"\.warehouse of"),
        ("../prod.warehouse", r"\.\./prod\.warehouse of"),
    ],
)
def test_an_entry_that_would_do_nothing_is_refused(
    config: LuigiConfigParser, entry: str, said: str
) -> None:
    config.set("environments", entry, "x")
    with pytest.raises(ProjectError, match=said):
        current_settings()


@pytest.mark.parametrize(
    ("entry", "value"),
    [
        ("prod.warehouse", "data/dev/../dev/warehouse.duckdb"),
        ("prod.published_dir", "data/published/dev"),
        ("prod.site_dir", "data/site/dev"),
        ("prod.site_dir", "data/published/dev"),
    ],
)
def test_two_that_would_share_a_place_are_refused_before_anything_runs(
    config: LuigiConfigParser, entry: str, value: str
) -> None:
    config.set("environments", entry, value)
    with pytest.raises(ProjectError, match=f"dev and prod would both have .*{entry}"):
        current_settings()


def test_two_that_share_it_because_neither_names_one_are_refused_too(
    config: LuigiConfigParser,
) -> None:
    config.set("environments", "staging.memory_limit", "2GB")
    with pytest.raises(ProjectError, match=r"prod and staging.*staging\.warehouse"):
        current_settings()


def test_a_setting_of_the_wrong_form_is_refused(config: LuigiConfigParser) -> None:
    config.set("environments", "dev.as_of", "yesterday")
    config.set("benepass", "env", "dev")
    with pytest.raises(ProjectError, match="cannot be read"):
        current_settings()


def test_the_warehouses_of_the_other_environments_are_known(config: LuigiConfigParser) -> None:
    here = current_settings().project_dir
    config.set("benepass", "env", "dev")
    others = other_warehouses()
    assert others.keys() == {"", "prod"}
    assert others[""] == here / "data/warehouse.duckdb"
    assert current_settings().warehouse not in others.values()
