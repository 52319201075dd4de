"""SQL models: what a SQL file reads, and the graph that follows from it."""

from benepass_tasks.sqlmodels.definitions import Macro, Model
from benepass_tasks.sqlmodels.graph import ModelGraph, read_graph

__all__ = ["Macro", "Model", "ModelGraph", "read_graph"]
