"""The settings that say where alerts go; one of them is a secret."""

from __future__ import annotations

import dataclasses
import json
from typing import TYPE_CHECKING

import luigi
import pytest

from benepass_tasks.config.channels import WEBHOOK, SecretUrl, read_command, read_webhook
from benepass_tasks.config.errors import ProjectError
from benepass_tasks.config.settings import benepass, current_settings

if TYPE_CHECKING:
    from collections.abc import Iterator

SECRET = "T000/B000/secret"  # noqa: S105 - of nobody
URL = f"https://hooks.example.com:8443/services/{SECRET}"
OTHER = "https://other.example.com/x"


@pytest.fixture
def config() -> Iterator[luigi.configuration.cfg_parser.LuigiConfigParser]:
    found = luigi.configuration.get_config()
    yield found
    for name in ("alert_webhook", "alert_command"):
        found.remove_option("benepass", name)


def test_nothing_is_set_at_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(WEBHOOK, raising=False)
    settings = current_settings()
    assert (settings.alert_webhook, settings.alert_command) == (None, ())


def test_the_environment_has_the_webhook_unless_a_setting_has(
    monkeypatch: pytest.MonkeyPatch,
    config: luigi.configuration.cfg_parser.LuigiConfigParser,
) -> None:
    monkeypatch.setenv(WEBHOOK, URL)
    assert current_settings().alert_webhook == SecretUrl(URL)
    config.set("benepass", "alert_webhook", OTHER)
    assert current_settings().alert_webhook == SecretUrl(OTHER)


def test_a_command_is_split_as_a_shell_would(
    config: luigi.configuration.cfg_parser.LuigiConfigParser,
) -> None:
    config.set("benepass", "alert_command", "page --to 'the team' \"$HOME\"")
    assert current_settings().alert_command == ("page", "--to", "the team", "$HOME")


def test_a_command_with_half_a_quote_is_refused() -> None:
    with pytest.raises(ProjectError, match=r"--benepass-alert-command .* No closing quotation"):
        read_command("page 'the team")


def test_a_webhook_shows_its_host_alone(
    monkeypatch: pytest.MonkeyPatch,
    config: luigi.configuration.cfg_parser.LuigiConfigParser,
) -> None:
    webhook = SecretUrl(URL)
    assert webhook.host == "hooks.example.com:8443"
    assert webhook.reveal() == URL
    monkeypatch.setenv(WEBHOOK, URL)
    config.set("benepass", "alert_webhook", URL)
    settings = current_settings()
    shown = [repr(webhook), str(webhook), f"{webhook}", repr(settings), repr(benepass())]
    shown.append(json.dumps(dataclasses.asdict(settings), default=str))
    assert not any("secret" in text for text in shown)


def test_settings_with_the_same_webhook_are_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(WEBHOOK, URL)
    first = current_settings()
    assert first == current_settings()
    assert hash(first) == hash(current_settings())
    monkeypatch.setenv(WEBHOOK, OTHER)
    assert first != current_settings()


@pytest.mark.parametrize(
    "url",
    [
        "file:///etc/secret",
        "ftp://host/secret",
        "data:text/plain,secret",
        "hooks.example.com/secret",
        "https:///secret",
        "https://",
        "https://host/a secret",
        "https://host/secret\r\nX: y",
        "https://host/sécret",
        "https://host:port/secret",
        "https://[::1/secret",
        "https://user:secret@host/",
    ],
)
def test_what_cannot_be_posted_to_is_refused_and_not_shown(url: str) -> None:
    with pytest.raises(ProjectError, match=WEBHOOK) as caught:
        read_webhook(url)
    assert "cret" not in str(caught.value).replace("a secret", "")
