"""`benepass visualiser`: luigid for this computer alone, until Ctrl-C.

The address is that of `scheduler_url` in luigid.cfg, the file that runs are told of as well.
"""

import logging
import os
import socket
import sys
from urllib.parse import urlsplit

import luigi
from luigi.cmdline import luigid

LOOPBACK = "127.0.0.1"
"""Those who see the tasks can also change them, so only this computer sees them."""


def main() -> int:
    """Serve until interrupted; what ran is kept in the file that `state_path` names.

    Returns:
        1 where the port is taken already.
    """
    url = luigi.configuration.get_config().get("core", "scheduler_url", f"http://{LOOPBACK}:8082")
    port = urlsplit(str(url)).port or 80
    if _is_taken(port):
        print(  # noqa: T201 - for whoever starts it
            f"Port {port} of {LOOPBACK} is in use: luigid may be running there already. Otherwise "
            "name another port as scheduler_url in luigid.cfg",
            file=sys.stderr,
        )
        return 1
    print(  # noqa: T201
        f"Luigi's visualiser is at http://{LOOPBACK}:{port} until Ctrl-C. In another terminal:\n"
        "  LUIGI_CONFIG_PATH=luigid.cfg make",
        flush=True,
    )
    os.umask(0o077)
    logging.getLogger("tornado.access").setLevel(logging.WARNING)
    luigid(["--address", LOOPBACK, "--port", str(port)])
    return 0


def _is_taken(port: int) -> bool:
    with socket.socket() as attempt:
        attempt.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            attempt.bind((LOOPBACK, port))
        except OSError:
            return True
    return False


if __name__ == "__main__":
    sys.exit(main())
