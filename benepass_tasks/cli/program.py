"""The program: its sub-commands, and how it ends."""

import importlib
import os
import pkgutil
import sys
from collections.abc import Sequence
from pathlib import Path
from signal import SIGINT, SIGPIPE

import click

from benepass_tasks.cli import commands
from benepass_tasks.cli.command import PROGRAM, Group
from benepass_tasks.cli.output import complain, make_printable
from benepass_tasks.cli.settings import forgetting_flags
from benepass_tasks.config.errors import BenepassError, WarehouseError

USAGE = 2
"""The exit code of a command line that cannot be understood, as click has it."""

DIED_OF = 128
"""What shells add to the number of a signal that ended a program."""


class Program(Group):
    """All modules of the package `commands`."""

    def list_commands(self, _ctx: click.Context) -> list[str]:
        """The names of the sub-commands, which are those of the modules."""
        return sorted(module.name for module in pkgutil.iter_modules(commands.__path__))

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        """Import a sub-command."""
        if name not in self.list_commands(ctx):
            return None
        module = importlib.import_module(f"{commands.__name__}.{name}")
        command: click.Command = module.command
        return command


@click.command(
    cls=Program,
    invoke_without_command=True,
    context_settings={"help_option_names": ["-h", "--help"]},
    examples=(
        "catalog",
        "catalog show marts.dim_employees",
        "lineage marts.fact_transactions.amount",
        "privacy",
    ),
)
@click.pass_context
def program(ctx: click.Context) -> None:
    """Look at the project: its datasets, and what follows from their SQL.

    The tables themselves are built by `benepass run`.
    """
    if ctx.invoked_subcommand is None:
        click.echo(ctx.get_help(), err=True)
        ctx.exit(USAGE)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command line.

    Args:
        arguments: The command line, without the name of the program; that of the process if None.

    Returns:
        The exit code: 0 when all is well, 1 for an error with a message for people, 2 for a
        command line that cannot be understood, 130 after Ctrl-C, 141 when nobody reads on.
    """
    for name, stream in (("stdout", sys.stdout), ("stderr", sys.stderr)):
        if stream is None:
            # Closed by whoever started the program, and so not wanted.
            setattr(sys, name, Path(os.devnull).open("w", encoding="utf-8"))  # noqa: SIM115
    # What the output's encoding has no letter for is shown by its number.
    make_printable(sys.stdout, sys.stderr)
    try:
        _run(list(sys.argv[1:] if arguments is None else arguments))
        sys.stdout.flush()
    except BenepassError as error:
        complain(str(error))
        return 1
    except click.exceptions.Exit as end:
        return end.exit_code
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except (KeyboardInterrupt, click.Abort):
        return DIED_OF + SIGINT
    except OSError as error:
        return _ended_by(error)
    return 0


def _of_the_database(error: Exception) -> str | None:
    """What to say of a failure of DuckDB, in words that quote no value; None for any other."""
    if "duckdb" not in sys.modules:
        return None
    import duckdb  # noqa: PLC0415 - imported already
    from sqlalchemy.exc import DBAPIError  # noqa: PLC0415 - when needed

    from benepass_tasks.engine.failures import explain  # noqa: PLC0415

    if isinstance(error, DBAPIError | duckdb.Error):
        return f"the warehouse cannot be used: {explain(error)}"
    return None


def _ended_by(error: OSError) -> int:
    # Python would try once more to write what is left, and complain.
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    if isinstance(error, BrokenPipeError):
        return DIED_OF + SIGPIPE
    complain(f"{error.filename or 'the output'} cannot be read or written: {error.strerror}")
    return 1


def _run(arguments: list[str]) -> None:
    # click's own `main` would turn a broken pipe into an exit code of 1.
    with forgetting_flags(), program.make_context(PROGRAM, arguments) as context:
        try:
            program.invoke(context)
        except Exception as error:
            message = _of_the_database(error)
            if message is None:
                raise
            raise WarehouseError(message) from None
