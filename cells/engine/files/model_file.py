"""A trained model as one file: its weights, and in the header everything they are weights of.

The format is safetensors: arrays by name behind a JSON header, which torch and NumPy read and no
reader executes. All that is not an array stands in the header as one JSON document under the key
`gatewright`, so that equal models give equal bytes. A file may come from anybody: nothing of it is
believed before it is checked.
"""

import json
import struct
from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final, NoReturn, Protocol, cast

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save as packed

from cells.engine.learner import Model, Weights
from cells.engine.training.parameter import Parameter, parameters
from cells.error import CellError, SingleCodeError
from cells.identity.canonical import canonical
from cells.text.parser import parse
from cells.text.printer import to_text

KEY: Final = "gatewright"
FORMAT: Final = 1
HEADER: Final = 4 * 2**20
"""Bytes of the longest header that is read; ten thousand words take a tenth of it."""
_DTYPES: Final = ("F32", "F64")
_LARGEST: Final = 2**20
"""No width, vocabulary or window of a model is beyond this."""


class ModelFileError(SingleCodeError):
    """A file holds no model that can be used; the text names the file and the reason."""

    CODE = "model.file"


@dataclass(frozen=True, slots=True)
class Trained:
    """A trained model and where it comes from.

    Attributes:
        model: what was trained.
        weights: by the names of `cells.engine.training.parameter`.
        task, scale: what it was trained on.
        vocabulary: text of each symbol, `[V]`; empty for rolls.
        boundary: the symbol that ends a sequence and stands before the next; None if there is none.
        facts: everything else that is known, as JSON: setting, epoch, losses, executor, versions.
    """

    model: Model
    weights: Weights
    task: str
    scale: str
    vocabulary: tuple[str, ...] = ()
    boundary: int | None = None
    facts: Mapping[str, Any] = field(default_factory=dict[str, Any])


class _Opened(Protocol):
    """What is used of `safe_open`, whose own types are not complete."""

    def metadata(self) -> dict[str, str] | None: ...

    def keys(self) -> list[str]: ...

    def get_slice(self, name: str) -> "_Piece": ...

    def get_tensor(self, name: str) -> NDArray[np.floating]: ...


class _Piece(Protocol):
    def get_shape(self) -> list[int]: ...

    def get_dtype(self) -> str: ...


def save(path: Path, trained: Trained) -> None:
    """Writes `trained` to `path`. The same model gives the same bytes.

    Raises:
        ValueError: the cell is not in canonical form, by which its arrays are named, or `facts` holds
            a number that is not finite.
        OSError: the file cannot be written.
    """
    model = trained.model
    if canonical(model.cell) != model.cell:
        raise ValueError("a model is saved with its cell in canonical form")
    document = {
        "format": FORMAT,
        "model": {
            "cell": to_text(model.cell),
            "width": model.width,
            "layers": model.layers,
            "kind": model.kind,
            "size": model.size,
            "dropout": model.dropout,
            "window": model.window,
        },
        "task": trained.task,
        "scale": trained.scale,
        "vocabulary": trained.vocabulary,
        "boundary": trained.boundary,
        "facts": dict(trained.facts),
    }
    text = json.dumps(document, sort_keys=True, allow_nan=False)
    arrays = {name: np.ascontiguousarray(array) for name, array in trained.weights.items()}
    path.write_bytes(packed(arrays, {KEY: text}))


def load(path: Path) -> Trained:
    """The model in the file `path`.

    Raises:
        ModelFileError: it is not a file, is cut off or damaged, is no model of ours, or its arrays
            are not those that the cell needs, or are not finite.
        OSError: the file cannot be read.
    """
    _check_header(path)
    try:
        opened = safe_open(path, framework="np", backend="pread")
        with cast("AbstractContextManager[_Opened]", opened) as file:
            metadata = file.metadata()
            if not metadata or KEY not in metadata:
                _fail(path, f"no model of Gatewright: its header has no entry {KEY!r}")
            document = _Reader(path, _decoded(path, metadata[KEY]))
            model = _model(document.table("model"))
            trained = _described(document, model)
            _check_arrays(path, file, parameters(model))
            weights = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except SafetensorError as error:
        raise ModelFileError(f"{path}: no intact safetensors file: {error}") from None
    except (CellError, ValueError) as error:
        words = error.summary if isinstance(error, CellError) else str(error)
        raise ModelFileError(f"{path}: its model cannot be built: {words}") from None
    for name, array in weights.items():
        if not np.isfinite(array).all():
            _fail(path, f"{name} holds numbers that are not finite")
    return replace(trained, weights=weights)


