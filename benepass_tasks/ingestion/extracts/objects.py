"""The files of a bucket of object storage: listed once, and fetched where they are new or changed.

Who may read it says the environment, as for any program that asks S3: variables, a profile, or the
role of the machine; so does another address than Amazon's, by AWS_ENDPOINT_URL_S3.
"""

import os
import re
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from fnmatch import fnmatchcase
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

from tenacity import Retrying, retry_if_exception_type, stop_after_attempt, wait_exponential

from benepass_tasks.catalog.extracts import BUCKETS, BucketExtract
from benepass_tasks.catalog.wording import printable
from benepass_tasks.config.errors import SourceError
from benepass_tasks.ingestion.extracts.files import Extracts
from benepass_tasks.state.object_copies import ObjectCopies, copy_of

ATTEMPTS: Final = 6
"""How often something is asked for before the storage counts as down."""

PAUSE: Final = 1.0
"""Seconds before an object is asked for again that was cut short; then twice as long each time."""

CONNECTING: Final = 15
"""Seconds that it may take to answer at all."""

_FETCHERS: Final = 8
_BLOCK: Final = 1 << 20

_REFUSALS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "AccessDenied": "access is denied: reading needs s3:ListBucket and s3:GetObject",
        "ExpiredToken": "the credentials of the environment have expired",
        "InvalidAccessKeyId": "nobody there knows the credentials of the environment",
        "InvalidObjectState": "an object is archived: restore it, or let filepath pass it over",
        "NoSuchBucket": "there is no such bucket",
        "SignatureDoesNotMatch": "the secret key of the environment is another",
    }
)


class _BrokenListingError(Exception):
    """A listing is not what it should be; its text quotes nothing of it."""


class _CutShortError(Exception):
    """An object was not handed out to its end."""


def fetch_objects(extracts: Extracts, extract: BucketExtract) -> int:
    """Copy what is new or changed in a bucket, and write aside what its listing has.

    A listing counts as a whole or not at all: otherwise what it does not get to would look as if it
    were gone.

    Returns:
        How many objects were fetched.

    Raises:
        SourceError: the storage cannot be reached, refuses, or hands out less than it has.
    """
    copies = ObjectCopies(extracts.folder, extracts.source.name)
    known = copies.versions
    with _told(extracts.source.name, extract):
        bucket = _Bucket(extract, copies)
        listed = bucket.listed()
        late = [
            name
            for name, version in listed.items()
            if not copies.has(name, version)
            and (known.get(name) != version or not copy_of(name, copies.folder).exists())
        ]
        with ThreadPoolExecutor(_FETCHERS) as fetchers:
            fetched = dict(zip(late, fetchers.map(bucket.fetch, late), strict=True))
    there = {name: version for name, version in (listed | fetched).items() if version is not None}
    copies.write(extracts.aside, there)
    return len(there.keys() & fetched.keys())


