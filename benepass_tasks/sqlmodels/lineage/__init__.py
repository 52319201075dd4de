"""Column lineage: which source columns every column of every table derives from, and how."""

from benepass_tasks.sqlmodels.lineage.edges import ColumnRef, Edge, Subtype, Type
from benepass_tasks.sqlmodels.lineage.graph import Lineage, LineagePath, ModelLineage, Step
from benepass_tasks.sqlmodels.lineage.trace import trace, trace_query

__all__ = [
    "ColumnRef",
    "Edge",
    "Lineage",
    "LineagePath",
    "ModelLineage",
    "Step",
    "Subtype",
    "Type",
    "trace",
    "trace_query",
]
