"""Cell text: characters to tokens to a graph, and back."""
