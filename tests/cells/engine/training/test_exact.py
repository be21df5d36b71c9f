import hashlib

import numpy as np

from cells.engine.training import exact


def generator() -> np.random.Generator:
    return np.random.default_rng(0)


def units(found: np.ndarray, expected: np.ndarray) -> float:
    """The largest difference in units in the last place."""
    return float((np.abs(found - expected) / np.spacing(np.abs(expected))).max())


def test_logarithms_are_those_of_numpy_within_two_units() -> None:
    source = generator()
    values = np.concatenate(
        [source.uniform(0, 500, 100_000), 10.0 ** source.uniform(-300, 300, 9999)]
    )
    assert units(exact.log(values), np.log(values)) <= 2
    assert exact.log(np.ones(1))[0] == 0


def test_powers_of_e_are_those_of_numpy_within_two_units_and_end_cleanly() -> None:
    values = generator().uniform(-600, 700, 100_000)
    assert units(exact.exp(values), np.exp(values)) <= 2
    assert exact.exp(np.array([-800.0, 0.0, 800.0])).tolist() == [0.0, 1.0, np.inf]


def test_sums_are_right_for_every_length() -> None:
    for size in (0, 1, 2, 3, 7, 64, 100):
        values = generator().standard_normal((3, size))
        assert np.allclose(exact.total(values), values.sum(-1), atol=1e-13)


def test_orthogonal_matrices_are_those_of_qr_with_a_positive_diagonal() -> None:
    for shape in ((1, 1), (33, 33), (3, 8, 8)):
        values = generator().standard_normal(shape)
        q, r = np.linalg.qr(values)
        expected = q * np.sign(np.diagonal(r, axis1=-2, axis2=-1))[..., None, :]
        assert np.allclose(exact.orthogonal(values), expected, atol=1e-12)


def test_the_spectral_radius_is_that_of_the_eigenvalues() -> None:
    for shape in ((1, 1), (2, 2), (40, 40), (4, 5, 5)):
        values = generator().standard_normal(shape)
        expected = np.abs(np.linalg.eigvals(values)).max()
        assert abs(exact.spectral_radius(values) / expected - 1) < 1e-7
    assert exact.spectral_radius(np.array([[0.0, 1.0], [-1.0, 0.0]])) == 1.0
    assert exact.spectral_radius(np.array([[0.0, 1.0], [0.0, 0.0]])) == 0.0


def test_the_bits_are_those_of_every_machine() -> None:
    values = (np.arange(400) * 7919 % 1009 - 504) / 1008
    square = values.reshape(20, 20)
    found = [
        *(exact.log(np.abs(values) + 0.25), exact.exp(40 * values), exact.total(square)),
        *(exact.orthogonal(square), np.array([exact.spectral_radius(square)])),
    ]
    digest = hashlib.sha256(b"".join(np.ascontiguousarray(one).tobytes() for one in found))
    assert digest.hexdigest()[:32] == "65179e6254072860461aa2fc7b3dfa53"
