"""Keeping a model up to date by what changed of its inputs, from the plain SELECT alone."""

from benepass_tasks.sqlmodels.changes.maintenance import (
    Basis,
    ByChanges,
    InFull,
    LookUps,
    Maintenance,
    Storage,
)
from benepass_tasks.sqlmodels.changes.script import Step

__all__ = ["Basis", "ByChanges", "InFull", "LookUps", "Maintenance", "Step", "Storage"]
