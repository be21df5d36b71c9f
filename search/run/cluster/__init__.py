"""Clusters under the pool: how one is started or joined, and which of its nodes are there."""
