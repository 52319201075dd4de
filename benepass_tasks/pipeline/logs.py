"""What a run says: errors in the words written for people, and no more of Luigi than helps.

On a terminal each task says what it made; elsewhere, as in cron, there are only warnings, errors,
the closing table and Luigi's summary.
"""

import logging
import re
import sys

from benepass_tasks.config.errors import BenepassError

LUIGI = logging.getLogger("luigi-interface")
OURS = logging.getLogger("benepass_tasks")

CHATTER = re.compile(
    r"Informed scheduler|\[pid \d+\] Worker|Worker Worker|Done scheduling|Running Worker|Loaded \[|"
    r"logging (already )?configured"
)
"""How Luigi's messages begin that tell nothing of the data."""

WRITTEN_FOR_PEOPLE = re.compile(
    r"^benepass_tasks\.config\.errors\.\w+: (?P<message>.*)\Z", re.MULTILINE | re.DOTALL
)
"""One of our errors at the end of a traceback."""


class ReadableMessages(logging.Filter):
    """Drops chatter, and shows our own errors without a traceback."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Let a record pass, reworded where that helps."""
        if record.levelno <= logging.INFO:
            return not CHATTER.match(record.getMessage())
        error = record.exc_info[1] if record.exc_info else None
        if isinstance(error, BenepassError):
            task = record.args[-1] if isinstance(record.args, tuple) and record.args else "a task"
            record.msg, record.args = "%s failed: %s", (task, error)
            record.exc_info = record.exc_text = None
        else:
            _shorten_traceback(record)
        return True


class Progress(logging.Filter):
    """Lets what single tasks say pass on a terminal only."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Let a record pass unless it is progress that nobody watches."""
        return not getattr(record, "is_progress", False) or sys.stderr.isatty()


def install() -> None:
    """Make Luigi's loggers say what is said here; ours speak through Luigi's handlers."""
    LUIGI.addFilter(ReadableMessages())
    OURS.parent = LUIGI
    logging.getLogger("benepass_tasks.pipeline.tasks").addFilter(Progress())


def _shorten_traceback(record: logging.LogRecord) -> None:
    heading, _, traceback = record.getMessage().partition("\n")
    found = WRITTEN_FOR_PEOPLE.search(traceback)
    if found:
        record.msg, record.args = "%s\n%s", (heading, found["message"].rstrip())
