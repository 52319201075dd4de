"""Branches: environments in which only what differs from their parent is built."""
