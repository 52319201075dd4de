"""Where the tables live: one DuckDB file, opened by one process after another."""
