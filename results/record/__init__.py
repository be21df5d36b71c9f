"""The record: studies, trials, outcomes, and the store that keeps them."""
