"""The folders of branches: each appears and vanishes in one step, whoever is killed meanwhile."""

import os
import re
from dataclasses import replace
from datetime import timedelta

from benepass_tasks.config.branches import ABOUT, NAME, Branch, branches_in, read_branch
from benepass_tasks.config.errors import OwnershipError, ProjectError
from benepass_tasks.config.settings import Settings, on_branch, stated_environments
from benepass_tasks.engine.session import let_go
from benepass_tasks.state.branches.aside import making, name_aside, sweep
from benepass_tasks.state.branches.grafting import write_branch
from benepass_tasks.state.erasures import job_file
from benepass_tasks.state.history.beacon import put_out_dead
from benepass_tasks.state.markers import now
from benepass_tasks.state.warehouse import warehouse_of


def create_branch(settings: Settings, name: str, keep: timedelta) -> Branch:
    """Make a branch of an environment; nothing of its tables is copied.

    Args:
        settings: Those of the environment.
        name: What the branch is called.
        keep: How long it stays after it was run last.

    Raises:
        ProjectError: there can be no branch of that name.
        WarehouseError: the environment was never run, or its run does not end.
    """
    branches = settings.branches_dir
    if not NAME.fullmatch(name):
        raise ProjectError(
            f"{name!r} is not a name of a branch: at most 60 small letters, digits, - and _, "
            "of which the first is a letter, such as pr-123"
        )
    if name in stated_environments():
        raise ProjectError(f"{name} is an environment of luigi.cfg; name the branch otherwise")
    if settings.parent is not None:
        raise ProjectError(
            f"{settings.env} is a branch itself; make the new one from its parent, with --from"
        )
    if job_file(settings.warehouse).exists():
        raise ProjectError(
            f"an erasure on {settings.warehouse} is not finished, which deletes all branches: "
            "`benepass run` finishes it"
        )
    if os.path.lexists(branches / name):
        raise ProjectError(
            f"{branches / name} is there already: name the branch otherwise, or delete that with "
            f"`benepass branch delete {name}`"
        )
    branch = Branch(name, branches / name, settings.env, settings.warehouse, now(), keep)
    with making(branches) as folder:
        branch.write_about(folder)
        made = replace(branch, folder=folder)
        write_branch(on_branch(settings, made), made.warehouse, (), {})
        let_go()
        try:
            folder.rename(branch.folder)
        except OSError as error:
            raise ProjectError(f"{branch.folder} was made meanwhile by somebody else") from error
    return branch


def delete_branch(settings: Settings, branch: Branch, *, is_forced: bool = False) -> None:
    """Delete a branch, and nothing else.

    Args:
        settings: Those of the command.
        branch: The branch.
        is_forced: Whether it goes also while a run on it is under way, which then fails.

    Raises:
        OwnershipError: its folder has what no branch has, or a run on it is under way.
    """
    foreign = sorted(it.name for it in branch.folder.iterdir() if not _is_ours(branch, it.name))
    if foreign and not is_forced:
        raise OwnershipError(
            f"{branch.folder} has {', '.join(foreign)}, which is not of the branch: move it "
            "elsewhere, and delete the branch again"
        )
    warehouse = warehouse_of(on_branch(settings, branch))
    if not is_forced and put_out_dead(warehouse):
        raise OwnershipError(f"a run on branch {branch.name} is under way: wait for its end")
    branch.folder.rename(name_aside(branch.folder.parent))
    sweep(branch.folder.parent)


def _is_ours(branch: Branch, name: str) -> bool:
    made = rf"({re.escape(ABOUT)}|site|published|\.?{re.escape(branch.warehouse.stem)})(\..*)?"
    return bool(re.fullmatch(made, name))


def find_branch(settings: Settings, name: str) -> Branch:
    """The branch of a name.

    Raises:
        ProjectError: there is none.
    """
    found = read_branch(settings.branches_dir, name)
    if found is None:
        there_are = ", ".join(it.name for it in branches_in(settings.branches_dir)) or "none"
        raise ProjectError(f"{name!r} is not a branch; there are: {there_are}")
    return found


def expired_branches(settings: Settings) -> list[Branch]:
    """The branches of the environment that were not run for long enough."""
    return [it for it in branches_of(settings) if it.expires_at < now()]


def branches_of(settings: Settings) -> list[Branch]:
    """The branches of the environment that settings are of."""
    return [
        it
        for it in branches_in(settings.branches_dir)
        if it.parent == settings.env or it.parent_warehouse == settings.warehouse
    ]
