"""The nodes of the plan that are neither files nor tables, as records and tasks name them."""

BOOKS = "books"
"""The proof that the books balance."""

CONTRACTS = "contracts"
"""The tests of all tables; those of one table add a slash and its name."""

PUBLISHED = "published"
"""What analysts get; `published:` begins the names of its single files."""


SITE = "site"
"""The pages for those who write no SQL."""
