"""Tasks that are drawn from a seed, with the exact laws that give their floors."""
