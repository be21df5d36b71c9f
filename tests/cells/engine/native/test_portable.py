"""The portable executor: right, and with bits that are written down here."""

import hashlib
import platform

import numpy as np
import pytest

from cells import Cell, canonical, parse, zoo
from cells.engine.batch import Batch
from cells.engine.executor import hindrance, make
from cells.engine.learner import Learner, Model, Weights
from cells.engine.native import build
from cells.engine.native.compiler import NativeError
from cells.engine.training.parameter import parameters

WIDTHS = (15, 64)
# Together they use every operation; by text, since the zoo may change.
CELLS = {
    "gates": """cell gates(x; h, c)
  i = sigmoid(linear(x, h))
  f = sigmoid(linear(x, h, bias=1))
  c' = f * c + i * tanh(linear(x, h))
  h' = sigmoid(linear(x, h)) * tanh(c')
""",
    "blend": """cell blend(x; h)
  z = sigmoid(linear(x, h))
  r = sigmoid(linear(x, h))
  h' = (1 - z) * h + z * tanh(linear(x, r * h))
""",
    "others": """cell others(x; h, m)
  a = linear(x, h)
  b = linear(x, m)
  p = silu(a) + softplus(b) - logsigmoid(a) * sqrt(relu(b) + 1)
  q = max(sin(a), cos(b)) + min(exp(-1 * relu(a)), b) / (1 + softplus(a))
  m' = tanh(p * q)
  h' = tanh(q - p + m')
""",
    "units": """cell units(x; h)
  a = linear(x, h)
  b = linear(x, h)
  h' = softsign(gelu(a) + elu(b)) + tanh(abs(b) - leaky_relu(a))
""",
}


@pytest.fixture(autouse=True)
def _portable() -> None:
    reason = hindrance("portable")
    if reason is not None:
        pytest.skip(str(reason))


def numbers(count: int, salt: int) -> np.ndarray:
    """Numbers in [-1/2, 1/2), by arithmetic alone: no generator whose stream may change."""
    return ((np.arange(count) + salt) * 7919 % 1009 - 504) / 1008


def weights(model: Model) -> Weights:
    return {
        one.name: (0.5 * numbers(one.size, index)).reshape(one.shape)
        for index, one in enumerate(parameters(model))
    }


def trained(cell: Cell, width: int, executor: str, dtype: str) -> tuple[Learner, list[float]]:
    """Three windows of plain training; and the losses."""
    model = Model(canonical(cell), width, 1, "symbols", 12)
    learner = make(executor, model, weights(model), dtype=dtype, seed=0)  # type: ignore[arg-type]
    losses: list[float] = []
    for window in range(3):
        symbols = (np.arange(8 * 5) * (3 + window) % 12).reshape(8, 5)
        ones, none = np.ones((8, 5), np.bool_), np.zeros(5, np.bool_)
        losses.append(
            learner.train(Batch(symbols, symbols[::-1].copy(), ones, none), 0.2, 1.0).loss
        )
    return learner, losses


@pytest.mark.parametrize("name", zoo.names())
def test_every_zoo_cell_learns_what_it_learns_natively(name: str) -> None:
    here, there = (trained(zoo.load(name), 15, one, "float64") for one in ("portable", "native"))
    assert np.allclose(here[1], there[1], rtol=1e-9, atol=0)
    for key, values in here[0].weights().items():
        assert np.allclose(values, there[0].weights()[key], rtol=0, atol=1e-9), key


def test_the_bits_are_those_of_every_machine_and_compiler() -> None:
    """Made by gcc 12 and clang 14, at -O2 and -O3, where NumPy has AVX-512 and where it has not."""
    found = hashlib.sha256()
    for text in CELLS.values():
        for width in WIDTHS:
            learner, losses = trained(parse(text), width, "portable", "float32")
            found.update(repr(losses).encode())
            for values in learner.weights().values():
                found.update(np.ascontiguousarray(values).tobytes())
    assert found.hexdigest()[:32] == "740beffedc50e0c8506684103cfb9ab6"


def test_the_record_names_the_class_of_machines() -> None:
    about = build.about("portable")
    assert about["class"] == "x86-64-v3"
    assert "-ffp-contract=off" in about["flags"]
    assert about["vector"] == "256 bits"
    assert "class" not in build.about()


@pytest.mark.parametrize(
    ("machine", "features", "said"),
    [
        ("x86_64", "flags : fpu sse2 avx avx2", "this CPU has no bmi1, bmi2, f16c, fma, movbe"),
        ("aarch64", "Features : fp asimd", "this machine is a aarch64"),
    ],
)
def test_a_cpu_of_another_class_is_told_what_it_lacks(
    monkeypatch: pytest.MonkeyPatch, machine: str, features: str, said: str
) -> None:
    monkeypatch.setattr(platform, "machine", lambda: machine)
    monkeypatch.setattr(build, "cpu", lambda: features)
    with pytest.raises(NativeError, match=said) as caught:
        build.load("float32", build.cache_folder(), "portable")
    assert caught.value.code == "not-portable"
