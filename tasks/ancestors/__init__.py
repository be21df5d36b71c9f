"""What the ancestors learn: sequences to sequences, labels, trees."""
