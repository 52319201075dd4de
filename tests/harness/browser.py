"""A headless Chromium, driven by the DevTools protocol through two pipes."""

from __future__ import annotations

import base64
import json
import os
import select
import shutil
import subprocess
import time
from contextlib import contextmanager, suppress
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
    # Nothing but this machine itself can be reached.
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
]

KEYS = {
    "Enter": (13, "\r"),
    "Escape": (27, ""),
    "Tab": (9, ""),
    "Space": (32, " "),
    "Backspace": (8, ""),
    "End": (35, ""),
    "Home": (36, ""),
    "ArrowLeft": (37, ""),
    "ArrowUp": (38, ""),
    "ArrowRight": (39, ""),
    "ArrowDown": (40, ""),
}
"""Keys that write no letter: their numbers, and what they type."""

SHIFT = 8
PATIENCE = 60.0
"""Seconds that anything may take."""


def find_chromium() -> str | None:
    """The path of a Chromium, if there is one."""
    found = (shutil.which(name) for name in ("chromium", "chromium-browser", "google-chrome"))
    return next(filter(None, found), None)


LEFT = "target navigated or closed"
"""What the browser says of a script that the next page has ended."""


class LeftPageError(Exception):
    """The page was left while it was asked."""


class Page:
    """A page of the browser.

    Attributes:
        complaints: What the console, the pages' scripts and the browser complained of since the
            last address was opened.
        requests: The addresses that were asked for since then.
    """

    def __init__(self, commands: int, answers: int) -> None:
        self._commands = commands
        self._answers = answers
        self._unread = b""
        self._numbers = count(1)
        self._events: list[str] = []
        self._style: str | None = None
        self.complaints: list[str] = []
        self.requests: list[str] = []
        target = self._call("Target.createTarget", url="about:blank")["targetId"]
        session = self._call("Target.attachToTarget", targetId=target, flatten=True)
        self._session = {"sessionId": session["sessionId"]}
        for domain in ("Page", "Runtime", "Log", "Network"):
            self._call(f"{domain}.enable")

    _session: dict[str, str] = {}  # noqa: RUF012 - until there is one

    def open(self, url: str, width: int = 1280, height: int = 900, style: str = "") -> None:
        """Open an address in a window of a size, with rules of style of its own; it is loaded."""
        self.resize(width, height)
        if self._style:
            self._call("Page.removeScriptToEvaluateOnNewDocument", identifier=self._style)
            self._style = None
        if style:
            source = (
                "document.addEventListener('DOMContentLoaded', () => { "
                "const rules = document.createElement('style'); "
                f"rules.textContent = {json.dumps(style)}; document.head.append(rules); }})"
            )
            made = self._call("Page.addScriptToEvaluateOnNewDocument", source=source)
            self._style = made["identifier"]
        self.complaints.clear()
        self.requests.clear()
        self._events.clear()
        answer = self._call("Page.navigate", url=url)
        assert "errorText" not in answer, answer
        # Where only the fragment is another one, nothing is loaded.
        if "loaderId" in answer:
            self.wait_for_load()

    def wait_for_load(self) -> None:
        """Wait until the page that was asked for last is loaded."""
        deadline = time.monotonic() + PATIENCE
        while "Page.loadEventFired" not in self._events:
            self._next_message(deadline)
        self._events.clear()

    def resize(self, width: int, height: int = 900, pixels: float = 1) -> None:
        """Another size of the window, and how many pixels of a picture show one of the page."""
        self._call(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=pixels,
            mobile=False,
        )

    def hide_scrollbars(self, *, hidden: bool) -> None:
        """Whether they take no room, as on a phone."""
        self._call("Emulation.setScrollbarsHidden", hidden=hidden)

    def emulate(
        self, *, dark: bool = False, printed: bool = False, reduced_motion: bool = False
    ) -> None:
        """What the reader prefers, and whether the page is for paper."""
        self._call(
            "Emulation.setEmulatedMedia",
            media="print" if printed else "",
            features=[
                {"name": "prefers-color-scheme", "value": "dark" if dark else "light"},
                {
                    "name": "prefers-reduced-motion",
                    "value": "reduce" if reduced_motion else "no-preference",
                },
            ],
        )

    def run_scripts(self, *, allowed: bool) -> None:
        """Whether the pages that are opened from now on may run scripts."""
        self._call("Emulation.setScriptExecutionDisabled", value=not allowed)

    def evaluate(self, script: str) -> Any:  # noqa: ANN401 - any JSON
        """The value of a script; of a promise, what it comes to."""
        answer = self._call(
            "Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True
        )
        assert "exceptionDetails" not in answer, answer
        return answer["result"].get("value")

    def wait_for(self, script: str, seconds: float = PATIENCE) -> Any:  # noqa: ANN401 - any JSON
        """The value of a script once it is true."""
        deadline = time.monotonic() + seconds
        while True:
            with suppress(LeftPageError):
                if value := self.evaluate(script):
                    return value
            assert time.monotonic() < deadline, f"never true: {script}"
            time.sleep(0.05)

    def settle(self) -> None:
        """Wait until the page has been drawn with what was changed last."""
        self.evaluate(
            "new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))"
        )

    def text(self, selector: str) -> str:
        """The text of an element, as it is shown."""
        found = self.evaluate(f"document.querySelector({json.dumps(selector)})?.innerText")
        assert found is not None, f"there is no {selector}"
        return str(found)

    def click(self, selector: str, nth: int = 0) -> None:
        """Click the middle of an element with the mouse; it is scrolled to and must be on top."""
        script = """(() => {
            const element = document.querySelectorAll(%s)[%d];
            if (!element) return "missing";
            element.scrollIntoView({block: "center", inline: "center", behavior: "instant"});
            const {left, top, width, height} = element.getBoundingClientRect();
            const [x, y] = [left + width / 2, top + height / 2];
            const hit = document.elementFromPoint(x, y);
            return element.contains(hit) ? [x, y] : `covered by ${hit?.outerHTML.slice(0, 99)}`;
        })()"""
        found = self.evaluate(script % (json.dumps(selector), nth))
        assert isinstance(found, list), f"{selector} cannot be clicked: {found}"
        x, y = found
        self._call("Input.dispatchMouseEvent", type="mouseMoved", x=x, y=y)
        for action in ("mousePressed", "mouseReleased"):
            self._call(
                "Input.dispatchMouseEvent", type=action, x=x, y=y, button="left", clickCount=1
            )

    def press(self, *keys: str, shift: bool = False) -> None:
        """Press keys, one after another: those of `KEYS`, or letters."""
        for key in keys:
            number, text = KEYS.get(key, (0, key))
            name = " " if key == "Space" else key
            event = {
                "key": name,
                "code": key if key in KEYS else "",
                "windowsVirtualKeyCode": number,
                "modifiers": SHIFT if shift else 0,
            }
            self._call("Input.dispatchKeyEvent", type="keyDown", text=text, **event)
            self._call("Input.dispatchKeyEvent", type="keyUp", **event)

    def type(self, text: str) -> None:
        """Type a text where the focus is."""
        self.press(*text)

    def take_picture(self, *, whole: bool = False) -> bytes:
        """What the window shows, or the whole page, as PNG."""
        parameters: dict[str, object] = {}
        if whole:
            root = "document.documentElement"
            size = self.evaluate(f"[{root}.scrollWidth, {root}.scrollHeight]")
            clip = {"x": 0, "y": 0, "width": size[0], "height": size[1], "scale": 1}
            parameters = {"captureBeyondViewport": True, "clip": clip}
        picture = self._call("Page.captureScreenshot", format="png", **parameters)
        return base64.b64decode(picture["data"])

    def _call(self, method: str, **parameters: object) -> dict[str, Any]:
        number = next(self._numbers)
        message = {"id": number, "method": method, "params": parameters} | self._session
        os.write(self._commands, json.dumps(message).encode() + b"\0")
        deadline = time.monotonic() + PATIENCE
        while True:
            answer = self._next_message(deadline)
            if answer.get("id") == number:
                if LEFT in answer.get("error", {}).get("message", ""):
                    raise LeftPageError(answer)
                assert "error" not in answer, answer
                result: dict[str, Any] = answer["result"]
                return result

    def _next_message(self, deadline: float) -> dict[str, Any]:
        while b"\0" not in self._unread:
            ready, _, _ = select.select(
                [self._answers], [], [], max(0, deadline - time.monotonic())
            )
            assert ready, "the browser does not answer"
            more = os.read(self._answers, 1 << 20)
            assert more, "the browser has ended"
            self._unread += more
        message, _, self._unread = self._unread.partition(b"\0")
        parsed: dict[str, Any] = json.loads(message)
        self._hear(parsed.get("method", ""), parsed.get("params", {}))
        return parsed

    def _hear(self, event: str, told: dict[str, Any]) -> None:
        self._events.append(event)
        if event == "Network.requestWillBeSent":
            self.requests.append(told["request"]["url"])
        elif event == "Runtime.consoleAPICalled":
            said = (str(it.get("value", it.get("description"))) for it in told["args"])
            self.complaints.append(f"console.{told['type']}: {' '.join(said)}")
        elif event == "Runtime.exceptionThrown":
            details = told["exceptionDetails"]
            what = details.get("exception", {}).get("description", details["text"])
            self.complaints.append(f"exception: {what}")
        elif event == "Log.entryAdded":
            entry = told["entry"]
            self.complaints.append(f"{entry['source']}: {entry['text']} {entry.get('url', '')}")


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
