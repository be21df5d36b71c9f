"""The pages of the dashboard: what each view shows."""
