"""One module a command group. Heavy imports stay inside the functions."""
