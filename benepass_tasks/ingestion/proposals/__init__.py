"""Proposals: how a file that nobody has declared may be read, and what its columns may mean.

Everything here is a guess with its evidence. Where two readings fit, it is a question.
"""
