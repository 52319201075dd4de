"""Which project and environment a warehouse belongs to, so that no other one writes into it."""

from collections.abc import Collection, Iterable
from pathlib import Path

from sqlalchemy import Connection

from benepass_tasks.config.environments import refuse_other
from benepass_tasks.config.errors import OwnershipError
from benepass_tasks.config.hash_key import VARIABLE
from benepass_tasks.config.settings import Settings
from benepass_tasks.state.meta import ENVIRONMENT
from benepass_tasks.state.store import property_of, write_properties

CATALOG = "catalog.yaml"
"""What makes a folder a project."""

PROJECT = "project_dir"
"""The property that has the folder of the project whose run wrote the warehouse last."""

HASH_KEY = "hash_key"
"""The property of a shared warehouse that has the digest of the key of its pseudonyms."""

MARK = ".environment"
"""The file of a folder that names the environment."""


def owner_of(connection: Connection) -> Path | None:
    """The folder of the project that a warehouse belongs to; None where no run says so yet."""
    found = property_of(connection, PROJECT)
    return None if found is None else Path(found)


def environment_of(connection: Connection) -> str:
    """The environment that a warehouse belongs to; empty where it belongs to none."""
    return property_of(connection, ENVIRONMENT) or ""


def environment_of_folder(folder: Path) -> str:
    """The environment that a folder of published files or pages belongs to, or empty."""
    try:
        return (folder / MARK).read_text(encoding="utf-8").strip()
    except (FileNotFoundError, NotADirectoryError):
        return ""


def take_ownership(connection: Connection, settings: Settings) -> None:
    """Let the warehouse belong to a project and an environment, whose run was not refused."""
    wanted = {PROJECT: str(settings.project_dir)}
    if settings.env:
        wanted[ENVIRONMENT] = settings.env
    if settings.shared and settings.hash_key:
        wanted[HASH_KEY] = settings.hash_key.fingerprint
    write_properties(
        connection,
        {name: it for name, it in wanted.items() if property_of(connection, name) != it},
    )


def take_folder(folder: Path, environment: str) -> None:
    """Let a folder that is there belong to an environment, unless it does already."""
    if environment and folder.is_dir() and environment_of_folder(folder) != environment:
        mark = folder / MARK
        mark.write_text(f"{environment}\n", encoding="utf-8")
        mark.chmod(0o644)


def refuse_other_environment(settings: Settings, folders: Iterable[Path]) -> None:
    """Stop before one environment takes the folders of another; a warehouse refuses by itself.

    Args:
        settings: What the run was told.
        folders: Those of the audiences, that of analysts among them.

    Raises:
        OwnershipError: a published folder or the site's folder is another's.
    """
    named = [("site_dir", settings.site_dir), *(("published_dir", it) for it in folders)]
    for setting, folder in named:
        refuse_other(str(folder), setting, environment_of_folder(folder), settings.env)


def refuse_other_hash_key(settings: Settings, known: str | None) -> None:
    """Stop before a machine makes all pseudonyms of a shared warehouse anew, with a key of its own.

    A warehouse of one machine alone takes another key as it takes another setting.

    Args:
        settings: What the run was told.
        known: The digest of the key that the warehouse was written with; None where it was none.

    Raises:
        OwnershipError: it is another key.
    """
    key = settings.hash_key
    if settings.shared is None or key is None or known in (None, key.fingerprint):
        return
    if HASH_KEY not in settings.accept:
        raise OwnershipError(
            f"{settings.shared.address} was written with another {VARIABLE} than this machine has, "
            "and each of the two would make all pseudonyms anew. Set the key that the other "
            "machines have. If it is to change for all of them, set the new one on each, and run "
            f"once with --benepass-accept {HASH_KEY}"
        )


def refuse_other_project(
    warehouse: Path, owner: Path | None, project_dir: Path, leftovers: Collection[str]
) -> None:
    """Stop before a project drops the tables of another.

    A project that has moved goes on: its warehouse has moved with it, its old folder has no catalog
    any more, or its catalog declares all tables that there are.

    Args:
        warehouse: The file.
        owner: The folder of the project that it belongs to.
        project_dir: That of the project that is about to run.
        leftovers: The tables of the warehouse that its catalog does not declare.

    Raises:
        OwnershipError: it is another project.
    """
    if owner is None or owner == project_dir or not leftovers:
        return
    if warehouse.is_relative_to(project_dir) or not (owner / CATALOG).is_file():
        return
    raise OwnershipError(
        f"{warehouse} belongs to the project in {owner}, and holds tables that the catalog of "
        f"{project_dir} does not declare: {', '.join(sorted(leftovers))}. Name another file with "
        "--benepass-warehouse. If this is the same project in another folder, run it once with "
        "these tables still in catalog.yaml"
    )
