"""Luigi's central scheduler, luigid: it answers within seconds, or the run ends with its own code.

Luigi itself would ask for a minute, and end with the code of any defect.
"""

import logging
import threading
from typing import Any
from urllib.parse import urlsplit

import luigi

log = logging.getLogger(__name__)

UNREACHABLE = 45
"""Exit code of a run whose central scheduler does not answer."""

PATIENCE = {
    "rpc_connect_timeout": "3",
    "rpc_retry_attempts": "2",
    "rpc_retry_wait": "1",
    "rpc_log_retries": "false",
}
"""What `[core]` says where no configuration does: to give up after 7 s, and to say so once."""


class SchedulerUnreachable(SystemExit):
    """Ends a run that can do nothing more; why has been logged."""

    def __init__(self) -> None:
        """End with the code for it."""
        super().__init__(UNREACHABLE)


class CentralScheduler(luigi.rpc.RemoteScheduler):
    """luigid as the workers of a run know it."""

    def __init__(self, url: str, connect_timeout: float | None = None) -> None:
        """Connect to luigid, before any task is asked whether it is complete.

        Raises:
            SchedulerUnreachable: nobody answers there.
        """
        config = luigi.configuration.get_config()
        # Not sooner: Luigi warns of such settings when it reads the section for others.
        for name, value in PATIENCE.items():
            if not config.has_option("core", name):
                config.set("core", name, value)
        super().__init__(url, connect_timeout)
        self._request("/api/is_paused", {})
        log.info("Luigi's scheduler and visualiser: %s", self.address)

    @property
    def address(self) -> str:
        """The address without a password."""
        parts = urlsplit(str(self._url))
        return parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()

    def _request(self, *arguments: object, **options: object) -> Any:  # noqa: ANN401 - any JSON
        try:
            return super()._request(*arguments, **options)
        except (luigi.rpc.RPCError, ValueError, KeyError):
            if threading.current_thread() is not threading.main_thread():
                # Luigi's thread that says "still alive", and logs that it could not.
                raise
            log.error(  # noqa: TRY400 - where in Luigi it was called helps nobody
                "No Luigi scheduler answers at %s: start it with `make visualiser`, or run "
                "without it (unset LUIGI_CONFIG_PATH). What was built is kept",
                self.address,
            )
            raise SchedulerUnreachable from None


def install() -> None:
    """Let Luigi's workers use it."""
    luigi.rpc.RemoteScheduler = CentralScheduler  # type: ignore[assignment,misc]
