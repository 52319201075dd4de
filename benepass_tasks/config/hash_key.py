"""The key of the pseudonyms that macro `keyed_hash` makes.

It comes from the environment and lives in memory: the warehouse, markers, logs and messages never
hold it. A fingerprint holds a digest of it, so that another key makes the pseudonyms anew.
"""

import hashlib
import hmac
import os
from collections.abc import Mapping
from dataclasses import dataclass, field

from benepass_tasks.config.digests import digest
from benepass_tasks.config.errors import ProjectError

VARIABLE = "BENEPASS_HASH_KEY"
SHORTEST = 32
"""Characters; a shorter key could be found by trying."""

_BLOCK = 64
"""Bytes in a block of SHA-256."""

PADS = ("hash_key_inner", "hash_key_outer")
"""What SQL reads with `getvariable`."""


@dataclass(frozen=True, slots=True)
class HashKey:
    """A key; shows itself to nobody."""

    secret: bytes = field(repr=False)

    @property
    def fingerprint(self) -> str:
        """A digest that changes when the key does, and does not give it away."""
        return digest("benepass-tasks hash key", self.secret.hex())

    def digest_of(self, purpose: str, text: str) -> str:
        """A text as nobody can tell it without the key, HMAC-SHA-256; other for each purpose."""
        return hmac.new(self.secret, f"{purpose}\0{text}".encode(), hashlib.sha256).hexdigest()

    @property
    def pads(self) -> Mapping[str, str]:
        """The two pads of HMAC (RFC 2104, section 2) as SQL literals, by variable."""
        block = self.secret
        if len(block) > _BLOCK:
            block = hashlib.sha256(block).digest()
        block = block.ljust(_BLOCK, b"\0")
        inner, outer = (bytes(byte ^ pad for byte in block).hex() for pad in (0x36, 0x5C))
        return dict(zip(PADS, (f"unhex('{inner}')", f"unhex('{outer}')"), strict=True))


def read_hash_key() -> HashKey | None:
    """The key in the environment; None where there is none.

    Raises:
        ProjectError: the key is too short.
    """
    value = os.environ.get(VARIABLE, "")
    if not value:
        return None
    if len(value) < SHORTEST:
        raise ProjectError(
            f"{VARIABLE} has {len(value)} characters and must have at least {SHORTEST}: "
            "make one with `openssl rand -hex 32`, and keep it where secrets are kept"
        )
    return HashKey(os.fsencode(value))


def missing_hash_key(relations: list[str]) -> ProjectError:
    """The error for models that need a key where there is none."""
    return ProjectError(
        f"{', '.join(relations)}: made with keyed_hash, which needs a key, and {VARIABLE} is not "
        "set: make one with `openssl rand -hex 32`, keep it where secrets are kept, and set it in "
        "the environment of every run (another key makes other pseudonyms)"
    )
