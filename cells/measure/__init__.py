"""What can be told of a cell before it is trained, and what a measurement of it gave."""
