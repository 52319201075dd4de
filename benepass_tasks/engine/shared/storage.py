"""The objects of a shared warehouse, as a client of S3 sees them.

Who may use them says the environment, as for any program that asks S3: variables, a profile, or the
role of the machine; so does another address than Amazon's, by AWS_ENDPOINT_URL_S3.
"""

import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from pathlib import Path
from types import MappingProxyType
from typing import IO, Any, Final, TypeAlias

from benepass_tasks.catalog.wording import printable
from benepass_tasks.config.errors import WarehouseError
from benepass_tasks.config.shared_warehouse import SharedWarehouse
from benepass_tasks.engine.shared import head
from benepass_tasks.engine.shared.head import Stored

ATTEMPTS: Final = 6
"""How often something is asked for before the storage counts as down."""

CONNECTING: Final = 15
"""Seconds that it may take to answer at all."""

_REFUSALS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "AccessDenied": "access is denied: it takes s3:ListBucket, s3:ListBucketMultipartUploads, "
        "s3:GetObject, s3:PutObject, s3:DeleteObject, s3:AbortMultipartUpload, and where the "
        "bucket keeps versions s3:DeleteObjectVersion",
        "ExpiredToken": "the credentials of the environment have expired",
        "InvalidAccessKeyId": "nobody there knows the credentials of the environment",
        "NoSuchBucket": "there is no such bucket",
        "NotImplemented": "the storage cannot write on a condition, without which no machine could "
        "tell what another one does",
        "SignatureDoesNotMatch": "the secret key of the environment is another",
    }
)
_OUTDATED: Final = ("PreconditionFailed", "ConditionalRequestConflict", "NoSuchKey", "412", "409")


OnProgress: TypeAlias = Callable[[int], None]
"""Told how many bytes have come or gone since it was told last."""


class OutdatedError(Exception):
    """The head is another one than it was when it was read."""


class GoneError(Exception):
    """An object is not there any more, or not as it was written."""


@dataclass(frozen=True, slots=True)
class Found:
    """The head as it was found.

    Attributes:
        content: Its bytes.
        etag: Its version.
        age: Seconds since it was written, by the clock of the storage.
    """

    content: bytes
    etag: str
    age: float


