"""What is measured of a cell without a task: fingerprint, probe, dynamics."""
