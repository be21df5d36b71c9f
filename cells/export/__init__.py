"""Cells as readable modules of torch."""
