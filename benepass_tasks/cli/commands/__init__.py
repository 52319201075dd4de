"""The sub-commands, one a module."""
