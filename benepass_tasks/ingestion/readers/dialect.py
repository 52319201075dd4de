r"""The exact rules of a record, as regular expressions for what separates and quotes its fields.

What this module says about some bytes is the truth; pyarrow, which is faster, parses only bytes
that it cannot read otherwise. The rules, with the characters of a usual file:

- ``,`` separates fields; ``\n``, ``\r\n`` and a lone ``\r`` end a record.
- A ``"`` opens a quoted field only as a field's first byte; elsewhere in an unquoted field it is
  text. In a quoted field ``""`` is one quote, and everything else, line ends included, is text.
- Only a comma or a line end may follow a closing quote.
- Where an escape character is declared, the byte after it is text, whatever it is.
- Where it is declared, spaces at the beginning of a field are no part of it.
"""

import re
from typing import Final

from benepass_tasks.catalog.layout import Layout

# The loops are possessive: what they match is the only possible reading, so there is nothing to
# go back to, and a long field costs no memory.
# A record ends with the bytes only where no escaped line end does: it would be one line less.
_LINE_END: Final = r"(\r\n|[\r\n]|(?<![\r\n])\Z)"


class Dialect:
    """What separates fields, quotes them and escapes a byte, as patterns of bytes.

    Attributes:
        sep: What separates fields.
        quote: What quotes them; empty where nothing does.
        escape: What escapes a byte; empty where nothing does.
        skips_spaces: Whether spaces at the beginning of a field are no part of it.
        in_order: Matches bytes without an escape character, from the beginning of a record on, as
            far as every quote opens or closes a field, is doubled, or is text in an unquoted field.
    """

    def __init__(self, layout: Layout) -> None:
        """Take the characters of a layout."""
        self.sep = layout.sep.encode()
        self.quote = (layout.quotechar or "").encode()
        self.escape = (layout.escapechar or "").encode()
        self.skips_spaces = layout.skipinitialspace
        gap = " *+" if self.skips_spaces else ""
        sep, quote, escape = map(re.escape, (layout.sep, self.quote.decode(), self.escape.decode()))
        escaped = f"{escape}." if escape else "(?!)"
        # Outside quotes an escaped \r\n would end the record after all, and count as two lines.
        one_line = rf"{escape}(?!\r\n)." if escape else "(?!)"
        in_quotes = rf"[^{quote}{escape}]*+(?:(?:{quote}{quote}|{escaped})[^{quote}{escape}]*+)*+"
        begin, text = rf"[^{quote}{sep}{escape}\r\n]", rf"[^{sep}{escape}\r\n]"
        unquoted = (
            f"(?:{begin}|{one_line})(?:{text}++|{one_line})*+" if escape else f"{begin}{text}*+"
        )
        self._sep = sep
        self._open = "|".join(
            ([f"{gap}{quote}{in_quotes}(?:{escape})?"] if quote else [])
            + ([f"{gap}{unquoted}"] if escape else [])
        )
        quoted = f"{quote}{in_quotes}{quote}|" if quote else ""
        self._field = f"{gap}(?:{quoted}{unquoted}|)"
        self._empty = f"{gap}(?:{quote}{quote})?"
        self._field_pattern = _compiled(self._field)
        self._escapes = _compiled(f"{quote}{quote}|{escaped}" if quote else escaped)
        self._escapes_unquoted = _compiled(escaped)
        inside = rf"[^{sep}\r\n]"
        closed = rf"{quote}[^{quote}]*+(?:{quote}{quote}[^{quote}]*+)*+{quote}(?!{inside})"
        self.in_order = _compiled(
            rf"(?:[^{quote}]++|(?<={inside}){quote}|(?<!{inside}){closed})*+" if quote else ".*+"
        )

    def record(self, columns: int) -> re.Pattern[bytes]:
        """Matches a record of so many fields; its line end is the group."""
        more = columns - 1
        return _compiled(f"{self._field}(?:{self._sep}{self._field}){{{more}}}{_LINE_END}")

    def ragged(self, fewest: int, columns: int) -> re.Pattern[bytes]:
        """Matches a record that may lack fields at its end, or have empty ones beyond its columns.

        Its line end is the group.
        """
        # The only field is not among those that may be left out: there would be a blank line.
        begin = f"(?!{self._sep})" if columns == 1 else ""
        fields = f"{self._field}(?:{self._sep}{self._field}){{{fewest - 1},{columns - 1}}}+"
        return _compiled(f"{begin}{fields}(?:{self._sep}{self._empty})*+{_LINE_END}")

    def open(self, columns: int) -> re.Pattern[bytes]:
        """Matches a record without its end, which bytes that follow may complete."""
        more = columns - 1
        return _compiled(rf"(?:{self._field}{self._sep}){{0,{more}}}(?:{self._open or '(?!)'})\Z")

    def split(self, data: bytes, start: int = 0) -> tuple[list[bytes], int]:
        """Split the record that begins at a position into its fields, as far as they are sound.

        Returns:
            The fields as they are written, but for spaces that are no part of them, and the
            position of what follows them: the end of the bytes or a line end after a whole record,
            a quote that nothing closes, an escape character that ends the bytes, or else what must
            not come after a closing quote.
        """
        fields = []
        end = self._field_end(data, start)
        while data[end : end + 1] == self.sep:
            fields.append(self._without_gap(data[start:end]))
            start = end + 1
            end = self._field_end(data, start)
        return [*fields, self._without_gap(data[start:end])], end

    def value(self, field: bytes) -> bytes:
        """The value of a field as it is written."""
        if self.quote and field.startswith(self.quote):
            return self._escapes.sub(_second, field[1:-1])
        return self._escapes_unquoted.sub(_second, field) if self.escape else field

    def is_undecided(self, follows: bytes) -> bool:
        """Whether what follows the sound part of a record may go on to be sound, too."""
        return follows in (b"", self.quote, self.escape)

    def _without_gap(self, field: bytes) -> bytes:
        return field.lstrip(b" ") if self.skips_spaces else field

    def _field_end(self, data: bytes, start: int) -> int:
        match = self._field_pattern.match(data, start)
        return match.end() if match else start


def _compiled(pattern: str) -> re.Pattern[bytes]:
    return re.compile(pattern.encode(), re.DOTALL)


def _second(escaped: re.Match[bytes]) -> bytes:
    return escaped[0][1:]
