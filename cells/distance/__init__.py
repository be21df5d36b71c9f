"""How far two cells are apart, and which edits lead from one to the other."""