class _Bucket:
    """A bucket that is read, by a client that waits and tries again."""

    def __init__(self, extract: BucketExtract, copies: ObjectCopies) -> None:
        """Find out from the environment who asks, and whom."""
        import boto3  # noqa: PLC0415 - an extra, and it takes long to import
        from botocore.config import Config  # noqa: PLC0415

        self._extract, self._copies = extract, copies
        retries = {"mode": "standard", "total_max_attempts": ATTEMPTS}
        self._client: Any = boto3.Session().client(
            "s3",
            config=Config(
                connect_timeout=CONNECTING, retries=retries, max_pool_connections=_FETCHERS
            ),
        )

    def listed(self) -> dict[str, str]:
        """The version of each object that is meant, by its address."""
        key, bucket = self._extract.key, self._extract.bucket
        start = re.split(r"[*?\[]", str(key))[0]
        found, is_last = {}, False
        pages = self._client.get_paginator("list_objects_v2")
        for page in pages.paginate(Bucket=bucket, Prefix=start, Delimiter="/"):
            objects = page.get("Contents", [])
            # A page that does not say so may be the answer of something else than a storage.
            is_last = page.get("IsTruncated") is False
            count = len(objects) + len(page.get("CommonPrefixes", []))
            if count != page.get("KeyCount", count):
                raise _BrokenListingError("a page of its listing has not what it says it has")
            for it in objects:
                folder, slash, name = it["Key"].rpartition("/")
                if f"{folder}{slash}" == _folder(str(key)) and fnmatchcase(name, key.name):
                    found[f"{BUCKETS}{bucket}/{it['Key']}"] = it["ETag"]
        if not is_last:
            raise _BrokenListingError("its listing ends before its end")
        return dict(sorted(found.items()))

    def fetch(self, name: str) -> str | None:
        """Copy an object; returns its version, which may be later, and None where it is gone."""
        for attempt in Retrying(
            stop=stop_after_attempt(ATTEMPTS),
            wait=wait_exponential(PAUSE, max=CONNECTING),
            retry=retry_if_exception_type(_CutShortError),
            reraise=True,
        ):
            with attempt:
                version = self._fetched(name)
        return version

    def _fetched(self, name: str) -> str | None:
        key = name.removeprefix(f"{BUCKETS}{self._extract.bucket}/")
        try:
            answer = self._client.get_object(Bucket=self._extract.bucket, Key=key)
        except self._client.exceptions.NoSuchKey:
            return None
        version: str = answer["ETag"]
        place = self._copies.fetched(name, version)
        part = place.with_name(f"{place.name}.part")
        with closing(answer["Body"]) as body:
            _write(body, part)
        part.replace(place)
        return version


def _folder(key: str) -> str:
    """What stands before the last name of a key."""
    return key[: len(key) - len(key.rpartition("/")[2])]


def _write(body: Any, path: Path) -> None:  # noqa: ANN401 - botocore has no types
    """Write what is handed out into a file that only its owner can read."""
    from botocore.exceptions import BotoCoreError  # noqa: PLC0415 - as above

    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        try:
            for block in body.iter_chunks(_BLOCK):
                file.write(block)
        except BotoCoreError as error:
            raise _CutShortError from error


@contextmanager
def _told(source: str, extract: BucketExtract) -> Iterator[None]:
    """Word what went wrong, without a secret."""
    try:
        from botocore.exceptions import BotoCoreError, ClientError  # noqa: PLC0415 - an extra
        from botocore.parsers import ResponseParserError  # noqa: PLC0415
    except ModuleNotFoundError:
        raise SourceError(
            f"{source}: what reads object storage is not installed: pip install "
            "'benepass-tasks[s3]'"
        ) from None
    try:
        yield
    except ClientError as error:
        said = _refused(error.response)
    except _BrokenListingError as error:
        said = str(error)
    except _CutShortError:
        said = f"an object is cut short, after {ATTEMPTS} attempts too"
    except (BotoCoreError, ResponseParserError) as error:
        said = _unasked(error)
    else:
        return
    raise SourceError(
        f"{source}: {extract} cannot be read: {said}. Nothing counts as gone; what was read "
        "before stays",
        reason=f"{source} cannot be read",
    ) from None


def _refused(answer: Mapping[str, Any]) -> str:
    """What an answer says that is none; its message may name a key."""
    code = printable(str(answer.get("Error", {}).get("Code", "")), 60)
    status = answer.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    if code in _REFUSALS:
        return _REFUSALS[code]
    told = f"it answers {status} {code}"
    return f"{told}, after {ATTEMPTS} attempts too" if status >= 500 else told  # noqa: PLR2004


def _unasked(error: Exception) -> str:
    """Why there is no answer; the texts of these errors may have an address with a password."""
    name = type(error).__name__
    if "Credentials" in name or "Profile" in name:
        return (
            "the environment has no credentials for it: set AWS_ACCESS_KEY_ID and "
            "AWS_SECRET_ACCESS_KEY, AWS_PROFILE, or give the machine a role"
        )
    return f"no answer ({name}) to {ATTEMPTS} attempts"
