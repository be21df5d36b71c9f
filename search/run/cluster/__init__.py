"""Clusters under the pool: how one is started or joined, which nodes it has, what runs on them."""
