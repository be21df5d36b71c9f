"""Claims, written before anything is run, and the verdicts on them."""
