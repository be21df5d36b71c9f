"""Statistics of few seeds: intervals, effects, power, sensitivity."""
