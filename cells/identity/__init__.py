"""When two cells are the same: rewriting, canonical order and form, and the id that follows from it."""
