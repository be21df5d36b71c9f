"""Is one cell better than others? Fresh seeds, equal budgets, one word a comparison."""
