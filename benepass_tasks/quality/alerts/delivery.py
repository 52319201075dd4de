"""Delivery of messages: to a webhook, and to a command; neither ever fails a run."""

import json
import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from benepass_tasks.catalog.wording import printable
from benepass_tasks.config import channels, hash_key
from benepass_tasks.config.settings import Settings
from benepass_tasks.quality.alerts import post
from benepass_tasks.quality.alerts.message import Message
from benepass_tasks.quality.alerts.news import Channel
from benepass_tasks.quality.alerts.processes import Ending, Job, run_all

SECONDS = 10.0
"""What delivery may take in all; the channels are served side by side."""

SUMMARY = "BENEPASS_ALERT_SUMMARY"
"""What a command finds in its environment: the first line of the message."""

SECRETS = (channels.VARIABLE, hash_key.VARIABLE)
"""What a command does not find in its environment."""

LONGEST = 200
POST = Path(post.__file__)


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


def deliver(messages: Mapping[Channel, Message], settings: Settings) -> dict[Channel, Delivery]:
    """Deliver a message to each channel, side by side, and say what became of it.

    Args:
        messages: The messages by channel; all of them are set.
        settings: What the channels are.
    """
    jobs = [_job(channel, message, settings) for channel, message in messages.items()]
    endings = run_all(jobs, SECONDS)
    return {
        channel: _delivery(channel, ending, settings)
        for channel, ending in zip(messages, endings, strict=True)
    }


def _job(channel: Channel, message: Message, settings: Settings) -> Job:
    if channel == "webhook" and settings.alert_webhook:
        # The address is not among the arguments, which all users of the machine can see.
        order = {"url": settings.alert_webhook.reveal(), "message": message}
        command = [sys.executable, "-I", "-S", str(POST)]
        return Job(command, json.dumps(order).encode(), settings.project_dir, os.environ)
    kept = {name: it for name, it in os.environ.items() if name not in SECRETS}
    summary = str(message["blocks"][0]["text"]["text"])
    stdin = json.dumps(message).encode()
    return Job(settings.alert_command, stdin, settings.project_dir, {**kept, SUMMARY: summary})


def _delivery(channel: Channel, ending: Ending, settings: Settings) -> Delivery:
    said = printable(ending.output.strip(), LONGEST)
    if channel == "webhook" and settings.alert_webhook:
        reason = said if ending.code == post.FAILED else ending.failure
        return Delivery(f"webhook at {settings.alert_webhook.host}", reason)
    place = f"command {printable(settings.alert_command[0])}"
    if ending.failure is None:
        return Delivery(place, None)
    return Delivery(place, f"{ending.failure}{f', saying: {said}' if said else ''}")
