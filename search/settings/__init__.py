"""Where hyperparameter settings come from, and how much each of them matters."""
