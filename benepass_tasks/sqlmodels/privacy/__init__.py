"""The proof that no column carries more personal data than the catalog says it does."""

from benepass_tasks.sqlmodels.privacy.masks import approved_masks, mask_fingerprint
from benepass_tasks.sqlmodels.privacy.proof import proof_key, prove, require_proof
from benepass_tasks.sqlmodels.privacy.verdicts import Carried, Finding, Proof, Rule, Verdict

__all__ = [
    "Carried",
    "Finding",
    "Proof",
    "Rule",
    "Verdict",
    "approved_masks",
    "mask_fingerprint",
    "proof_key",
    "prove",
    "require_proof",
]
