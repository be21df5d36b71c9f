"""Model files: what is saved comes back, and nothing else is believed."""

import json
import struct
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import load as unpacked
from safetensors.numpy import save as packed

from cells import canonical, zoo
from cells.engine.files.model_file import HEADER, KEY, ModelFileError, Trained, load, save
from cells.engine.learner import Model
from cells.engine.training.initial import draw


def trained(name: str = "gru", width: int = 4) -> Trained:
    model = Model(canonical(zoo.load(name)), width, 2, "symbols", 3, 0.25, 20)
    weights = {
        key: array.astype(np.float32) for key, array in draw(model, init_scale=1.0, seed=5).items()
    }
    return Trained(
        model, weights, "markup", "smoke", ("a", "\n", "<eos>"), 1, {"seed": 5, "x": [1]}
    )


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "model.safetensors"
    save(path, trained())
    return path


def document(path: Path) -> dict[str, Any]:
    (length,) = struct.unpack("<Q", path.read_bytes()[:8])
    return json.loads(json.loads(path.read_bytes()[8 : 8 + length])["__metadata__"][KEY])


def rewrite(path: Path, changed: dict[str, Any] | str, **arrays: Any) -> None:
    text = changed if isinstance(changed, str) else json.dumps(changed)
    path.write_bytes(packed({**unpacked(path.read_bytes()), **arrays}, {KEY: text}))


@pytest.mark.parametrize("name", zoo.names())
def test_every_zoo_cell_comes_back_as_it_was_saved(name: str, tmp_path: Path) -> None:
    path, asked = tmp_path / "m.safetensors", trained(name)
    save(path, asked)
    found = load(path)
    assert found.model == asked.model
    assert replace(found, weights={}) == replace(asked, weights={})
    assert found.weights.keys() == asked.weights.keys()
    for key, array in asked.weights.items():
        assert found.weights[key].dtype == array.dtype
        np.testing.assert_array_equal(found.weights[key], array)


def test_the_same_model_gives_the_same_bytes(path: Path, tmp_path: Path) -> None:
    save(tmp_path / "again.safetensors", load(path))
    assert (tmp_path / "again.safetensors").read_bytes() == path.read_bytes()


def test_any_reader_of_the_format_reads_the_arrays(path: Path) -> None:
    found = unpacked(path.read_bytes())
    np.testing.assert_array_equal(found["readout.weight"], trained().weights["readout.weight"])


def test_a_file_cut_off_anywhere_is_refused(path: Path) -> None:
    whole = path.read_bytes()
    for size in (0, 7, 8, 9, 200, len(whole) // 2, len(whole) - 1):
        path.write_bytes(whole[:size])
        with pytest.raises(ModelFileError, match=r"model\.safetensors: "):
            load(path)


def test_a_damaged_file_is_refused_or_still_a_model(path: Path) -> None:
    whole, source = path.read_bytes(), np.random.default_rng(0)
    said: list[str] = []
    for _ in range(300):
        damaged = bytearray(whole)
        damaged[int(source.integers(len(whole) // 2))] = int(source.integers(256))
        path.write_bytes(damaged)
        try:
            load(path)
        except ModelFileError as error:
            said.append(str(error))
    assert len(said) > 100
    assert all(words.isprintable() for words in said)


def test_a_header_that_claims_to_be_huge_is_not_read(path: Path) -> None:
    path.write_bytes(struct.pack("<Q", HEADER + 1) + bytes(100))
    with pytest.raises(ModelFileError, match=f"at most {HEADER}"):
        load(path)


@pytest.mark.parametrize(
    ("keys", "value", "says"),
    [
        (("format",), 2, "newer"),
        (("model", "width"), 5, "its cell needs"),
        (("model", "width"), 10**9, "width as 1000000000"),
        (("model", "width"), True, "width as True"),
        (("model", "layers"), 5, "layers as 5"),
        (("model", "kind"), "roll", "vocabulary of 3 for roll"),
        (("model", "kind"), "other", "expected symbols or roll"),
        (("model", "dropout"), 1.0, "dropout as 1.0"),
        (("model", "cell"), "cell f(x; h)", "C"),
        (("model", "cell"), "cell f(x; h)\n  h' = tanh(linear(x, h))", "array"),
        (("model",), [], "expected dict"),
        (("vocabulary",), ["a"], "vocabulary of 1"),
        (("vocabulary",), ["a", "b", "\x1b[2J"], "expected printable text"),
        (("vocabulary",), ["a", "b", 3], "expected printable text"),
        (("boundary",), 3, "beyond the vocabulary"),
        (("task",), "a\nb", "expected a short line"),
        (("facts",), None, "expected dict"),
    ],
    ids=lambda value: str(value)[:20],
)
def test_a_hostile_header_is_refused(
    keys: tuple[str, ...], value: object, says: str, path: Path
) -> None:
    changed = document(path)
    inner = changed
    for key in keys[:-1]:
        inner = inner[key]
    inner[keys[-1]] = value
    rewrite(path, changed)
    with pytest.raises(ModelFileError, match=says):
        load(path)


@pytest.mark.parametrize("text", ["", "[]", "{", "[" * 100_000, '{"format": NaN}', "9" * 10_000])
def test_an_entry_that_is_no_object_of_ours_is_refused(text: str, path: Path) -> None:
    rewrite(path, text)
    with pytest.raises(ModelFileError, match=r"gatewright|header"):
        load(path)


def test_arrays_must_be_those_of_the_cell(path: Path) -> None:
    right = path.read_bytes()
    for name, array, says in (
        ("more", np.zeros(2, np.float32), "unknown array 'more'"),
        ("readout.bias", np.zeros(4, np.float32), "readout.bias is "),
        ("readout.bias", np.zeros(3, np.float16), "arrays of "),
        ("readout.bias", np.full(3, np.nan, np.float32), "not finite"),
    ):
        path.write_bytes(right)
        rewrite(path, document(path), **{name: array})
        with pytest.raises(ModelFileError, match=says):
            load(path)


def test_a_safetensors_file_of_others_and_a_folder_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "other.safetensors"
    path.write_bytes(packed({"a": np.zeros(2)}))
    with pytest.raises(ModelFileError, match="no model of Gatewright"):
        load(path)
    with pytest.raises(ModelFileError, match="not a file"):
        load(tmp_path)
    with pytest.raises(FileNotFoundError):
        load(tmp_path / "gone.safetensors")
