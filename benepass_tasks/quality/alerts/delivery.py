"""Delivery of messages and of the heartbeat; whatever fails here fails no run."""

import json
import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeAlias

from benepass_tasks.catalog.wording import printable
from benepass_tasks.config import channels, hash_key
from benepass_tasks.config.channels import SecretUrl
from benepass_tasks.config.settings import Settings
from benepass_tasks.quality.alerts.message import Message
from benepass_tasks.quality.alerts.news import Channel
from benepass_tasks.quality.alerts.processes import Ending, Job, run_all

Receiver: TypeAlias = Channel | Literal["heartbeat"]

SECONDS = 10.0
"""What delivery may take in all; the receivers are served side by side."""

SUMMARY = "BENEPASS_ALERT_SUMMARY"
"""What a command finds in its environment: the first line of the message."""

SECRETS = (*channels.VARIABLES, hash_key.VARIABLE)
"""What a command does not find in its environment."""

LONGEST = 200
POST = Path(__file__).with_name("post.py")
FAILED_TO_POST = 3
"""The exit code where that program says what went wrong; Python's own end with 1."""


@dataclass(frozen=True, slots=True)
class Delivery:
    """What became of a message.

    Attributes:
        place: Where it was to go, in words that give no secret away.
        failure: Why it did not arrive; None where it did.
    """

    place: str
    failure: str | None

    def __str__(self) -> str:
        """One line for people."""
        return f"{self.place}: {self.failure or 'delivered'}"


def deliver(
    messages: Mapping[Receiver, Message | None], settings: Settings
) -> dict[Receiver, Delivery]:
    """Deliver a message to each receiver, side by side, and say what became of it.

    Args:
        messages: The messages by receiver, all of which are set; None for the heartbeat.
        settings: What the receivers are.
    """
    jobs = [_job(receiver, message, settings) for receiver, message in messages.items()]
    endings = run_all(jobs, SECONDS)
    return {
        receiver: _delivery(receiver, ending, settings)
        for receiver, ending in zip(messages, endings, strict=True)
    }


def _address(receiver: Receiver, settings: Settings) -> SecretUrl | None:
    return {"webhook": settings.alert_webhook, "heartbeat": settings.alert_heartbeat}.get(receiver)


def _job(receiver: Receiver, message: Message | None, settings: Settings) -> Job:
    address = _address(receiver, settings)
    if address:
        # The address is not among the arguments, which all users of the machine can see.
        order = {"url": address.reveal(), "message": message}
        command = [sys.executable, "-I", "-S", str(POST)]
        return Job(command, json.dumps(order).encode(), settings.project_dir, os.environ)
    kept = {name: it for name, it in os.environ.items() if name not in SECRETS}
    summary = str(message["blocks"][0]["text"]["text"]) if message else ""
    stdin = json.dumps(message).encode()
    return Job(settings.alert_command, stdin, settings.project_dir, {**kept, SUMMARY: summary})


def _delivery(receiver: Receiver, ending: Ending, settings: Settings) -> Delivery:
    said = printable(ending.output.strip(), LONGEST)
    address = _address(receiver, settings)
    if address:
        reason = said if ending.code == FAILED_TO_POST else ending.failure
        return Delivery(f"{receiver} at {address.host}", reason)
    place = f"command {printable(settings.alert_command[0])}"
    if ending.failure is None:
        return Delivery(place, None)
    return Delivery(place, f"{ending.failure}{f', saying: {said}' if said else ''}")