def _check_header(path: Path) -> None:
    """Refuses what is no file, and a header that is cut off or too long, before it is parsed."""
    if path.exists() and not path.is_file():
        _fail(path, "not a file")
    with path.open("rb") as file:
        size = path.stat().st_size
        first = file.read(8)
    if len(first) < 8:
        _fail(path, f"no safetensors file: {size} bytes")
    (length,) = struct.unpack("<Q", first)
    if length > HEADER:
        _fail(path, f"no safetensors file of ours: a header of {length} bytes, at most {HEADER}")
    if 8 + length > size:
        _fail(path, f"cut off: a header of {length} bytes in a file of {size}")


def _decoded(path: Path, text: str) -> object:
    def refuse(constant: str) -> NoReturn:
        raise ValueError(f"{constant} is no number of JSON")

    try:
        return json.loads(text, parse_constant=refuse)
    except (ValueError, RecursionError) as error:
        raise ModelFileError(f"{path}: its entry {KEY!r} is not JSON: {error}") from None


@dataclass(frozen=True, slots=True)
class _Reader:
    """A JSON object from which values are taken with their types checked."""

    path: Path
    found: object

    def take(self, key: str, *kinds: type) -> Any:
        if not isinstance(self.found, dict):
            _fail(self.path, f"its header has no object where {key!r} is expected")
        table = cast("dict[str, object]", self.found)
        value = table.get(key)
        if type(value) not in kinds:
            names = " or ".join(kind.__name__ for kind in kinds)
            _fail(self.path, f"its header gives {key} as {value!r:.60}, expected {names}")
        return value

    def table(self, key: str) -> "_Reader":
        return _Reader(self.path, self.take(key, dict))

    def whole(self, key: str, most: int) -> int:
        value = cast("int", self.take(key, int))
        if not 1 <= value <= most:
            _fail(self.path, f"its header gives {key} as {value}, expected 1 to {most}")
        return value

    def line(self, key: str) -> str:
        value = cast("str", self.take(key, str))
        if not value.isprintable() or len(value) > 200:
            _fail(self.path, f"its header gives {key} as {value!r:.60}, expected a short line")
        return value


def _model(reader: _Reader) -> Model:
    kind = reader.line("kind")
    if kind != "symbols" and kind != "roll":
        _fail(reader.path, f"its header gives kind as {kind!r}, expected symbols or roll")
    dropout = float(reader.take("dropout", float, int))
    if not 0 <= dropout < 1:
        _fail(reader.path, f"its header gives dropout as {dropout}, expected 0 to below 1")
    return Model(
        cell=canonical(parse(reader.take("cell", str))),
        width=reader.whole("width", _LARGEST),
        layers=reader.whole("layers", 4),
        kind=kind,
        size=reader.whole("size", _LARGEST),
        dropout=dropout,
        window=reader.whole("window", _LARGEST),
    )


def _described(document: _Reader, model: Model) -> Trained:
    """The trained model, its weights still to be filled in."""
    path = document.path
    if (form := document.whole("format", _LARGEST)) > FORMAT:
        _fail(path, f"format {form}, this version reads {FORMAT}: use a newer Gatewright")
    vocabulary = tuple(cast("list[object]", document.take("vocabulary", list)))
    if len(vocabulary) != (model.size if model.kind == "symbols" else 0):
        _fail(path, f"a vocabulary of {len(vocabulary)} for {model.kind} of size {model.size}")
    for word in vocabulary:
        # What is printed on a terminal later must not be able to command it.
        if not isinstance(word, str) or not (word.isprintable() or word == "\n"):
            _fail(path, f"its vocabulary holds {word!r:.60}, expected printable text")
    boundary = cast("int | None", document.take("boundary", int, type(None)))
    if boundary is not None and not 0 <= boundary < len(vocabulary):
        _fail(path, f"its header gives boundary as {boundary}, beyond the vocabulary")
    return Trained(
        model=model,
        weights={},
        task=document.line("task"),
        scale=document.line("scale"),
        vocabulary=cast("tuple[str, ...]", vocabulary),
        boundary=boundary,
        facts=cast("dict[str, Any]", document.take("facts", dict)),
    )


def _check_arrays(path: Path, file: "_Opened", expected: tuple[Parameter, ...]) -> None:
    """Compares names, shapes and types with what the cell needs, before any array is read."""
    names = set(file.keys())
    wanted = {parameter.name: parameter.shape for parameter in expected}
    for name in sorted(names ^ wanted.keys()):
        _fail(path, f"{'missing' if name in wanted else 'unknown'} array {name!r:.80}")
    dtypes: set[str] = set()
    for name, shape in wanted.items():
        piece = file.get_slice(name)
        if tuple(piece.get_shape()) != shape:
            _fail(path, f"{name} is {piece.get_shape()}, its cell needs {list(shape)}")
        dtypes.add(piece.get_dtype())
    if len(dtypes) != 1 or not dtypes <= set(_DTYPES):
        _fail(path, f"arrays of {', '.join(sorted(dtypes))}, expected one of {', '.join(_DTYPES)}")


def _fail(path: Path, message: str) -> NoReturn:
    raise ModelFileError(f"{path}: {message}")
