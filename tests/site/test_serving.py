"""The pages over HTTP: this computer alone gets the site's files, and nothing else."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import threading
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection
from typing import TYPE_CHECKING

import pytest

from benepass_tasks.cli import main
from benepass_tasks.config.errors import SiteError
from benepass_tasks.site.serving import SiteServer

if TYPE_CHECKING:
    from collections.abc import Iterator
    from http.client import HTTPMessage
    from pathlib import Path

    from workspace import Workspace

PAGE = "<!doctype html><title>Überblick</title>\n"


@dataclass
class Answer:
    status: int
    headers: HTTPMessage
    content: bytes


@dataclass
class Client:
    server: SiteServer

    def ask(self, target: str, method: str = "GET", **headers: str) -> Answer:
        """Ask for a target, written as it goes over the wire."""
        connection = HTTPConnection("127.0.0.1", self.server.server_port, timeout=10)
        connection.putrequest(method, target, skip_host=True)
        named = {"Host": f"127.0.0.1:{self.server.server_port}"}
        for name, value in (named | headers).items():
            connection.putheader(name.replace("_", "-"), value)
        connection.endheaders()
        answer = connection.getresponse()
        got = Answer(answer.status, answer.headers, answer.read())
        connection.close()
        return got

    def ask_raw(self, request: str) -> str:
        """All that is answered to a request of any form."""
        with socket.create_connection(("127.0.0.1", self.server.server_port), 10) as connection:
            connection.sendall(request.encode("latin-1"))
            connection.shutdown(socket.SHUT_WR)
            return connection.makefile("rb").read().decode()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "site"
    for name, content in {
        "index.html": PAGE,
        "runs.js": "window.benepassRuns = {};\n",
        "assets/site.css": ":root { color: black }\n",
        "assets/icon.svg": "<svg xmlns='http://www.w3.org/2000/svg'/>\n",
        "catalog/marts.dim_merchants.html": PAGE,
        "downloads/spend.csv": "merchant,spend\n",
    }.items():
        (made / name).parent.mkdir(parents=True, exist_ok=True)
        (made / name).write_text(content, encoding="utf-8")
    return made


@contextmanager
def serving(folder: Path) -> Iterator[Client]:
    with SiteServer(folder, 0) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield Client(server)
        finally:
            server.shutdown()
            thread.join()


@pytest.fixture
def client(folder: Path) -> Iterator[Client]:
    with serving(folder) as started:
        yield started


@pytest.mark.parametrize(
    ("target", "content_type"),
    [
        ("/", "text/html; charset=utf-8"),
        ("/index.html?from=a#b", "text/html; charset=utf-8"),
        ("/catalog/marts.dim%5Fmerchants.html", "text/html; charset=utf-8"),
        ("/runs.js", "text/javascript; charset=utf-8"),
        ("/assets/site.css", "text/css; charset=utf-8"),
        ("/assets/icon.svg", "image/svg+xml; charset=utf-8"),
        ("/downloads/spend.csv", "text/csv; charset=utf-8"),
    ],
)
def test_a_file_is_served_as_what_it_is(client: Client, target: str, content_type: str) -> None:
    answer = client.ask(target)
    assert (answer.status, answer.headers["Content-Type"]) == (200, content_type)
    assert int(answer.headers["Content-Length"]) == len(answer.content) > 0


def test_the_first_page_is_that_of_the_folder(client: Client) -> None:
    assert client.ask("/").content.decode() == PAGE


def test_head_says_the_same_without_the_content(client: Client) -> None:
    whole, head = client.ask("/"), client.ask("/", "HEAD")
    assert (head.status, head.content) == (200, b"")
    for name in ("Content-Length", "Content-Type", "Last-Modified"):
        assert head.headers[name] == whole.headers[name]
    host = f"127.0.0.1:{client.server.server_port}"
    assert client.ask_raw(f"HEAD / HTTP/1.1\r\nHost: {host}\r\n\r\n").endswith("\r\n\r\n")


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS", "TRACE"])
def test_nothing_else_can_be_asked(client: Client, method: str) -> None:
    assert client.ask("/", method).status == 501


@pytest.mark.parametrize("target", ["/", "/none.html", "/../secret.html"])
def test_every_answer_keeps_other_sites_out(client: Client, target: str) -> None:
    headers = client.ask(target).headers
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "no-referrer"
    assert headers["Cache-Control"] == "no-store"
    assert headers["Cross-Origin-Resource-Policy"] == "same-origin"
    policy = headers["Content-Security-Policy"]
    assert "default-src 'none'; script-src 'self';" in policy
    assert "frame-ancestors 'none'" in policy
    assert "Python" not in headers["Server"]


# ------------------------------------------------------------------------- what is not of the site


@pytest.fixture
def outside(folder: Path) -> Path:
    """A page beside the folder, and the ways to it from within."""
    secret = folder.parent / "secret.html"
    secret.write_text("secret\n")
    (folder / "linked.html").symlink_to(secret)
    (folder / "linked").symlink_to(folder.parent, target_is_directory=True)
    (folder / ".building").mkdir()
    (folder / ".building" / "index.html").write_text("secret\n")
    (folder / ".runs.js").write_text("secret\n")
    (folder / "notes.txt").write_text("secret\n")
    (folder / "odd.html").mkdir()
    os.mkfifo(folder / "pipe.html")
    return secret


@pytest.mark.usefixtures("outside")
@pytest.mark.parametrize(
    "target",
    [
        "/none.html",
        "/catalog",
        "/catalog/",
        "/assets/",
        "/odd.html",
        "/pipe.html",
        "/notes.txt",
        "/../secret.html",
        "/catalog/../../secret.html",
        "/%2e%2e/secret.html",
        "/..%2fsecret.html",
        "/catalog/%2e%2e/%2e%2e/secret.html",
        "//etc/hosts",
        "/%2fetc/hosts",
        "/linked.html",
        "/linked/secret.html",
        "/.building/index.html",
        "/.runs.js",
        "/%2eruns.js",
        "/index.html%00.html",
        "/" + "a" * 5_000 + ".html",
        "http://[/",
    ],
)
def test_what_is_not_a_file_of_the_site_is_not_found(client: Client, target: str) -> None:
    answer = client.ask(target)
    assert answer.status == 404
    assert b"secret" not in answer.content


def test_a_link_within_the_folder_is_followed(client: Client, folder: Path) -> None:
    (folder / "again.html").symlink_to(folder / "index.html")
    assert client.ask("/again.html").status == 200


def test_what_goes_wrong_is_told_without_markup(client: Client) -> None:
    answer = client.ask("/%3Cscript%3E")
    assert answer.headers["Content-Type"] == "text/plain; charset=utf-8"
    assert answer.content == b"404 Not Found\n"


# ----------------------------------------------------------------------------------- other names


def test_it_answers_to_its_own_names(client: Client) -> None:
    port = client.server.server_port
    for host in (f"127.0.0.1:{port}", f"localhost:{port}", f"LocalHost:{port}"):
        assert client.ask("/", Host=host).status == 200


def test_it_answers_to_no_other_name(client: Client) -> None:
    port = client.server.server_port
    other = (f"evil.example:{port}", "evil.example", "127.0.0.1", f"127.0.0.1.evil.example:{port}")
    for host in other:
        answer = client.ask("/", Host=host)
        assert answer.status == 421
        assert b"Only http://127.0.0.1" in answer.content


def test_a_request_with_no_name_or_two_is_refused(client: Client) -> None:
    ours = f"Host: 127.0.0.1:{client.server.server_port}\r\n"
    assert client.ask_raw(f"GET / HTTP/1.1\r\n{ours}\r\n").startswith("HTTP/1.1 200 OK\r\n")
    for hosts in ("", f"{ours}Host: evil.example\r\n", f"{ours}{ours}"):
        assert client.ask_raw(f"GET / HTTP/1.1\r\n{hosts}\r\n").startswith("HTTP/1.1 400 ")


def test_it_listens_on_the_loopback_alone(client: Client) -> None:
    assert client.server.server_address[0] == "127.0.0.1"
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.2", client.server.server_port), 5)


# ------------------------------------------------------------------------- one after the other


def test_a_file_that_is_another_now_is_sent(client: Client, folder: Path) -> None:
    """A browser may keep nothing, so it never says that it has the page of a moment before."""
    first = client.ask("/").headers
    assert first["Cache-Control"] == "no-store"
    assert "ETag" not in first
    (folder / "index.html").write_text("new\n")
    assert client.ask("/").content == b"new\n"


def test_several_ask_at_once_and_one_that_says_nothing_is_in_nobodys_way(client: Client) -> None:
    port = client.server.server_port
    with socket.create_connection(("127.0.0.1", port), 10):
        assert client.ask("/").status == 200


def test_a_browser_that_goes_away_is_not_worth_a_word(
    client: Client, folder: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    (folder / "runs.js").write_bytes(b"x" * 20_000_000)
    port = client.server.server_port
    with socket.create_connection(("127.0.0.1", port), 10) as gone:
        gone.sendall(f"GET /runs.js HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n\r\n".encode())
        assert gone.recv(1)
    assert client.ask("/").status == 200
    assert capfd.readouterr().err == ""


# ------------------------------------------------------------------------------------ the command


def test_a_folder_without_pages_says_how_they_are_made(
    workspace: Workspace, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["serve", "--benepass-project-dir", str(workspace.root)]) == 1
    said = capsys.readouterr().err
    assert f"there are no pages in {workspace.site}: make them with `make site`" in said


def test_a_port_that_is_taken_is_named(client: Client, folder: Path) -> None:
    port = client.server.server_port
    with pytest.raises(SiteError, match=rf"^port {port} of 127\.0\.0\.1 is in use: .*--port"):
        SiteServer(folder, port)


@pytest.mark.parametrize("port", ["-1", "65536", "http"])
def test_what_is_not_a_port_is_a_wrong_command_line(port: str) -> None:
    assert main(["serve", "--port", port]) == 2


@pytest.mark.usefixtures("ctrl_c")
def test_the_command_says_where_the_pages_are_and_ends_well_with_ctrl_c(
    workspace: Workspace, folder: Path
) -> None:
    server = subprocess.Popen(
        [
            *(sys.executable, "-m", "benepass_tasks"),
            *("serve", "--port", "0", "--benepass-site-dir", str(folder)),
        ],
        cwd=workspace.root,
        env=workspace.environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert server.stdout
    said = server.stdout.readline()
    found = re.search(r"http://127\.0\.0\.1:(\d+)/ until Ctrl-C\.$", said)
    assert found, said
    connection = HTTPConnection("127.0.0.1", int(found[1]), timeout=10)
    connection.request("GET", "/")
    assert connection.getresponse().read().decode() == PAGE
    connection.close()
    server.send_signal(signal.SIGINT)
    out, error = server.communicate(timeout=30)
    assert (server.returncode, out, error) == (0, "", "")
