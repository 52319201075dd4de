"""The settings are those that Luigi holds now, however often they are asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING

import luigi
import pytest
from luigi.cmdline_parser import CmdlineParser

from benepass_tasks.config import spark_server
from benepass_tasks.config.errors import ProjectError
from benepass_tasks.config.settings import Settings, current_settings

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from luigi.configuration import LuigiConfigParser


@pytest.fixture
def config() -> Iterator[LuigiConfigParser]:
    """Luigi's configuration without a section of ours, put back afterwards."""
    config = luigi.configuration.get_config()
    before = dict(config.items("benepass", raw=True)) if config.has_section("benepass") else {}
    config.remove_section("benepass")
    yield config
    config.remove_section("benepass")
    for name, value in before.items():
        config.set("benepass", name, value)


def test_what_is_told_once_is_worked_out_once(config: LuigiConfigParser) -> None:
    config.set("benepass", "memory_limit", "3GB")
    assert current_settings() is current_settings()


def test_a_changed_configuration_counts_at_once(config: LuigiConfigParser) -> None:
    config.set("benepass", "memory_limit", "3GB")
    assert current_settings().memory_limit == "3GB"
    config.set("benepass", "memory_limit", "4GB")
    assert current_settings().memory_limit == "4GB"
    config.remove_section("benepass")
    assert current_settings().memory_limit == "1200MB"


def test_a_reference_is_followed_each_time(
    config: LuigiConfigParser, monkeypatch: pytest.MonkeyPatch
) -> None:
    config.set("benepass", "data_dir", "%(published_dir)s/files")
    config.set("benepass", "published_dir", "a")
    assert current_settings().data_dir.parts[-2:] == ("a", "files")
    config.set("benepass", "data_dir", "${FOLDER}/files")
    for folder in ("b", "c"):
        monkeypatch.setenv("FOLDER", folder)
        assert current_settings().data_dir.parts[-2:] == (folder, "files")


@pytest.mark.usefixtures("config")
def test_a_flag_counts_while_its_command_line_does() -> None:
    def limit_of(value: str) -> str:
        flags = ["BuildMarts", "--benepass-memory-limit", value]
        with CmdlineParser.global_instance(flags):
            return current_settings().memory_limit

    assert [limit_of("3GB"), limit_of("4GB")] == ["3GB", "4GB"]
    assert current_settings().memory_limit == "1200MB"


@pytest.mark.usefixtures("config")
def test_a_relative_project_is_where_the_process_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def project_in(folder: Path) -> Settings:
        folder.mkdir()
        monkeypatch.chdir(folder)
        return current_settings()

    for name in ("a", "b"):
        assert project_in(tmp_path / name).project_dir == tmp_path / name


@pytest.mark.usefixtures("config")
@pytest.mark.parametrize(
    ("variable", "value", "name"),
    [
        ("BENEPASS_HASH_KEY", "0123456789abcdef0123456789abcdef", "hash_key"),
        ("BENEPASS_ALERT_WEBHOOK", "https://hooks.example.com/x", "alert_webhook"),
        ("BENEPASS_ALERT_HEARTBEAT", "https://beats.example.com/x", "alert_heartbeat"),
    ],
)
def test_a_secret_comes_from_the_environment_as_it_is_now(
    monkeypatch: pytest.MonkeyPatch, variable: str, value: str, name: str
) -> None:
    monkeypatch.delenv(variable, raising=False)
    assert getattr(current_settings(), name) is None
    monkeypatch.setenv(variable, value)
    assert getattr(current_settings(), name) is not None
    assert value not in repr(current_settings())


@pytest.mark.parametrize("limit", ["1MB", "63.9 MB", "2048KB", "0.01GiB"])
def test_too_small_a_memory_limit_is_refused(config: LuigiConfigParser, limit: str) -> None:
    config.set("benepass", "memory_limit", limit)
    with pytest.raises(ProjectError, match="too little: the least is 64MB"):
        current_settings()
    for enough in ("64MB", "1GiB"):
        config.set("benepass", "memory_limit", enough)
        assert current_settings().memory_limit == enough


@pytest.mark.parametrize(
    ("engine", "remote", "why"),
    [
        ("sparc", "", "must be duckdb or spark"),
        ("spark", "", "must be the address of a Spark Connect server, such as sc://"),
        ("spark", "http://host:15002", "must be the address of a Spark Connect server"),
        ("spark", "sc://host/;token=abc", "BENEPASS_SPARK_TOKEN"),
        ("spark", "sc://host", "pip install 'benepass-tasks\\[spark\\]'"),
    ],
)
def test_an_engine_that_cannot_compute_is_refused(
    config: LuigiConfigParser, monkeypatch: pytest.MonkeyPatch, engine: str, remote: str, why: str
) -> None:
    monkeypatch.setattr(spark_server, "find_spec", lambda _: None)
    config.set("benepass", "engine", engine)
    config.set("benepass", "spark_remote", remote)
    with pytest.raises(ProjectError, match=why) as refused:
        current_settings()
    assert "abc" not in str(refused.value)


def test_the_token_of_a_server_is_told_to_nobody_else(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spark_server, "find_spec", lambda _: True)
    monkeypatch.setenv(spark_server.TOKEN, "abc")
    server = spark_server.read_spark_server("spark", "sc://host:443/;use_ssl=true")
    assert server is not None
    assert server.address == "sc://host:443/;use_ssl=true;token=abc"
    assert "abc" not in f"{server} {server!r}"
