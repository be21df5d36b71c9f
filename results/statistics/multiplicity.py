"""Many comparisons, each with two hypotheses of which at most one is true."""

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


def shaffer_holm(p_values: Floats) -> tuple[Floats, NDArray[np.intp]]:
    """Adjusted p values of pairs of hypotheses, and the divisors that adjusted them.

    Hypotheses are taken by rising p, as in Holm's procedure. Since at most one of a pair is true, no
    more hypotheses can be true together than there are pairs with one not yet rejected: that many,
    not the number of hypotheses, divides the level. The chance that any true hypothesis of the
    family is rejected is at most the level, whatever the dependence of the tests.

    Args:
        p_values: [..., pairs, 2].

    Returns:
        Both [..., pairs, 2]: the smallest level of the family at which a hypothesis is rejected, at
        most 1, and the number of pairs that its p was multiplied by.

    Source: Shaffer 1986, Modified sequentially rejective multiple test procedures; Holm 1979.
    """
    shape = p_values.shape
    flat = p_values.reshape(*shape[:-2], -1)
    order = np.argsort(flat, axis=-1, kind="stable")
    ordered = np.take_along_axis(flat, order, -1)
    # A pair still has a hypothesis that is not rejected while its larger p is not below this one.
    open_pairs = p_values.max(-1)[..., None, :] >= ordered[..., :, None]
    divisors = open_pairs.sum(-1)
    adjusted = np.minimum(1.0, np.maximum.accumulate(divisors * ordered, axis=-1))
    back = np.argsort(order, axis=-1, kind="stable")
    return (
        np.take_along_axis(adjusted, back, -1).reshape(shape),
        np.take_along_axis(divisors, back, -1).reshape(shape),
    )
