"""Cells as pictures and as equations."""
