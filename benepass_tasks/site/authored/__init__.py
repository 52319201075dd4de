"""Pages that are files: Markdown with SQL, and blocks that say what is drawn of its rows."""
