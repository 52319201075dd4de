"""Where alerts go, as the settings name it: a webhook, a heartbeat and a command.

The address of a webhook or of a heartbeat is a secret: whoever knows it can write into the channel,
or hide that no run succeeds. It may stand in a setting; better it comes from the environment. No
log, table or message holds more of it than its host.
"""

import os
import shlex
from functools import lru_cache
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from benepass_tasks.config.errors import ProjectError

if TYPE_CHECKING:
    from urllib.parse import SplitResult

WEBHOOK = "BENEPASS_ALERT_WEBHOOK"
HEARTBEAT = "BENEPASS_ALERT_HEARTBEAT"
VARIABLES = (WEBHOOK, HEARTBEAT)
"""The variables of the environment that hold a secret address."""


class SecretUrl:
    """An address that shows no more than its host.

    No dataclass: what takes those apart, for a log or a table, would find the address.
    """

    __slots__ = ("_url",)

    def __init__(self, url: str) -> None:
        """Keep an address."""
        self._url = url

    def reveal(self) -> str:
        """The whole address, for the one who calls it."""
        return self._url

    @property
    def host(self) -> str:
        """The host, with the port where one is given."""
        return urlsplit(self._url).netloc

    def __eq__(self, other: object) -> bool:
        """Whether it is the same address."""
        return isinstance(other, SecretUrl) and other._url == self._url

    def __hash__(self) -> int:
        """As equality has it."""
        return hash(self._url)

    def __repr__(self) -> str:
        """The host."""
        return f"<address at {self.host}>"


def read_webhook(setting: str) -> SecretUrl | None:
    """The webhook of the setting, or else of the environment; None where neither names one.

    Raises:
        ProjectError: it is not an address of the web.
    """
    url = setting or os.environ.get(WEBHOOK, "")
    return _address(url, f"webhook (--benepass-alert-webhook, or {WEBHOOK}") if url else None


def read_heartbeat(setting: str) -> SecretUrl | None:
    """The heartbeat of the setting, or else of the environment; None where neither names one.

    Raises:
        ProjectError: it is not an address of the web.
    """
    url = setting or os.environ.get(HEARTBEAT, "")
    return _address(url, f"heartbeat (--benepass-alert-heartbeat, or {HEARTBEAT}") if url else None


@lru_cache(maxsize=2)
def read_command(setting: str) -> tuple[str, ...]:
    """The words of a command; none where there is no command.

    Raises:
        ProjectError: a quote has no end.
    """
    try:
        return tuple(shlex.split(setting))
    except ValueError as error:
        raise ProjectError(
            f"--benepass-alert-command cannot be read: {error}. It is a command with its "
            "arguments, quoted as for a shell, that no shell runs: for a pipe or a variable name "
            "a script of your own"
        ) from None


def _address(url: str, setting: str) -> SecretUrl:
    parts = _parts(url)
    if parts is None or parts.scheme not in ("http", "https") or not parts.hostname:
        raise ProjectError(
            f"the alert {setting} in the environment) is not a web address: it must begin with "
            "https:// or http://, followed by a host, without blanks. It is a secret, and so not "
            "shown"
        )
    if "@" in parts.netloc:
        raise ProjectError(
            f"the alert {setting} in the environment) has a user or password before its host, "
            "which cannot be sent: put a token into its path"
        )
    return SecretUrl(url)


def _parts(url: str) -> "SplitResult | None":
    if not url.isascii() or not url.isprintable() or " " in url:
        return None
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        return None
    return parts
