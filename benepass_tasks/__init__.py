"""Employee-benefits CSV files in, trustworthy DuckDB marts out.

`luigi --module benepass_tasks BuildMarts` finds its tasks here.
"""

import configparser

try:
    from benepass_tasks.pipeline.tasks import (
        BuildIntermediate,
        BuildMarts,
        BuildQuality,
        BuildSite,
        BuildStaging,
        CheckContracts,
        LoadFiles,
        LoadRaw,
    )
except configparser.Error as error:
    # Luigi reads it when it is imported; whoever mistyped a line needs no traceback.
    raise SystemExit(f"luigi.cfg cannot be read: {error}") from None

__version__ = "0.2.0"

__all__ = [
    "BuildIntermediate",
    "BuildMarts",
    "BuildQuality",
    "BuildSite",
    "BuildStaging",
    "CheckContracts",
    "LoadFiles",
    "LoadRaw",
]
