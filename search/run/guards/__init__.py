"""What keeps a bad cell, or a bad machine, from holding up a search."""
