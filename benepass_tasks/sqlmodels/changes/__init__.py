"""Keeping a model up to date by what changed of its inputs, from the plain SELECT alone."""

from benepass_tasks.sqlmodels.changes.maintenance import ByChanges, InFull, Maintenance
from benepass_tasks.sqlmodels.changes.script import Step

__all__ = ["ByChanges", "InFull", "Maintenance", "Step"]
