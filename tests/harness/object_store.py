"""A storage of objects as S3 is, on this machine and with its faults."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from dataclasses import dataclass, field
from io import BytesIO
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, quote, unquote

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

BUCKET = "benefits"
SECRET = "s3cr3t-of-nobody"  # noqa: S105 - of nobody

_PAGE = (
    "<ListBucketResult><Name>benefits</Name><KeyCount>{}</KeyCount><IsTruncated>{}</IsTruncated>"
    "<NextContinuationToken>{}</NextContinuationToken>{}</ListBucketResult>"
)


@dataclass
class Fault:
    """What the storage answers instead of what it has."""

    status: str
    code: str
    body: str = "<Error><Code>{}</Code><Message>{}</Message></Error>"

    @property
    def answer(self) -> bytes:
        return self.body.format(self.code, SECRET).encode()


@dataclass
class ObjectStore:
    """Objects by their keys, what was asked for, and the faults that come next.

    Attributes:
        faults: What the next answers are; None for what the storage has.
        change: What a test makes of the answer to a listing.
        between: What happens after the next listing.
        cut: How many objects are handed out in part only.
        unanswered: What is done and not answered, such as `PUT head.json`, or `AWSGlue.GetTable`.
        asked: All that was asked for, in such words.
        pages: Keys that a listing has instead, a list for each page; the objects are all alike.
    """

    faults: list[Fault | None] = field(default_factory=list)
    change: Callable[[bytes], bytes] = lambda page: page
    between: Callable[[], None] | None = None
    cut: int = 0
    unanswered: list[str] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)
    pages: list[list[str]] = field(default_factory=list)
    listings: int = 0
    client: Any = None
    _fetched: list[str] = field(default_factory=list)
    _writing: threading.Lock = field(default_factory=threading.Lock)

    def put(self, key: str, content: str | bytes) -> None:
        self.client.put_object(Bucket=BUCKET, Key=key, Body=content)

    def delete(self, key: str) -> None:
        self.client.delete_object(Bucket=BUCKET, Key=key)

    @property
    def fetched(self) -> list[str]:
        """The keys of the objects that were asked for, in any order."""
        return sorted(self._fetched)

    def answer(self, app: Any, environ: dict[str, Any], start: Any) -> Iterable[bytes]:  # noqa: ANN401
        """Answer what the storage would, or the next fault."""
        from werkzeug.wsgi import get_input_stream  # noqa: PLC0415 - in an environment of its own

        last = unquote(environ["PATH_INFO"]).rpartition("/")[2]
        target = environ.get("HTTP_X_AMZ_TARGET", f"{environ['REQUEST_METHOD']} {last}")
        self.asked.append(target)
        if target in self.unanswered:
            self.unanswered.remove(target)
            b"".join(app(environ, lambda *_: None))
            start("500 Internal Server Error", [])
            return []
        if environ["REQUEST_METHOD"] != "GET":
            # Whoever sends this one may write another before it is here.
            environ["wsgi.input"] = BytesIO(get_input_stream(environ).read())
            # moto itself looks at a condition and writes in two steps.
            with self._writing:
                return [b"".join(app(environ, start))]
        asked = parse_qs(environ["QUERY_STRING"])
        fault = self.faults.pop(0) if self.faults else None
        if fault:
            start(fault.status, [("Content-Type", "application/xml")])
            return [fault.answer]
        told: list[Any] = []
        is_listing = "list-type" in asked
        if is_listing and self.pages:
            told, whole = ["200 OK", []], self._page(asked)
        else:
            whole = b"".join(app(environ, lambda *it: told.extend(it)))
        if is_listing:
            whole = self._listed(whole)
            told[1] = [it for it in told[1] if it[0].lower() != "content-length"]
        else:
            self._fetched.append(unquote(environ["REQUEST_URI"]).partition(f"/{BUCKET}/")[2])
            if self.cut:
                self.cut -= 1
                whole = whole[:9]
        start(told[0], told[1])
        return [whole]

    def _listed(self, page: bytes) -> bytes:
        self.listings += 1
        if self.between:
            self.between()
            self.between = None
        return self.change(page)

    def _page(self, asked: dict[str, list[str]]) -> bytes:
        at = int(asked.get("continuation-token", ["0"])[0])
        found = "".join(
            f"<Contents><Key>{quote(key)}</Key><ETag>1</ETag></Contents>" for key in self.pages[at]
        )
        is_more = str(at + 1 < len(self.pages)).lower()
        return _PAGE.format(len(self.pages[at]), is_more, at + 1, found).encode()


@contextmanager
def object_store(monkeypatch: pytest.MonkeyPatch) -> Iterator[ObjectStore]:
    """A storage with one empty bucket, of which the environment says where it is and who asks."""
    moto = pytest.importorskip("moto.server", reason="tox -e s3 has a storage of objects")
    import boto3  # noqa: PLC0415 - in an environment of its own
    from werkzeug.serving import make_server  # noqa: PLC0415

    store = ObjectStore()
    app = moto.DomainDispatcherApplication(moto.create_backend_app)
    server = make_server("127.0.0.1", 0, lambda *it: store.answer(app, *it), threaded=True)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    for name, value in {
        "AWS_ENDPOINT_URL_S3": f"http://127.0.0.1:{server.server_port}",
        "AWS_ACCESS_KEY_ID": "nobody",
        "AWS_SECRET_ACCESS_KEY": SECRET,
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_CONFIG_FILE": "/dev/null",
        "AWS_SHARED_CREDENTIALS_FILE": "/dev/null",
    }.items():
        monkeypatch.setenv(name, value)
    store.client = boto3.client("s3")
    store.client.create_bucket(Bucket=BUCKET)
    try:
        yield store
    finally:
        store.client.close()
        server.shutdown()
        thread.join()
        server.server_close()
        moto_reset()


def moto_reset() -> None:
    """Forget all objects and tables: moto keeps them for the process, and not for a server."""
    from moto.glue.models import glue_backends  # noqa: PLC0415
    from moto.s3.models import s3_backends  # noqa: PLC0415

    s3_backends.reset()
    glue_backends.reset()
