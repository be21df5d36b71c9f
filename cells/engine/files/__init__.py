"""Trained models and single steps as files."""
