"""What is watched from run to run: how fresh and how large the data is, and what is unlike before.

Monitors flag, and never fail a run: what they find makes the state unhealthy and opens alerts.
"""

from benepass_tasks.quality.monitors.near_names import judge_names
from benepass_tasks.quality.monitors.observe import is_watched, observe
from benepass_tasks.quality.monitors.results import Result, keep_results
from benepass_tasks.quality.monitors.slots import judge_slots

__all__ = ["Result", "is_watched", "judge_names", "judge_slots", "keep_results", "observe"]
