"""The Luigi tasks and the run that they delegate to."""
