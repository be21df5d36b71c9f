"""The ancestors of today's recurrent networks, and their trainings."""
