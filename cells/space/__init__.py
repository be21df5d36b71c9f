"""Spaces of cells: the closed core of gated cells by slots, and the open space of edits."""
