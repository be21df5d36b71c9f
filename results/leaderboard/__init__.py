"""Which cells are best, when that was known, and where they come from."""
