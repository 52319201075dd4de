"""A mapping in which every key must be known."""

from collections.abc import Mapping
from typing import ClassVar

from marshmallow import RAISE, Schema, ValidationError

from benepass_tasks.catalog import wording

_UNKNOWN = "unknown"
_NOT_A_MAPPING = "not a mapping"


class Strict(Schema):
    """A mapping in which every key must be known."""

    # Keys that are valid in a similar mapping, and why they are not valid in this one.
    elsewhere: ClassVar[Mapping[str, str]] = {}
    error_messages: dict[str, str] = {"unknown": _UNKNOWN, "type": _NOT_A_MAPPING}  # noqa: RUF012

    class Meta:
        """Refuse unknown keys."""

        unknown = RAISE

    def handle_error(self, error: ValidationError, data: object, **_kwargs: object) -> None:
        """Put marshmallow's own two messages into words; only here are data and keys known."""
        messages = error.messages_dict
        for key, said in messages.items():
            if said == [_UNKNOWN]:
                messages[key] = [self._refused(key)]
            elif said == [_NOT_A_MAPPING]:
                messages[key] = [f"must be a mapping, not {wording.shown(data)}"]

    def _refused(self, key: object) -> str:
        if isinstance(key, str) and key in self.elsewhere:
            return self.elsewhere[key]
        allowed = [field.data_key or name for name, field in self.load_fields.items()]
        return wording.unknown_key(key, allowed)
