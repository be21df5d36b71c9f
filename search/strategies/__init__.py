"""Strategies: what proposes cells."""
