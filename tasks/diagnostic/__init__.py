"""Small tasks that ask for a single ability: to track a state, or to recall what was read."""
