"""A headless Chromium, driven by the DevTools protocol through two pipes."""

from __future__ import annotations

import base64
import json
import os
import shutil
import subprocess
import time
from contextlib import contextmanager
from itertools import count
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--remote-debugging-pipe",
    # Nothing but the visualiser itself can be reached.
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
]


def find_chromium() -> str | None:
    """The path of a Chromium, if there is one."""
    found = (shutil.which(name) for name in ("chromium", "chromium-browser", "google-chrome"))
    return next(filter(None, found), None)


class Page:
    """A page of the browser."""

    def __init__(self, commands: int, answers: int) -> None:
        self._commands = commands
        self._answers = answers
        self._unread = b""
        self._numbers = count(1)
        target = self._call("Target.createTarget", url="about:blank")["targetId"]
        session = self._call("Target.attachToTarget", targetId=target, flatten=True)
        self._session = {"sessionId": session["sessionId"]}

    _session: dict[str, str] = {}  # noqa: RUF012 - until there is one

    def open(self, url: str, width: int, height: int, style: str = "") -> None:
        """Open an address in a window of a size, with rules of style of its own."""
        self._call(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=1,
            mobile=False,
        )
        source = (
            "document.addEventListener('DOMContentLoaded', () => { "
            "const rules = document.createElement('style'); "
            f"rules.textContent = {json.dumps(style)}; document.head.append(rules); }})"
        )
        self._call("Page.enable")
        self._call("Page.addScriptToEvaluateOnNewDocument", source=source)
        self._call("Page.navigate", url=url)

    def evaluate(self, script: str) -> Any:  # noqa: ANN401 - any JSON
        """The value of a script."""
        answer = self._call("Runtime.evaluate", expression=script, returnByValue=True)
        assert "exceptionDetails" not in answer, answer
        return answer["result"].get("value")

    def wait_for(self, script: str, seconds: float = 30) -> Any:  # noqa: ANN401 - any JSON
        """The value of a script once it is true."""
        deadline = time.monotonic() + seconds
        while not (value := self.evaluate(script)):
            assert time.monotonic() < deadline, f"never true: {script}"
            time.sleep(0.1)
        return value

    def take_picture(self) -> bytes:
        """What the window shows, as PNG."""
        return base64.b64decode(self._call("Page.captureScreenshot", format="png")["data"])

    def _call(self, method: str, **parameters: object) -> dict[str, Any]:
        number = next(self._numbers)
        message = {"id": number, "method": method, "params": parameters} | self._session
        os.write(self._commands, json.dumps(message).encode() + b"\0")
        while True:
            answer = self._next_message()
            if answer.get("id") == number:
                assert "error" not in answer, answer
                result: dict[str, Any] = answer["result"]
                return result

    def _next_message(self) -> dict[str, Any]:
        while b"\0" not in self._unread:
            more = os.read(self._answers, 1 << 20)
            assert more, "the browser has ended"
            self._unread += more
        message, _, self._unread = self._unread.partition(b"\0")
        parsed: dict[str, Any] = json.loads(message)
        return parsed


@contextmanager
def opened(chromium: str, profile: Path) -> Iterator[Page]:
    """A page of a browser of its own, which ends with the context."""
    read_commands, commands = os.pipe()
    answers, write_answers = os.pipe()
    browser = subprocess.Popen(
        # The protocol's pipes are the descriptors 3 and 4.
        [
            "bash",
            "-c",
            f'exec "$@" 3<&{read_commands} 4>&{write_answers}',
            "bash",
            chromium,
            *FLAGS,
            f"--user-data-dir={profile}",
        ],
        pass_fds=(read_commands, write_answers),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    os.close(read_commands)
    os.close(write_answers)
    try:
        yield Page(commands, answers)
    finally:
        browser.terminate()
        browser.wait(timeout=30)
        os.close(commands)
        os.close(answers)
