"""Employee-benefits CSV files in, trustworthy DuckDB marts out.

`luigi --module benepass_tasks BuildMarts` finds its tasks here.
"""

from benepass_tasks.pipeline.tasks import (
    BuildIntermediate,
    BuildMarts,
    BuildQuality,
    BuildSite,
    BuildStaging,
    CheckContracts,
    LoadRaw,
)

__version__ = "0.2.0"

__all__ = [
    "BuildIntermediate",
    "BuildMarts",
    "BuildQuality",
    "BuildSite",
    "BuildStaging",
    "CheckContracts",
    "LoadRaw",
]
