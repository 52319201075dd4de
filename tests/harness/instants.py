"""Instants as files write them: in whole seconds."""

from datetime import datetime

from hypothesis import strategies as st

moments = st.datetimes(datetime(1990, 1, 1), datetime(2060, 1, 1)).map(  # noqa: DTZ001
    lambda it: it.replace(microsecond=0)
)
