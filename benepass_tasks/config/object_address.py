"""An address in object storage: `s3://`, a bucket, and the key below which objects are."""

from typing import Final

SCHEME: Final = "s3://"
"""What an address in object storage begins with."""


def bucket_of(address: str) -> str:
    """The bucket's name."""
    return address.removeprefix(SCHEME).partition("/")[0]


def prefix_of(address: str) -> str:
    """What the keys of the objects below an address begin with."""
    return f"{address.removeprefix(f'{SCHEME}{bucket_of(address)}/')}/"
