"""The sample data: an invented benefits programme with a known number of planted issues."""
