"""How the columns of the source files change: noticed, recorded, and held against contracts."""
