"""The record: studies, trials, outcomes, the store that keeps them, and the folder that publishes them."""
