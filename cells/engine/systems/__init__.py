"""Systems that are more than a cell in a stack: the ancestors of today's recurrent networks.

Plain torch with autograd, one noun a module. Weights are tensors by name, drawn from a seed.
"""
