"""Parquet files in object storage for an audience, and the manifest that says which of them count.

A file has the digest of its rows in its name and is never written over: those that are new are
there before the manifest that names them, which is one object. So a reader who begins with the
manifest sees all tables as they were or all as they are, and none beside one of another time. What
the manifest before named stays until the next one, for whoever is reading it.
"""

import json
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any, Final

from benepass_tasks.catalog.audiences import BucketPlace
from benepass_tasks.catalog.wording import printable
from benepass_tasks.config.digests import digest
from benepass_tasks.config.errors import PublicationError
from benepass_tasks.engine.quoting import quote_text
from benepass_tasks.engine.searching import parquet_texts
from benepass_tasks.engine.session import Run
from benepass_tasks.publish.pieces import Piece, month_column, pieces_of
from benepass_tasks.state.publication import Part, Publication, PublishedTable

MANIFEST: Final = "manifest.json"
"""The object that names those that count, below the prefix."""

MARK: Final = "benepass-tasks"
"""What the manifest of ours says that it is of."""

_SUFFIX: Final = ".parquet"


@dataclass(frozen=True, slots=True)
class _Manifest:
    """What a prefix has to show.

    Attributes:
        said: What the manifest says; nothing where there is none.
        etag: Its version.
    """

    said: Mapping[str, Any]
    etag: str | None

    @property
    def owner(self) -> tuple[object, ...]:
        """Whose it is."""
        return tuple(self.said.get(it) for it in ("of", "audience", "environment"))

    @property
    def files(self) -> dict[str, str]:
        """The ETags of the files that it names, by their names below the prefix."""
        return {it["file"]: it["etag"] for it in self.said.get("tables", ())}

    @property
    def in_months(self) -> frozenset[str]:
        """The tables of which it names a file for each month."""
        return frozenset(it["table"] for it in self.said.get("tables", ()) if "month" in it)


class Prefix:
    """A prefix whose next manifest is not written yet."""

    def __init__(
        self, storage: "_Storage", publication: Publication, run_id: str, aside: Path
    ) -> None:
        """Take the storage, and nothing yet of what is there."""
        self._storage, self._aside = storage, aside
        self._about = {
            "of": MARK,
            "audience": publication.audience.name,
            "environment": publication.env,
        }
        self._run_id, self._files = run_id, publication.files
        self._before = _Manifest({}, None)
        self._manifest: dict[str, Any] = {}

    def fill(self, run: Run, part: Part) -> None:
        """As `Filling.fill`.

        Raises:
            PublicationError: the prefix is somebody else's, or the storage refuses.
        """
        with _told(self._storage.place):
            self._before = self._storage.manifest()
            if self._before.etag and self._before.owner != tuple(self._about.values()):
                raise PublicationError(
                    f"{self._storage.place.address}: {MANIFEST} is there and is not that of this "
                    "audience and environment, and nothing of it was touched: name another prefix"
                )
            there = self._storage.etags()
            tables = [piece for it in part.tables for piece in self._stored(run, it, there)]
        self._manifest = {
            **self._about,
            "run": self._run_id,
            "declaration": part.code_version,
            "tables": tables,
        }

    def commit(self) -> Mapping[str, str]:
        """As `Filling.commit`: the manifest takes the place of the one that was there before."""
        with _told(self._storage.place):
            written = json.dumps(self._manifest, indent=1).encode()
            etag = self._storage.put_manifest(written, self._before.etag)
            now = _Manifest(self._manifest, etag)
            is_alike = self._before.said.get("declaration") == self._manifest["declaration"]
            # What is shown differently now may have been too much before.
            kept = {*now.files, *(self._before.files if is_alike else ())}
            self._storage.remove_all_but(kept)
            return {self._storage.place.name: _state(now, now.files)}

    def _stored(
        self, run: Run, table: PublishedTable, there: Mapping[str, str]
    ) -> Iterator[Mapping[str, object]]:
        """What the manifest says of a table, of which is written what is not there."""
        is_in_months = table.relation in self._before.in_months
        column = month_column(run, table, is_in_months=is_in_months)
        for it in pieces_of(run, table, column):
            month = {"month": it.month} if it.month else {}
            name = self._name_of(table, it)
            etag = there.get(name)
            if etag is None or etag != self._before.files.get(name):
                etag = self._put(run, name, it)
            rows = {"rows": it.count, "etag": etag}
            yield {"table": table.relation, **month, "file": name, **rows}

    def _name_of(self, table: PublishedTable, piece: Piece) -> str:
        """What a piece of a table is called, which it is with these rows alone."""
        version = digest(self._files[table.file], piece.rows)[:16]
        return "-".join(filter(None, (table.relation, piece.month, version))) + _SUFFIX

    def _put(self, run: Run, name: str, piece: Piece) -> str:
        """Write a piece of a table; returns its version."""
        local = self._aside / name
        run(
            f"copy (from {piece.source}) to {quote_text(str(local))} "
            "(format parquet, compression zstd)"
        )
        etag = self._storage.put_file(name, local)
        local.unlink()
        return etag


