"""How a proposed cell is judged: the paper's cascade."""
