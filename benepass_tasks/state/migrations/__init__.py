"""How a warehouse of an earlier release becomes one of this: Alembic's revisions of schema `meta`.

A revision is named by a number of four digits, one more than that before it, so that a version
that this program does not know can be told to be a later one.
"""

from pathlib import Path

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection


def upgrade(connection: Connection) -> None:
    """Bring schema `meta` to the newest version, in the transaction that is open."""
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent))
    config.attributes["connection"] = connection
    command.upgrade(config, "head")
