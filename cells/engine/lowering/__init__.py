"""From a cell to the plan by which it is run over a window."""
