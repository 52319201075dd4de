"""`privacy erase`: people are erased everywhere, and it is proven."""

import shlex
import sys
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from benepass_tasks.cli.command import Command
from benepass_tasks.cli.output import complain, plain, say
from benepass_tasks.config.errors import ProjectError
from benepass_tasks.config.settings import current_settings, other_warehouses

if TYPE_CHECKING:
    from benepass_tasks.pipeline.erasure.beginning import Doubt
    from benepass_tasks.pipeline.erasure.certificate import Certificate

UNPROVEN = 1
"""The exit code where something is left, or is not what it was."""

MOST = 10
"""Records of a file that are named on the terminal; the certificate has all."""


@click.command(
    "erase",
    cls=Command,
    examples=(
        "privacy erase E0042 --reason 'request of 2026-01-31'",
        "privacy erase E0042 --rewrite-sources --originals /safe/place",
        "privacy erase --from leavers.txt --rejected-by-name keep",
    ),
)
@click.argument("employee_ids", nargs=-1, metavar="[EMPLOYEE_ID]...")
@click.option(
    "--from",
    "file",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    default=None,
    help="a file with one id a line",
)
@click.option("--reason", default="", help="why, for the certificate; without personal data")
@click.option(
    "--rejected-by-name",
    type=click.Choice(["ask", "erase", "keep"]),
    default="ask",
    show_default=True,
    help="what becomes of rejected records that have the names and no id of a person",
)
@click.option(
    "--rewrite-sources",
    "rewrites_sources",
    is_flag=True,
    help="write the source files anew without them",
)
@click.option(
    "--originals",
    type=click.Path(path_type=Path, file_okay=False),
    default=None,
    help="a folder to keep the originals of these files in, which are gone otherwise",
)
@click.pass_context
def erase(  # noqa: PLR0913, PLR0917 - click passes all options
    ctx: click.Context,
    employee_ids: tuple[str, ...],
    file: Path | None,
    reason: str,
    rejected_by_name: str,
    rewrites_sources: bool,  # noqa: FBT001 - click passes by name
    originals: Path | None,
) -> None:
    """Erase people everywhere (GDPR, article 17), prove it, and certify it.

    Ids, names and addresses turn into random words, dates become coarser; money, times and
    categories stay, so that no total changes. The people are on a list from then on, as digests
    under BENEPASS_HASH_KEY: no file brings them back. Ends with 1 where something is left.
    """
    from benepass_tasks.pipeline.erasure.beginning import Wish  # noqa: PLC0415 - imports DuckDB
    from benepass_tasks.pipeline.erasure.erase import erase as erase_people  # noqa: PLC0415
    from benepass_tasks.pipeline.run import safe_to_show  # noqa: PLC0415

    people = [*employee_ids, *(_ids_in(file) if file else ())]
    if not people:
        raise click.UsageError("give the ids of employees, or a file of them with --from", ctx)
    wish = Wish(
        people=people,
        at=datetime.now(UTC).isoformat(timespec="seconds"),
        decide=_decision(rejected_by_name),
        reason=reason,
        rewrites_sources=rewrites_sources,
        originals=originals.absolute() if originals else None,
    )
    with safe_to_show():
        certificates = erase_people(current_settings(), wish, say)
    if not certificates:
        say("Nothing to do: all of them were erased before.")
    for certificate in certificates:
        tell(certificate)
    _tell_of_other_environments([*employee_ids, *(["--from", str(file)] if file else [])])
    ctx.exit(0 if all(it.is_proven for it in certificates) else UNPROVEN)


def _tell_of_other_environments(whom: Sequence[str]) -> None:
    """Name the environments that have a warehouse of their own, with the command for each."""
    others = [name for name, path in other_warehouses().items() if path.exists()]
    if others:
        say()
        say("Nobody is erased in the warehouses of other environments by this. For each of them:")
    for name in others:
        chosen = ["--benepass-env", name] if name else []
        say(plain(f"  benepass {shlex.join([*chosen, 'privacy', 'erase', *whom])}"))


def _ids_in(file: Path) -> list[str]:
    lines = file.read_text(encoding="utf-8-sig").splitlines()
    return [it.strip() for it in lines if it.strip()]


def _decision(word: str) -> Callable[["Doubt"], bool]:
    """Who decides of records that have only names: somebody at a terminal, or the flag."""

    def ask(doubt: "Doubt") -> bool:
        where = f"{doubt.file}, record {doubt.number:,} (line {doubt.line:,})"
        if not sys.stdin.isatty():
            raise ProjectError(
                f"{where} was rejected and has the names of one of them, and no id. Nobody is "
                "there to be asked whether it goes: say --rejected-by-name erase or keep"
            )
        return click.confirm(plain(f"{where} was rejected and has the names. Erase it?"))

    return ask if word == "ask" else lambda _: word == "erase"


def tell(certificate: "Certificate") -> None:
    """Say what an erasure did."""
    content = certificate.content
    people = f"{content['people']:,} people are" if content["people"] > 1 else "The person is"
    rows = sum(it["rows_before"] for it in content["tables"])
    say()
    say(f"{people} erased: {rows:,} rows of {len(content['tables'])} tables lead to nobody now.")
    say(
        f"{content['totals_compared']:,} totals were compared; none has changed."
        if not content["totals_that_moved"]
        else f"{len(content['totals_that_moved']):,} totals have changed."
    )
    say(
        f"{content['files_searched']:,} files were searched, "
        f"{content['bytes_searched'] / 1e6:,.0f} MB, and nothing was found."
        if not content["hits"]
        else f"Something is left in {len(content['hits']):,} files."
    )
    if content["source_files_written_anew"]:
        say(f"Written anew without them: {', '.join(content['source_files_written_anew'])}.")
    if certificate.standing:
        say()
        say("They still stand in source files, which are yours to keep or to correct:")
        for file, numbers in certificate.standing.items():
            say(plain(f"  {file}: {_numbers(numbers)}"))
        say("No load takes these records again.")
    for problem in certificate.problems:
        complain(problem)
    if content["hits"]:
        say("Remove it there and run the same again; each run looks again until nothing is left.")
    say()
    say(f"The certificate: {certificate.file}")


def _numbers(numbers: "Sequence[int]") -> str:
    shown = ", ".join(f"{it:,}" for it in numbers[:MOST])
    more = f" and {len(numbers) - MOST:,} more" if len(numbers) > MOST else ""
    return f"record{'s' if len(numbers) > 1 else ''} {shown}{more}"