class _Storage:
    """What is below a prefix of a bucket, as the environment lets us see it."""

    def __init__(self, place: BucketPlace) -> None:
        """Find out from the environment who asks, and whom."""
        import boto3  # noqa: PLC0415 - an extra, and it takes long to import

        self.place = place
        self._bucket, self._prefix = place.bucket, place.prefix
        self._client: Any = boto3.Session().client("s3")

    def manifest(self) -> _Manifest:
        try:
            answer = self._client.get_object(**self._at(MANIFEST))
        except self._client.exceptions.NoSuchKey:
            return _Manifest({}, None)
        with closing(answer["Body"]) as body:
            text = body.read()
        try:
            said = json.loads(text)
        except ValueError:
            said = None
        return _Manifest(said if isinstance(said, dict) else {}, answer["ETag"])

    def put_manifest(self, written: bytes, before: str | None) -> str:
        """Write the manifest in the place of a version of it, or of none, and of no other."""
        condition = {"IfNoneMatch": "*"} if before is None else {"IfMatch": before}
        return str(self._client.put_object(**self._at(MANIFEST), Body=written, **condition)["ETag"])

    def put_file(self, name: str, local: Path) -> str:
        """Write a file; returns its version."""
        self._client.upload_file(str(local), self._bucket, f"{self._prefix}{name}")
        found = self._client.head_object(**self._at(name))
        if found["ContentLength"] != local.stat().st_size:
            raise PublicationError(
                f"{self.place.address}: {name} is not as long there as it was written. What was "
                "published before is still there"
            )
        return str(found["ETag"])

    def etags(self) -> dict[str, str]:
        """The versions of all objects below the prefix, by their names there."""
        pages = self._client.get_paginator("list_objects_v2")
        return {
            it["Key"].removeprefix(self._prefix): it["ETag"]
            for page in pages.paginate(Bucket=self._bucket, Prefix=self._prefix)
            for it in page.get("Contents", [])
        }

    def remove_all_but(self, kept: set[str], *, even_manifest: bool = False) -> None:
        """Remove the Parquet files that are ours and count no longer."""
        for name in self.etags():
            is_ours = name.endswith(_SUFFIX) and "/" not in name and "-" in name
            if (is_ours and name not in kept) or (even_manifest and name == MANIFEST):
                self._client.delete_object(**self._at(name))

    def read(self, name: str) -> bytes:
        with closing(self._client.get_object(**self._at(name))["Body"]) as body:
            return bytes(body.read())

    def _at(self, name: str) -> dict[str, str]:
        return {"Bucket": self._bucket, "Key": f"{self._prefix}{name}"}


@dataclass(frozen=True)
class BucketTarget:
    """All that an audience reads below a prefix of a bucket: it is one part."""

    place: BucketPlace

    def states(self) -> Mapping[str, str] | None:
        """As `Target.states`."""
        try:
            with _told(self.place):
                storage = _Storage(self.place)
                manifest = storage.manifest()
                return {self.place.name: _state(manifest, storage.etags())}
        except PublicationError:
            return None

    @contextmanager
    def filling(self, publication: Publication, run_id: str, aside: Path) -> Iterator[Prefix]:
        """As `Target.filling`: files that no manifest names go with the next one."""
        with _told(self.place):
            storage = _Storage(self.place)
        yield Prefix(storage, publication, run_id, aside)

    def drop(self) -> None:
        """As `Target.drop`."""
        with _told(self.place):
            storage = _Storage(self.place)
            if storage.manifest().said.get("of") == MARK:
                storage.remove_all_but(set(), even_manifest=True)

    def forget_past(self) -> None:
        """As `Target.forget_past`."""
        with _told(self.place):
            storage = _Storage(self.place)
            manifest = storage.manifest()
            if manifest.said.get("of") == MARK:
                storage.remove_all_but({*manifest.files})

    def texts(self) -> Iterator[tuple[str, bytes]]:
        """As `Target.texts`, of all objects below the prefix."""
        with _told(self.place):
            storage = _Storage(self.place)
            for name in storage.etags():
                content = storage.read(name)
                where = f"{self.place.address}/{name}"
                is_parquet = name.endswith(_SUFFIX)
                texts = parquet_texts(BytesIO(content)) if is_parquet else [content]
                yield from ((where, text) for text in texts)


def _state(manifest: _Manifest, etags: Mapping[str, str]) -> str:
    """What changes with whatever anybody does to a manifest, or to a file that it names."""
    named = sorted(f"{it} {etags.get(it)}" for it in manifest.files)
    return digest(str(manifest.etag), *named)[:32]


@contextmanager
def _told(place: BucketPlace) -> Iterator[None]:
    """Word what a storage or its client says, without a secret."""
    try:
        from boto3.exceptions import Boto3Error  # noqa: PLC0415 - an extra
        from botocore.exceptions import BotoCoreError, ClientError  # noqa: PLC0415 - as above
    except ModuleNotFoundError:
        raise PublicationError(
            f"{place.address}: what writes object storage is not installed: pip install "
            "'benepass-tasks[s3]'"
        ) from None
    try:
        yield
    except ClientError as error:
        code = printable(str(error.response.get("Error", {}).get("Code", "")), 60)
        why = f"it answers {code}"
        if code in ("PreconditionFailed", "412", "ConditionalRequestConflict"):
            why = "somebody else has written there meanwhile"
    except (BotoCoreError, Boto3Error) as error:
        why = f"no answer ({type(error).__name__})"
    else:
        return
    raise PublicationError(
        f"{place.address} cannot be written: {why}. What was published before is still there"
    ) from None
