"""The pages, one module each; `pages(sources)` makes those of a section."""
