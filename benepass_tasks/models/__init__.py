"""SQL models: what a SQL file reads, and the graph that follows from it."""

from benepass_tasks.models.graph import ModelGraph, read_graph
from benepass_tasks.models.statements import Macro, Model

__all__ = ["Macro", "Model", "ModelGraph", "read_graph"]
