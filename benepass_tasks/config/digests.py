"""Digests of texts, for fingerprints."""

import hashlib


def digest(*parts: str) -> str:
    """SHA-256 over texts, with the borders between them kept."""
    state = hashlib.sha256()
    for part in parts:
        encoded = part.encode()
        state.update(len(encoded).to_bytes(8, "big"))
        state.update(encoded)
    return state.hexdigest()
