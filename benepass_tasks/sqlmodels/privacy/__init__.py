"""The proof that no column carries more personal data than the catalog says it does."""

from benepass_tasks.sqlmodels.privacy.masks import approved_masks, mask_fingerprint
from benepass_tasks.sqlmodels.privacy.proof import (
    Carried,
    Finding,
    Proof,
    Rule,
    Verdict,
    prove,
    require_proof,
)

__all__ = [
    "Carried",
    "Finding",
    "Proof",
    "Rule",
    "Verdict",
    "approved_masks",
    "mask_fingerprint",
    "prove",
    "require_proof",
]