class Storage:
    """What is below the address of a shared warehouse."""

    def __init__(self, place: SharedWarehouse) -> None:
        """Ask for nothing yet."""
        self.place = place
        self._clients: dict[int, Any] = {}

    @property
    def _client(self) -> Any:  # noqa: ANN401 - boto3 has no types
        # A forked process must not use the connections of the one that it is forked from.
        if os.getpid() not in self._clients:
            import boto3  # noqa: PLC0415 - an extra, and it takes long to import
            from botocore.config import Config  # noqa: PLC0415

            retries = {"mode": "standard", "total_max_attempts": ATTEMPTS}
            self._clients = {
                os.getpid(): boto3.Session().client(
                    "s3", config=Config(connect_timeout=CONNECTING, retries=retries)
                )
            }
        return self._clients[os.getpid()]

    def head(self) -> Found | None:
        """The head; None where there is none yet."""
        with self._told():
            try:
                answer = self._client.get_object(**self._at(head.NAME))
            except self._client.exceptions.NoSuchKey:
                return None
            with closing(answer["Body"]) as body:
                content = bytes(body.read())
        now = parsedate_to_datetime(answer["ResponseMetadata"]["HTTPHeaders"]["date"])
        age = (now - answer["LastModified"]).total_seconds()
        return Found(content, str(answer["ETag"]), age)

    def swap(self, content: bytes, before: str | None) -> str:
        """Write the head in the place of a version of it, or of none; returns the new version.

        An answer may be lost, and the client then writes it again, which is refused since it is
        written already. So after a refusal it is read: if it has this content, it was written.

        Raises:
            OutdatedError: it is another version by now.
        """
        condition = {"IfNoneMatch": "*"} if before is None else {"IfMatch": before}
        refusal: Exception = OutdatedError()
        for _ in range(ATTEMPTS):
            try:
                with self._told():
                    answer = self._client.put_object(
                        **self._at(head.NAME), Body=content, **condition
                    )
                return str(answer["ETag"])
            except (OutdatedError, WarehouseError) as error:
                refusal = error
            found = self.head()
            if found and found.content == content:
                return found.etag
            if before != (found.etag if found else None):
                raise OutdatedError
        raise refusal

    def put(self, name: str, path: Path, on_progress: OnProgress) -> Stored:
        """Write a file under a name that no object had before."""
        with self._told(), path.open("rb") as file:
            self._client.upload_fileobj(
                file, **self._at(name), Config=self._without_threads, Callback=on_progress
            )
            found = self._client.head_object(**self._at(name))
        if found["ContentLength"] != path.stat().st_size:
            raise WarehouseError(
                f"{self.place.address}: {name} is not as long there as it was written; run again"
            )
        return Stored(name, str(found["ETag"]), found.get("VersionId"))

    def fetch(self, it: Stored, file: IO[bytes], on_progress: OnProgress) -> None:
        """Read an object into a file.

        Raises:
            GoneError: it is not there any more, or another one.
        """
        with self._told():
            try:
                found = self._client.head_object(**self._at(it.name))
                if found["ETag"] != it.etag:
                    raise GoneError
                self._client.download_fileobj(
                    Fileobj=file,
                    **self._at(it.name),
                    Config=self._without_threads,
                    Callback=on_progress,
                )
            except self._client.exceptions.ClientError as error:
                if error.response["ResponseMetadata"]["HTTPStatusCode"] == 404:  # noqa: PLR2004
                    raise GoneError from None
                raise

    def remove(self, gone: Iterable[Stored]) -> None:
        """Remove objects, of a bucket that keeps versions also what it would keep."""
        with self._told():
            for it in gone:
                version = {"VersionId": it.version} if it.version else {}
                self._client.delete_object(**self._at(it.name), **version)

    def sweep(self, is_left: Callable[[str], bool]) -> None:
        """Remove objects by their names, also what of them is not written to its end."""
        with self._told():
            for it in self._listed("list_objects_v2", "Contents", is_left):
                found = self._client.head_object(Bucket=self.place.bucket, Key=it["Key"])
                version = {"VersionId": found["VersionId"]} if "VersionId" in found else {}
                self._client.delete_object(Bucket=self.place.bucket, Key=it["Key"], **version)
            for it in self._listed("list_multipart_uploads", "Uploads", is_left):
                self._client.abort_multipart_upload(
                    Bucket=self.place.bucket, Key=it["Key"], UploadId=it["UploadId"]
                )

    def _listed(
        self, operation: str, kind: str, is_left: Callable[[str], bool]
    ) -> list[dict[str, Any]]:
        pages = self._client.get_paginator(operation)
        return [
            it
            for page in pages.paginate(Bucket=self.place.bucket, Prefix=self.place.prefix)
            for it in page.get(kind, [])
            if is_left(it["Key"].removeprefix(self.place.prefix))
        ]

    @property
    def _without_threads(self) -> Any:  # noqa: ANN401 - as above
        # A run ends while the interpreter does, which starts no threads any more.
        from boto3.s3.transfer import TransferConfig  # noqa: PLC0415 - an extra

        return TransferConfig(use_threads=False)

    def _at(self, name: str) -> dict[str, str]:
        return {"Bucket": self.place.bucket, "Key": f"{self.place.prefix}{name}"}

    @contextmanager
    def _told(self) -> Iterator[None]:
        """Word what a storage or its client says, without a secret."""
        try:
            from boto3.exceptions import Boto3Error  # noqa: PLC0415 - an extra
            from botocore.exceptions import BotoCoreError, ClientError  # noqa: PLC0415 - as above
        except ModuleNotFoundError:
            raise WarehouseError(
                f"{self.place.address}: what reads and writes object storage is not installed: pip "
                "install 'benepass-tasks[s3]'"
            ) from None
        try:
            yield
        except ClientError as error:
            code = str(error.response.get("Error", {}).get("Code", ""))
            if code in _OUTDATED:
                raise OutdatedError from None
            why = _REFUSALS.get(code, f"it answers {printable(code, 60)}")
        except (BotoCoreError, Boto3Error) as error:
            why = f"no answer ({type(error).__name__})"
        else:
            return
        raise WarehouseError(f"{self.place.address} cannot be used: {why}") from None
