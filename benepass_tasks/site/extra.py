"""The packages that only the site needs: the extra `site`."""

import importlib
from typing import Any

from benepass_tasks.config.errors import SiteError


def require(name: str) -> Any:  # noqa: ANN401 - a module
    """Import a package of the extra.

    Raises:
        SiteError: it is not installed.
    """
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        raise SiteError(
            f"the site needs the package {error.name}, which is not installed: "
            "`make` installs it, and so does `pip install 'benepass-tasks[site]'`"
        ) from error
