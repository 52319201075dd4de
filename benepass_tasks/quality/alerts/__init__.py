"""Alerts: what is wrong becomes an incident, which is told when it is new, open still, and over."""

from benepass_tasks.quality.alerts.end_of_run import alert, send_trial
from benepass_tasks.quality.alerts.incidents import Incident, read_incidents
from benepass_tasks.quality.alerts.present import Present
from benepass_tasks.quality.alerts.problems import Problem, run_failed

__all__ = [
    "Incident",
    "Present",
    "Problem",
    "alert",
    "read_incidents",
    "run_failed",
    "send_trial",
]
