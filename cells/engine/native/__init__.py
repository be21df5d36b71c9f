"""The native engine: a runtime in C that executes tapes, see `tape` for what a tape is."""
