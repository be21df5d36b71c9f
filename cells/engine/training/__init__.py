"""Training a cell: its parameters and their start, dropout, width, and the loop."""
