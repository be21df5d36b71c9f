"""The language of gated recurrent cells: text, graph, identity, mutation, zoo.

Standard library only: `import cells` loads neither torch nor numpy.
"""
