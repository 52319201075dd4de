"""`alerts`: what is wrong, since when, and whether those who should hear of it do."""

from dataclasses import asdict
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import click

from benepass_tasks.cli.command import Command
from benepass_tasks.cli.figures import instant
from benepass_tasks.cli.output import plain, say, say_json, say_table
from benepass_tasks.config.errors import ProjectError, WarehouseError
from benepass_tasks.config.settings import current_settings

if TYPE_CHECKING:
    from collections.abc import Sequence

    from benepass_tasks.quality.alerts import Incident

UNDELIVERED = 1
"""The exit code where a message did not arrive."""

HEADINGS = ("severity", "what", "how", "since")
RESOLVED = "resolved"


@click.command("alerts", cls=Command, examples=("alerts", "alerts --all", "alerts --json"))
@click.option("--all", "is_all", is_flag=True, help="also what is resolved")
@click.option("--json", "is_json", is_flag=True, help="print JSON")
@click.option(
    "--test", "is_test", is_flag=True, help="send a message to the webhook and the command instead"
)
@click.pass_context
def command(ctx: click.Context, *, is_all: bool, is_json: bool, is_test: bool) -> None:
    """List what is wrong, by what the runs found.

    With --test nothing is listed: a message is sent that says that it is a test. Ends with 1 where
    it does not arrive.
    """
    if not is_test:
        _list(is_all=is_all, is_json=is_json)
    elif is_all or is_json:
        raise click.UsageError("--test lists nothing, and so takes neither --all nor --json", ctx)
    else:
        ctx.exit(0 if _test() else UNDELIVERED)


def _list(*, is_all: bool, is_json: bool) -> None:
    incidents = _read(is_all=is_all)
    if is_json:
        say_json([_json(incident) for incident in incidents])
    elif incidents:
        headings = (*HEADINGS, RESOLVED) if is_all else HEADINGS
        say_table(headings, [_row(incident)[: len(headings)] for incident in incidents])
    else:
        say("Nothing was ever wrong." if is_all else "Nothing is wrong.")


def _read(*, is_all: bool) -> "Sequence[Incident]":
    from benepass_tasks.quality.alerts import read_incidents  # noqa: PLC0415 - DuckDB
    from benepass_tasks.state.store import missing_tables  # noqa: PLC0415
    from benepass_tasks.state.warehouse import warehouse_of  # noqa: PLC0415

    warehouse = warehouse_of(current_settings())
    if not warehouse.exists():
        raise WarehouseError(
            f"{warehouse.path} does not exist, so nothing is known: make it with "
            "`benepass run`, or name another with --benepass-warehouse"
        )
    with warehouse.read() as connection:
        if missing_tables(connection):
            return []
        since = datetime.min.replace(tzinfo=UTC) if is_all else None
        return read_incidents(connection, since=since)


def _test() -> bool:
    from benepass_tasks.config.channels import WEBHOOK  # noqa: PLC0415
    from benepass_tasks.quality.alerts import send_trial  # noqa: PLC0415 - DuckDB

    deliveries = send_trial(current_settings())
    if not deliveries:
        raise ProjectError(
            f"alerts go nowhere: set {WEBHOOK} in the environment, or alert_command in luigi.cfg"
        )
    for delivery in deliveries:
        say(plain(str(delivery)))
    return all(delivery.failure is None for delivery in deliveries)


def _row(incident: "Incident") -> tuple[str, ...]:
    return (
        incident.severity,
        incident.title,
        incident.detail,
        instant(incident.opened_at),
        instant(incident.resolved_at),
    )


def _json(incident: "Incident") -> dict[str, object]:
    return {
        name: it.isoformat() if isinstance(it, datetime) else it
        for name, it in asdict(incident).items()
    }
