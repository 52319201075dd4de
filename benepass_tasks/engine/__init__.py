"""Where the tables live: one DuckDB file, which those who read or write it have open by turns."""
