"""The functions that the queries call and Spark lacks. It needs no other module of this project."""

from typing import Any


def register(session: Any) -> None:  # noqa: ANN401 - Spark's own, where it is at hand
    """Make the functions known to a session of Spark.

    They go to the server by value, since they are defined in here.
    """

    def nfc(value: str | None) -> str | None:
        """Make accents parts of their letters."""
        import unicodedata  # noqa: PLC0415 - on the server

        return None if value is None else unicodedata.normalize("NFC", value)

    session.udf.register("nfc_normalize", nfc, "string")
