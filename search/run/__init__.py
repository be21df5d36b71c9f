"""Running a study: driver, slots, and what a worker does."""
