"""A record as a folder of text tables that others can check, and back."""
