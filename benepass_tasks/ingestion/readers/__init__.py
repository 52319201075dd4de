"""Readers of files, each of which accounts for all that a file consists of."""
