"""A server that takes messages, and answers as it is told."""

from __future__ import annotations

import json
import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

SECRET = "T0000/B0000/XXXXXXXXXXXXXXXXXXXXXXXX"  # noqa: S105 - of nobody


@dataclass
class Answer:
    """What the server answers, how late, and with what pause after each byte of its first line."""

    code: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""
    seconds: float = 0
    drip: float = 0


class Receiver(ThreadingHTTPServer):
    """A server on this machine; it answers as told, then with 200."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.answers: list[Answer] = []
        self.requests: list[tuple[str, str, dict[str, str], bytes]] = []

    @property
    def host(self) -> str:
        return f"127.0.0.1:{self.server_address[1]}"

    @property
    def url(self) -> str:
        return f"http://{self.host}/services/{SECRET}"

    @property
    def messages(self) -> list[dict[str, Any]]:
        return [json.loads(body) for *_, body in self.requests]

    @property
    def texts(self) -> list[str]:
        return [message["text"] for message in self.messages]

    def take_texts(self) -> list[str]:
        """The texts that came since this was asked last."""
        texts = self.texts
        self.requests.clear()
        return texts


class Handler(BaseHTTPRequestHandler):
    server: Receiver

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        request = (self.command, self.path, dict(self.headers), body)
        self.server.requests.append(request)
        answer = self.server.answers.pop(0) if self.server.answers else Answer()
        time.sleep(answer.seconds)
        if answer.drip:
            for letter in b"HTTP/1.0 200 OK":
                self.wfile.write(bytes([letter]))
                self.wfile.flush()
                time.sleep(answer.drip)
        self.send_response(answer.code)
        for name, value in answer.headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(answer.body)

    do_GET = do_POST  # noqa: N815 - a heartbeat, and what a redirect would ask

    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def receiving() -> Iterator[Receiver]:
    """A server that is there."""
    with Receiver() as server:
        server.handle_error = lambda *_: None  # type: ignore[method-assign] # whoever hangs up
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()
