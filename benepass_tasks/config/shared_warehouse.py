"""A warehouse in object storage, as the settings name it: its address, and its copy here."""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from benepass_tasks.config.digests import digest
from benepass_tasks.config.errors import ProjectError
from benepass_tasks.config.object_address import SCHEME, bucket_of, prefix_of

SHORTEST_LEASE: Final = 3.0
"""Seconds within which a storage answers often enough to say three times that somebody works."""

_ADDRESS: Final = re.compile(r"s3://([a-z0-9][a-z0-9.-]{1,61}[a-z0-9])/((?:[\w.=-]+/)*[\w.=-]+)")


@dataclass(frozen=True, slots=True)
class SharedWarehouse:
    """A warehouse in object storage, which several machines take in turn.

    Attributes:
        address: `s3://`, the bucket, and the key below which its objects are.
        copy: The DuckDB file that this machine works on.
        lease: Seconds after which somebody counts as gone who has taken it and says nothing.
    """

    address: str
    copy: Path
    lease: float

    @property
    def bucket(self) -> str:
        """The bucket's name."""
        return bucket_of(self.address)

    @property
    def prefix(self) -> str:
        """What the keys of its objects begin with."""
        return prefix_of(self.address)


def read_shared_warehouse(address: str, copies: Path, lease: float) -> SharedWarehouse | None:
    """The warehouse at an address of object storage; None where it is a file.

    Args:
        address: What the setting says.
        copies: The folder of the copies of this machine, each of which has a folder of its own.
        lease: Seconds, as of `SharedWarehouse`.

    Raises:
        ProjectError: the address or the lease cannot be.
    """
    if not address.startswith(SCHEME):
        return None
    if not _ADDRESS.fullmatch(address):
        raise ProjectError(
            "--benepass-warehouse begins with s3:// and must go on with a bucket, a slash and a "
            "key of letters, digits and . _ = - /, such as s3://bucket/prod/warehouse.duckdb; who "
            "may use it says the environment"
        )
    if not lease >= SHORTEST_LEASE:
        raise ProjectError(
            f"--benepass-warehouse-lease is {lease:g}; it must be {SHORTEST_LEASE:g} seconds or "
            "more, and 60 is a good start"
        )
    name = address.rpartition("/")[2]
    folder = f"{Path(name).stem}-{digest(address)[:8]}"
    return SharedWarehouse(address, copies / folder / name, lease)
