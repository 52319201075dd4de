"""An API of card transactions as an issuer of cards has it, on this machine and with its faults."""

from __future__ import annotations

import json
import threading
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

TOKEN = "sk_test_nobody"  # noqa: S105 - of nobody
VARIABLE = "CARD_API_TOKEN"


@dataclass
class Reply:
    """What the API answers instead of a page."""

    status: int = 200
    body: str = ""
    headers: dict[str, str] = field(default_factory=dict)


def transaction(number: int, created: int, amount: int = -6000, **other: object) -> dict[str, Any]:
    """A capture: what is spent is below zero, in cents, at a second since 1970."""
    return {
        "id": f"ipi_{number}",
        "object": "issuing.transaction",
        "amount": amount,
        "created": created,
        "currency": "usd",
        "type": "capture",
        "authorization": f"iauth_{number}",
        "employee_id": "E1",
        "benefit_account_id": "A1",
        "merchant_data": {"name": "Iron Heron Gym", "category": "gym"},
    } | other


class CardApi(ThreadingHTTPServer):
    """Hands out transactions, the newest first, `limit` at a time, and from `created[gte]` on."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.transactions: list[dict[str, Any]] = []
        self.faults: list[Reply | None] = []
        self.asked: list[dict[str, str]] = []
        self.tokens: set[str | None] = set()
        self.change: Callable[[dict[str, Any]], Any] = lambda page: page

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/v1/issuing/transactions"

    def page(self, asked: dict[str, str]) -> dict[str, Any]:
        since = int(asked.get("created[gte]", 0))
        found = sorted(self.transactions, key=lambda it: (-it["created"], it["id"]))
        found = [it for it in found if it["created"] >= since]
        after = asked.get("starting_after")
        if after is not None:
            ids = [it["id"] for it in found]
            found = found[ids.index(after) + 1 :] if after in ids else found
        limit = int(asked.get("limit", 10))
        return {"object": "list", "data": found[:limit], "has_more": len(found) > limit}


class _Handler(BaseHTTPRequestHandler):
    server: CardApi

    def do_GET(self) -> None:
        api = self.server
        asked = {name: it[0] for name, it in parse_qs(urlsplit(self.path).query).items()}
        api.asked.append(asked)
        api.tokens.add(self.headers.get("Authorization"))
        fault = api.faults.pop(0) if api.faults else None
        if fault is None and self.headers.get("Authorization") != f"Bearer {TOKEN}":
            fault = Reply(401, '{"error": "no such key"}')
        reply = fault or Reply(body=json.dumps(api.change(api.page(asked))))
        self.send_response(reply.status)
        for name, value in reply.headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(reply.body.encode())))
        self.end_headers()
        self.wfile.write(reply.body.encode())

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the original's name
        """Say nothing."""


@contextmanager
def serving() -> Iterator[CardApi]:
    """The API, while the context lasts."""
    with CardApi() as api:
        thread = threading.Thread(target=api.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        try:
            yield api
        finally:
            api.shutdown()
            thread.join()
