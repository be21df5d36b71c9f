"""Commands that run a study: a search, or the trainings that published findings compare."""
