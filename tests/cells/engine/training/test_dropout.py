"""What dropout drops does not depend on the executor."""

import pytest
import torch

from cells.engine.training.dropout import Draws


@pytest.mark.parametrize("seed", [0, 1, 2**32 - 1, 2**32, 2**63 - 1])
def test_the_numbers_are_those_of_torch(seed: int) -> None:
    ours, torchs = Draws(seed), torch.Generator().manual_seed(seed)
    for shape in ((1,), (5, 3, 7), (35, 20, 64)):
        assert torch.equal(torch.tensor(ours.uniform(*shape)), torch.rand(shape, generator=torchs))
