"""`privacy retain`: what is past its retention goes."""

import click

from benepass_tasks.cli.command import Command
from benepass_tasks.cli.erasing import UNPROVEN, tell
from benepass_tasks.cli.output import complain, plain, say
from benepass_tasks.config.settings import current_settings


@click.command(
    "retain",
    cls=Command,
    examples=(
        "privacy retain --dry-run",
        "privacy retain",
        "privacy retain --benepass-accept transactions",
    ),
)
@click.option("--dry-run", "is_dry", is_flag=True, help="only tell what would go, and when")
@click.pass_context
def retain(ctx: click.Context, is_dry: bool) -> None:  # noqa: FBT001 - click passes by name
    """Delete or anonymise what is past the retention that the catalog declares, as each run does.

    Tells first what goes of each source, and what will within 30 days. Everything below is built
    anew, the warehouse is written anew, and the books count what went as expired. What would take
    more of a source than its guard max_expired allows has to be accepted. Ends with 1 where
    somebody is left who was to be anonymised.
    """
    from benepass_tasks.pipeline.nodes import nodes_of  # noqa: PLC0415 - imports DuckDB
    from benepass_tasks.pipeline.retaining import foreseen, others_foreseen  # noqa: PLC0415 - as above
    from benepass_tasks.pipeline.retaining import retain as enforce  # noqa: PLC0415 - as above
    from benepass_tasks.pipeline.run import safe_to_show  # noqa: PLC0415 - as above
    from benepass_tasks.state.run import Run  # noqa: PLC0415 - as above

    settings = current_settings()
    with safe_to_show():
        run = Run(settings, nodes_of)
        found = foreseen(run)
        for it in (*found, *others_foreseen(run)):
            say(plain(f"{it}."))
        if not found:
            say("No source of which something is loaded has a retention; see docs/privacy.md.")
        certificates = [] if is_dry else enforce(settings, say)
    for certificate in certificates:
        tell(certificate)
    is_proven = all(it.is_proven for it in certificates)
    if not is_dry and is_proven:
        say("Nothing is left that is past its retention.")
    elif not is_dry:
        complain("Of people who are past their retention something is left, or a total has moved")
    ctx.exit(0 if is_proven else UNPROVEN)
