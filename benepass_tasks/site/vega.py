"""Vega, Vega-Lite and Vega-Embed in one script, which every page with a chart shares."""

from pathlib import Path

from benepass_tasks.site.extra import require

VERSION = "1"
"""Version of what is made of them here."""


def bundle_name() -> str:
    """The path of the script below the site's folder; it names the versions that it holds."""
    vl_convert = require("vl_convert")
    return f"assets/vega-{vl_convert.__version__}-{VERSION}.js"


def bundle(folder: Path) -> bytes | None:
    """The script; None where the site's folder has it already, since making it takes seconds."""
    if (folder / bundle_name()).is_file():
        return None
    made: str = require("vl_convert").javascript_bundle("window.vegaEmbed = vegaEmbed;")
    # A page from the file system may not load a module, and a plain script must leave no names.
    return f"(() => {{\n{made}\n}})();\n".encode()
