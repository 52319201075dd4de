"""The environments of a project, such as dev and prod: what of the settings each has otherwise.

Section `[environments]` of luigi.cfg states it, one `NAME.SETTING = VALUE` a line.
"""

import difflib
import re
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import TypeAlias

from benepass_tasks.config.errors import OwnershipError, ProjectError

SECTION = "environments"

CHOICE = "env"
"""The setting that says which environment a run is of, and so belongs to none."""

PLACES = ("warehouse", "published_dir", "site_dir")
"""The settings that name what one environment alone may have."""

Environments: TypeAlias = Mapping[str, Mapping[str, str]]
"""The settings of each environment, as luigi.cfg writes them."""


def read_environments(entries: Mapping[str, str], settings: Collection[str]) -> Environments:
    """The environments of luigi.cfg.

    Args:
        entries: The entries of its section.
        settings: The names of all settings.

    Raises:
        ProjectError: an entry is of no environment, or of no setting.
    """
    allowed = [it for it in settings if it != CHOICE]
    found = dict[str, dict[str, str]]()
    for entry, value in entries.items():
        name, _, setting = entry.partition(".")
        setting = setting.replace("-", "_")
        if not re.fullmatch(r"[a-z][a-z0-9_-]*", name) or setting not in allowed:
            near = difflib.get_close_matches(setting, allowed, n=1)
            raise ProjectError(
                f"luigi.cfg: {entry} of [{SECTION}] is not a setting of an environment"
                + (f" (did you mean '{name}.{near[0]}'?)" if near else "")
                + ": write its name, a dot and a setting of [benepass], such as prod.warehouse"
            )
        found.setdefault(name, {})[setting] = value
    return found


def settings_of(environments: Environments, name: str) -> dict[str, str]:
    """The settings that an environment has otherwise; none of no environment.

    Raises:
        ProjectError: there is no such environment.
    """
    if not name:
        return {}
    if name not in environments:
        there_are = ", ".join(environments) or "none"
        raise ProjectError(
            f"--benepass-env is {name!r}, and luigi.cfg has no such environment in "
            f"[{SECTION}]; there are: {there_are}"
        )
    return {**environments[name]}


def refuse_shared_places(environments: Environments, common: Mapping[str, str], root: Path) -> None:
    """Make sure that no file or folder serves two environments.

    Args:
        environments: The environments.
        common: The places that one has which does not say otherwise.
        root: Where relative paths begin.

    Raises:
        ProjectError: two have the same.
    """
    owners = dict[Path, str]()
    for name, stated in environments.items():
        for setting in PLACES:
            place = (root / Path(stated.get(setting, common[setting])).expanduser()).resolve()
            other = owners.setdefault(place, name)
            if other != name:
                raise ProjectError(
                    f"luigi.cfg: environments {other} and {name} would both have {place}, and "
                    f"nothing serves two: name another one as {name}.{setting} in [{SECTION}]"
                )


def refuse_other(place: str, setting: str, owner: str, environment: str) -> None:
    """Stop before one environment reads or writes what belongs to another.

    What belongs to none yet becomes that of the first environment whose run writes it.

    Args:
        place: The warehouse or folder.
        setting: The one of `PLACES` that names it.
        owner: The environment that it belongs to; empty where it belongs to none.
        environment: The one that asks; empty where it is none.

    Raises:
        OwnershipError: it is another's.
    """
    if owner in ("", environment):
        return
    ours = f"environment {environment}" if environment else "no environment"
    stated = f"{environment}.{setting}" if environment else setting
    raise OwnershipError(
        f"{place} belongs to environment {owner}, and this is of {ours}: name that with "
        f"--benepass-env {owner}, or another place as {stated} in luigi.cfg"
    )
