"""The live page over a store: a document a view, drawn as HTML and served as JSON."""
