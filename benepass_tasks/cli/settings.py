"""The settings of a run as flags of every command: the same that Luigi's command line has.

They are made from the parameters of `[benepass]`, so a setting that is added there is a flag here.
"""

from collections.abc import Iterator
from contextlib import contextmanager

import click
import luigi

from benepass_tasks.config.settings import FLAGS, SECTION, benepass

METAVARS = {
    luigi.DateParameter: "DATE",
    luigi.BoolParameter: "true|false",
    luigi.FloatParameter: "NUMBER",
}
"""What the help shows for a value."""


class SettingFlag(click.Option):
    """A flag that sets a parameter of `[benepass]` for as long as the command runs."""

    def __init__(self, name: str, parameter: "luigi.Parameter[object]") -> None:
        """Make the flag of a parameter."""
        super().__init__(
            [f"--{SECTION}-{name.replace('_', '-')}"],
            metavar=METAVARS.get(type(parameter), "TEXT"),
            expose_value=False,
            callback=self._set,
            help=parameter.description,
        )
        self._setting = name
        self._parameter = parameter

    def _set(self, ctx: click.Context, _flag: click.Parameter, value: str | None) -> None:
        if value is None:
            return
        try:
            self._parameter.parse(value)
        except (ValueError, luigi.parameter.ParameterException) as error:
            raise click.BadParameter(f"{value!r}: {error}", ctx, self) from error
        # In a configuration % begins a reference.
        luigi.configuration.get_config().set(FLAGS, self._setting, value.replace("%", "%%"))


def setting_flags() -> Iterator[SettingFlag]:
    """A flag for each parameter of `[benepass]`."""
    for name, parameter in benepass.get_params():
        yield SettingFlag(name, parameter)


def choose_environment(name: str) -> None:
    """Let an environment or branch be that of the command, as its flag does."""
    luigi.configuration.get_config().set(FLAGS, "env", name.replace("%", "%%"))


@contextmanager
def forgetting_flags() -> Iterator[None]:
    """Let the flags of a command line hold until it ends, even if it is not understood."""
    try:
        yield
    finally:
        luigi.configuration.get_config().remove_section(FLAGS)
