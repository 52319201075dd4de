"""A program of its own that calls a web address: posts a message, or gets what is there.

It reads both as JSON from standard input: `url`, and `message`, which is null for a heartbeat.

Of its own, so that whoever started it can end it at any moment: no time-out of a library covers the
look-up of a name, or a server that sends a letter at a time. It imports nothing of the project, and
says what went wrong, in one line without the address.
"""

import http.client
import json
import re
import sys
import time
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from urllib.error import HTTPError, URLError
from urllib.request import HTTPRedirectHandler, Request, build_opener

TOO_MANY = 429
ERRORS_OF_SERVERS = 500

FAILED = 3
"""The exit code where it says what went wrong; Python's own end with 1."""

ONE_WORD = re.compile(rb"\s*([a-z_]{1,40})\s*")
"""How Slack says what is wrong, such as `invalid_payload`; nothing else of an answer is shown."""


class NoRedirects(HTTPRedirectHandler):
    """Follows no redirect: the message is for that address and no other."""

    def redirect_request(self, *_: object) -> None:
        """Take a redirect for an error."""


def post(
    url: str,
    body: bytes | None,
    *,
    timeout: float = 5.0,
    budget: float = 9.0,
    waits: tuple[float, ...] = (0.5, 1.0),
) -> str | None:
    """Call an address, again where the server may do better the next time.

    Args:
        url: Where to.
        body: The message to post, as JSON; None asks for what is there, with a GET.
        timeout: Seconds to wait for an answer.
        budget: Seconds in all, waits included.
        waits: Seconds before each further attempt; a server may ask for more.

    Returns:
        Why it could not be called; None where it was.
    """
    end = time.monotonic() + budget
    for wait in (*waits, None):
        reason, asked = _attempt(url, body, min(timeout, max(end - time.monotonic(), 0.1)))
        if asked is None or wait is None:
            return reason
        pause = max(wait, asked)
        if time.monotonic() + pause >= end:
            return reason
        time.sleep(pause)
    raise AssertionError


def _attempt(url: str, body: bytes | None, timeout: float) -> tuple[str | None, float | None]:
    """Call once; returns why it failed, and the seconds to wait before another attempt, if any."""
    headers = {"Content-Type": "application/json"} if body else {}
    request = Request(url, body, headers)  # noqa: S310 - http(s) alone
    try:
        with build_opener(NoRedirects).open(request, timeout=timeout):
            return None, None
    except HTTPError as error:
        with error:
            return _said(error), _asked(error)
    except (OSError, http.client.HTTPException) as error:
        cause = error.reason if isinstance(error, URLError) else error
        if isinstance(cause, TimeoutError):
            return f"no answer within {timeout:.1f} s", 0.0
        return getattr(cause, "strerror", None) or type(cause).__name__, None


def _said(error: HTTPError) -> str:
    try:
        word = ONE_WORD.fullmatch(error.read(100))
    except (OSError, http.client.HTTPException):
        word = None
    redirect = ", a redirect, and none is followed" if error.code // 100 == 3 else ""  # noqa: PLR2004
    return f"the answer was {error.code}{f' {word[1].decode()}' if word else ''}{redirect}"


def _asked(error: HTTPError) -> float | None:
    """The seconds that the server asks to wait; None where waiting is of no use."""
    if error.code != TOO_MANY and error.code < ERRORS_OF_SERVERS:
        return None
    asked = error.headers.get("Retry-After", "0")
    if asked.isascii() and asked.isdigit():
        return float(asked)
    try:
        return max((parsedate_to_datetime(asked) - datetime.now(UTC)).total_seconds(), 0.0)
    except (TypeError, ValueError):
        return 0.0


def main() -> int:
    """Call what standard input says; 0 where that went well."""
    order = json.load(sys.stdin)
    message = order["message"]
    reason = post(order["url"], json.dumps(message).encode() if message else None)
    if reason is None:
        return 0
    sys.stdout.write(f"{reason}\n")
    return FAILED


if __name__ == "__main__":
    sys.exit(main())
