"""The address of a database: a secret, which a variable of the environment holds."""

import os
from collections.abc import Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from sqlalchemy import URL

_DRIVERS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "postgres": "postgresql+psycopg",
        "postgresql": "postgresql+psycopg",
        "mysql": "mysql+pymysql",
        "mariadb": "mariadb+pymysql",
    }
)
"""The driver of an address that names none."""


def database_address(variable: str) -> "URL | None":
    """The address that a variable of the environment holds; None where it is not set.

    Raises:
        ArgumentError: it holds no address of a database; the message does not say it.
    """
    from sqlalchemy import make_url  # noqa: PLC0415 - settings are read without it
    from sqlalchemy.exc import ArgumentError  # noqa: PLC0415 - as above

    written = os.environ.get(variable, "").strip()
    if not written:
        return None
    try:
        url = make_url(written)
    except ArgumentError:
        raise ArgumentError(f"{variable} does not hold the address of a database") from None
    return url.set(drivername=_DRIVERS.get(url.drivername, url.drivername))


def unset_address(variable: str) -> str:
    """What to say where the variable is not set."""
    return (
        f"{variable} is not set: export the address of the database under this name, such as "
        "postgresql://user:password@host:5432/name"
    )
