"""The pages over HTTP, for this computer alone.

It answers no request that names another host than this computer, so that a page of another site
cannot read the files by a name that leads here, and its headers keep browsers from handing them to
such a page. All else is as `http.server` does it.
"""

import errno
import sys
from dataclasses import dataclass
from http import HTTPStatus
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from io import BytesIO
from pathlib import Path
from socket import socket
from socketserver import TCPServer
from typing import BinaryIO
from urllib.parse import unquote, urlsplit

from benepass_tasks.config.errors import SiteError
from benepass_tasks.site.page import CONTENT_POLICY

LOOPBACK = "127.0.0.1"

HTTP_PORT = 80
"""The port that no address names."""

IDLE_SECONDS = 30
"""Seconds after which a browser that asks for nothing more is let go."""

FIRST_PAGE = "index.html"

CONTENT_TYPES = {
    ".css": "text/css; charset=utf-8",
    ".csv": "text/csv; charset=utf-8",
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml; charset=utf-8",
}
"""The kinds of files that a site is made of; no other is served."""

HEADERS = {
    # A time of the last change is too coarse to tell a page from the one of a moment before.
    "Cache-Control": "no-store",
    "Content-Security-Policy": f"{CONTENT_POLICY}; frame-ancestors 'none'",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}
"""What every answer says."""


@dataclass(frozen=True, slots=True)
class Content:
    """What is answered without a file.

    Attributes:
        suffix: What a file of its kind ends in.
        content: The bytes.
    """

    suffix: str
    content: bytes


class SiteServer(ThreadingHTTPServer):
    """A server of a site's folder.

    Attributes:
        folder: The folder.
        hosts: The names that it answers to.
    """

    def __init__(self, folder: Path, port: int) -> None:
        """Take the port.

        Args:
            folder: The site's folder.
            port: The port of 127.0.0.1; 0 takes any that is free.

        Raises:
            SiteError: there are no pages in the folder, or the port cannot be had.
        """
        if not (folder / FIRST_PAGE).is_file():
            raise SiteError(
                f"there are no pages in {folder}: make them with `make site`, "
                "or name another folder with --benepass-site-dir"
            )
        self.folder = folder.resolve()
        try:
            super().__init__((LOOPBACK, port), _Handler)
        except OSError as error:
            why = (
                "is in use: the pages may be served there already"
                if error.errno == errno.EADDRINUSE
                else f"cannot be used: {error.strerror}"
            )
            raise SiteError(f"port {port} of {LOOPBACK} {why}; --port names another") from error
        ours = (LOOPBACK, "localhost")
        self.hosts = {f"{name}:{self.server_port}" for name in ours}
        if self.server_port == HTTP_PORT:
            self.hosts.update(ours)

    @property
    def address(self) -> str:
        """Where the first page is."""
        return f"http://{LOOPBACK}:{self.server_port}/"

    def server_bind(self) -> None:
        """Take the port, and ask nobody for the name of this computer."""
        TCPServer.server_bind(self)
        self.server_name, self.server_port = LOOPBACK, self.server_address[1]

    def made(self, target: str) -> Content | None:  # noqa: ARG002 - for those that make something
        """What is answered to a target without a file; None where a file is."""
        return None

    def serve_until_interrupted(self) -> None:
        """Answer until Ctrl-C."""
        try:
            self.serve_forever()
        except KeyboardInterrupt:
            return

    def handle_error(self, request: socket | tuple[bytes, socket], client_address: object) -> None:
        """Say what went wrong, unless it is only that a browser has gone away."""
        if not isinstance(sys.exception(), ConnectionError | TimeoutError):
            super().handle_error(request, client_address)


class _Handler(SimpleHTTPRequestHandler):
    server: SiteServer

    protocol_version = "HTTP/1.1"
    server_version = "benepass"
    sys_version = ""
    timeout = IDLE_SECONDS
    extensions_map = CONTENT_TYPES
    error_content_type = "text/plain; charset=utf-8"
    error_message_format = "%(code)d %(message)s\n"

    def send_head(self) -> BytesIO | BinaryIO | None:
        """Answer by the name of this computer alone."""
        hosts = self.headers.get_all("Host", [])
        if len(hosts) != 1:
            self.send_error(HTTPStatus.BAD_REQUEST, "One Host, please")
        elif hosts[0].lower() not in self.server.hosts:
            self.send_error(HTTPStatus.MISDIRECTED_REQUEST, f"Only {self.server.address}, please")
        elif made := self.server.made(self.path):
            self.send_response(HTTPStatus.OK)
            self.send_header("Content-Type", CONTENT_TYPES[made.suffix])
            self.send_header("Content-Length", str(len(made.content)))
            self.end_headers()
            return BytesIO(made.content)
        elif _path(self.server.folder, self.path) is None:
            self.send_error(HTTPStatus.NOT_FOUND)
        else:
            return super().send_head()
        return None

    def translate_path(self, path: str) -> str:
        """The file that is asked for; no path where it is none of the site."""
        return str(_path(self.server.folder, path) or "")

    def end_headers(self) -> None:
        """Say what every answer says."""
        for name, value in HEADERS.items():
            self.send_header(name, value)
        super().end_headers()

    def log_message(self, *_args: object) -> None:
        """Say nothing: who serves pages to himself reads no log."""


def _path(folder: Path, target: str) -> Path | None:
    """The file of the site that a target names."""
    try:
        parts = unquote(urlsplit(target).path).removeprefix("/").split("/")
        if parts == [""]:
            parts = [FIRST_PAGE]
        if any(part.startswith(".") or not part for part in parts):
            return None
        path = folder.joinpath(*parts).resolve()
        is_ours = path.is_relative_to(folder) and path.suffix in CONTENT_TYPES and path.is_file()
    except (OSError, ValueError):
        # It is not a name that a file or an address can have.
        return None
    return path if is_ours else None
