"""What all commands have: the settings as flags, and examples in the help."""

from collections.abc import Sequence
from typing import Any

import click

from benepass_tasks.cli.settings import SettingFlag, setting_flags

PROGRAM = "benepass"


class Command(click.Command):
    """A command with examples; it takes the settings, and lists them apart from its own options.

    Attributes:
        examples: Command lines, without the name of the program.
    """

    def __init__(self, *args: Any, examples: Sequence[str] = (), **kwargs: Any) -> None:  # noqa: ANN401 - as click's
        """Make a command; all but the examples is for click."""
        super().__init__(*args, **kwargs)
        self.examples = tuple(examples)

    def get_params(self, ctx: click.Context) -> list[click.Parameter]:
        """The command's own parameters, then the settings."""
        return [*super().get_params(ctx), *setting_flags()]

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write examples, the command's own options, its commands if it has some, settings."""
        own: list[tuple[str, str]] = []
        settings: list[tuple[str, str]] = []
        for parameter in self.get_params(ctx):
            record = parameter.get_help_record(ctx)
            if record is not None:
                (settings if isinstance(parameter, SettingFlag) else own).append(record)
        with formatter.section("Examples"):
            for example in self.examples:
                formatter.write(f"{'':{formatter.current_indent}}{PROGRAM} {example}\n")
        with formatter.section("Options"):
            formatter.write_dl(own)
        if isinstance(self, click.Group):
            self.format_commands(ctx, formatter)
        with formatter.section("Settings, as in luigi.cfg; before or after a command"):
            formatter.write_dl(settings)


class Group(Command, click.Group):
    """A command with sub-commands, which are of the same kind."""

    command_class = Command
