"""Vega, Vega-Lite and Vega-Embed in one script, which every page with a chart shares."""

import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from benepass_tasks.config.errors import SiteError
from benepass_tasks.site.extra import require

VERSION = "1"
"""Version of what is made of them here."""

MAKE = """\
import sys, vl_convert
sys.stdout.buffer.write(vl_convert.javascript_bundle("window.vegaEmbed = vegaEmbed;").encode())
"""


def bundle_name() -> str:
    """The path of the script below the site's folder; it names the versions that it holds."""
    return f"assets/vega-{require('vl_convert').__version__}-{VERSION}.js"


@contextmanager
def bundling(folder: Path) -> Iterator[Callable[[], dict[str, bytes]]]:
    """Make the script beside whatever else is done meanwhile.

    It takes more than a second, in which its maker lets nothing else in its process run: it has one
    of its own.

    Args:
        folder: The site's folder.

    Yields:
        What waits for the script and returns it by its path; nothing where the folder has it.
    """
    name = bundle_name()
    if (folder / name).is_file():
        yield dict
        return
    with subprocess.Popen(  # noqa: S603 - its words are ours
        [sys.executable, "-P", "-c", MAKE],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as maker:
        try:
            yield lambda: {name: _script(maker)}
        finally:
            maker.kill()


def _script(maker: "subprocess.Popen[bytes]") -> bytes:
    made, complaint = maker.communicate()
    if maker.returncode:
        raise SiteError(
            f"the script of the charts could not be made: vl_convert ended with "
            f"{maker.returncode}: {complaint.decode(errors='replace').strip()}"
        )
    # A page from the file system may not load a module, and a plain script must leave no names.
    return b"(() => {\n" + made + b"\n})();\n"
