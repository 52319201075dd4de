"""From the names in a file's header to the names of columns."""

import re
import unicodedata
from collections.abc import Mapping

from benepass_tasks.config.digests import digest

INGESTED: Mapping[str, str] = {
    "_source_file": "VARCHAR",
    "_row_number": "BIGINT",
    "_dlt_load_id": "VARCHAR",
}
"""The columns that the load adds to every raw table, with their types."""

CENSUS: Mapping[str, str] = {"_census_on": "DATE", "_vanished_on": "DATE"}
"""The columns that the load adds beside them where the files of a source are censuses."""

OUTCOME: Mapping[str, str] = {"_outcome": "VARCHAR"}
"""The column that is added beside them where records of charges are anonymised in time."""

ADDED: Mapping[str, str] = {**INGESTED, **CENSUS, **OUTCOME}
"""Every column that a load adds to some raw table."""

LONGEST = 128
"""Letters that the name of a column may have."""


def column_name(field: str) -> str:
    """Trim, snake-case and lower-case a header field: `Employee ID`, `employeeId`: employee_id.

    Accents are dropped; anything but letters and digits becomes one underscore. Whatever is
    longer than a name should be is cut, and ends with a digest of the whole.
    """
    plain = unicodedata.normalize("NFKD", field).encode("ascii", "ignore").decode()
    parted = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", plain)
    name = re.sub(r"[^a-z0-9]+", "_", parted.lower()).strip("_")
    if plain.strip() in INGESTED:
        return plain.strip()
    name = f"_{name}" if name[:1].isdigit() else name
    return name if len(name) <= LONGEST else f"{name[: LONGEST - 9]}_{digest(name)[:8]}"


def header_key(field: str) -> str:
    """What two headers share that mean the same column: its name, and letters of other scripts.

    The name alone has no letter of `社員番号`, and of `社員ID` only the last two.
    """
    name = column_name(field)
    others = "".join(
        letter
        for letter in unicodedata.normalize("NFKC", field).casefold()
        if letter.isalpha() and not unicodedata.normalize("NFKD", letter)[0].isascii()
    )
    return f"{name} {others}" if others else name
