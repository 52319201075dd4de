"""The pages while they are edited: each as its file is, on this computer alone."""

from __future__ import annotations

import re
import threading
import time
from http.client import HTTPConnection
from typing import TYPE_CHECKING

import pytest
from rendered import copied

from benepass_tasks.config.errors import SiteError
from benepass_tasks.config.settings import current_settings
from benepass_tasks.site.authored.editing import CHANGED, WATCH, PagesServer
from benepass_tasks.state.run import Run

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from browser import Page
    from workspace import Workspace


def new_run() -> Run:
    return Run(current_settings(), lambda *_: ())


@pytest.fixture
def project(published_run: Workspace, tmp_path: Path) -> Workspace:
    """A project of the test's own that has been published, with a folder of pages."""
    made = copied(published_run, tmp_path)
    made.write("data/site/index.html", "as it was built")
    return made


@pytest.fixture
def server(project: Workspace) -> Iterator[PagesServer]:
    with project.configured(), PagesServer(new_run, 0) as made:
        thread = threading.Thread(target=made.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield made
        made.shutdown()
        thread.join()


def ask(server: PagesServer, target: str, host: str | None = None) -> tuple[int, str]:
    connection = HTTPConnection("127.0.0.1", server.server_port, timeout=30)
    named = {"Host": host} if host else {}
    connection.request("GET", target, headers=named)
    answer = connection.getresponse()
    content = answer.read().decode()
    connection.close()
    return answer.status, content


def test_a_page_is_that_of_its_file_now_within_a_second(
    project: Workspace, server: PagesServer
) -> None:
    assert "Where employees spend" in ask(server, "/merchants.html")[1]
    project.replace("pages/merchants.md", "Where employees spend", "Where people spend")
    begun = time.process_time()
    status, html = ask(server, "/merchants.html")
    assert time.process_time() - begun < 1
    assert status == 200
    assert "Where people spend" in html
    assert f'src="/{WATCH}"' in html
    assert not (project.site / "merchants.html").exists()


def test_what_is_wrong_stands_in_its_place_and_the_rest_is_shown(
    project: Workspace, server: PagesServer
) -> None:
    project.replace("pages/merchants.md", "data: spend\ntitle: Spend by merchant", "data: spent")
    html = ask(server, "/merchants.html")[1]
    assert "title: is required" in html
    assert "Every merchant" in html


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        ("title: Merchants", "titel: Merchants", "titel: unknown key"),
        ("---\ntitle", "title", "a page begins with its title"),
    ],
)
def test_a_page_that_cannot_be_read_at_all_says_why(
    project: Workspace, server: PagesServer, before: str, after: str, said: str
) -> None:
    project.replace("pages/merchants.md", before, after)
    status, html = ask(server, "/merchants.html")
    assert status == 200
    assert said in html
    assert WATCH in html


def test_a_browser_is_told_once_a_page_has_changed(project: Workspace, server: PagesServer) -> None:
    told: list[str] = []
    (state,) = re.findall(r'data-state="(\w+)"', ask(server, "/merchants.html")[1])
    address = f"/{CHANGED}?{state}"
    waiting = threading.Thread(target=lambda: told.append(ask(server, address)[1]))
    waiting.start()
    waiting.join(0.3)
    assert waiting.is_alive()
    project.replace("pages/merchants.md", "Where employees spend", "Where people spend")
    waiting.join(10)
    assert told == ["location.reload();\n"]
    assert ask(server, address)[1] == told[0], (
        "what has changed before it was asked is told at once"
    )


@pytest.mark.browser
def test_a_page_is_loaded_whole_while_it_waits_for_changes(
    page: Page, project: Workspace, server: PagesServer
) -> None:
    page.open(f"{server.address}merchants.html")
    project.replace("pages/merchants.md", "Where employees spend", "Where people spend")
    page.wait_for("document.querySelector('.lead')?.textContent.startsWith('Where people')")


def test_a_new_page_is_there_and_all_else_is_the_folder(
    project: Workspace, server: PagesServer
) -> None:
    assert ask(server, "/short.html")[0] == 404
    project.write("pages/short.md", "---\ntitle: Short\n---\nA line.\n")
    assert "A line." in ask(server, "/short.html")[1]
    assert ask(server, "/../pages/short.md")[0] == 404


def test_a_name_of_another_computer_gets_nothing(server: PagesServer) -> None:
    assert ask(server, "/merchants.html", host="example.com")[0] == 421
    assert ask(server, f"/{CHANGED}", host="example.com")[0] == 421


def test_without_anything_published_it_says_what_to_do(workspace: Workspace) -> None:
    with workspace.configured(), pytest.raises(SiteError, match=r"nothing is published in .*run"):
        PagesServer(new_run, 0)
