"""Files that are made from other files: the character form of Penn Treebank, piano rolls as arrays."""

import hashlib
import io
import math
import zipfile
import zlib
from typing import cast

import numpy as np
from numpy.typing import NDArray

from tasks.task import TaskError

SPLITS = ("train", "valid", "test")
KEYS = (*(key for split in SPLITS for key in (split, f"{split}_offsets")), "midi_low")
MIDI_LOW = 21
NOTES = 88
_LARGEST_ROLLS = 256 * 2**20


def characters(words: bytes) -> bytes:
    r"""Penn Treebank by character, in the form of `ptb.char.*.txt`, from the word file.

    Each line is stripped, its words joined by `_`, ended by `\n`; a blank follows every character.
    """
    lines = ("_".join(line.split()) + "\n" for line in words.decode("ascii").splitlines())
    return "".join(f"{character} " for line in lines for character in line).encode("ascii")


def rolls(matlab: bytes) -> bytes:
    """An `.npz` of all sequences one after another, from a MATLAB level-5 file of cell arrays.

    Give it verified bytes only: the reader of the MATLAB format is not hardened.

    Returns:
        `train`, `valid`, `test` uint8 `[steps, 88]`, `*_offsets` int64 `[sequences + 1]`, and
        `midi_low`, the MIDI note of column 0.
    """
    from scipy.io import loadmat  # pyright: ignore[reportUnknownVariableType]

    cells = cast("dict[str, NDArray[np.object_]]", loadmat(io.BytesIO(matlab)))
    arrays: dict[str, NDArray[np.generic]] = {}
    for split in SPLITS:
        sequences = [
            np.ascontiguousarray(cast("NDArray[np.uint8]", cell))
            for cell in cells[f"{split}data"].ravel()
        ]
        arrays[split] = np.concatenate(sequences)
        arrays[f"{split}_offsets"] = np.cumsum([0, *map(len, sequences)], dtype=np.int64)
    arrays["midi_low"] = np.asarray(MIDI_LOW, dtype=np.int64)
    packed = io.BytesIO()
    np.savez_compressed(packed, **arrays)  # pyright: ignore[reportArgumentType]
    return packed.getvalue()


RULES = {"characters": characters, "rolls": rolls}


def unpack(packed: bytes) -> dict[str, NDArray[np.generic]]:
    """The arrays of a piano-roll `.npz`; nothing is unpickled, and expansion is bounded.

    Raises:
        TaskError: T104, if the archive is damaged, holds other members or arrays of other than whole
            numbers, or expands beyond 256 MB.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(packed)) as archive:
            members = archive.infolist()
            names = sorted(member.filename for member in members)
            if names != sorted(f"{key}.npy" for key in KEYS):
                raise ValueError(f"members {names}")
            if sum(member.file_size for member in members) > _LARGEST_ROLLS:
                raise ValueError("it expands beyond 256 MB")
            return {key: _array(archive, archive.getinfo(f"{key}.npy")) for key in KEYS}
    # A damaged archive may be one that asks for a password, or for a newer version: RuntimeError.
    except (ValueError, OSError, EOFError, zipfile.BadZipFile, zlib.error, RuntimeError) as cause:
        raise TaskError("T104", f"not a piano-roll archive: {cause}") from cause


def _array(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> NDArray[np.generic]:
    """The array of a member. Raises ValueError unless it is as large as its own header says."""
    with archive.open(member) as file:
        if np.lib.format.read_magic(file) != (1, 0):
            raise ValueError(f"{member.filename}: not an array of version 1.0")
        shape, _, dtype = np.lib.format.read_array_header_1_0(file)
        size = file.tell() + math.prod(shape) * dtype.itemsize
    if dtype.kind not in "iu" or size != member.file_size:
        what = f"{dtype} {shape} in {member.file_size:,} bytes"
        raise ValueError(f"{member.filename}: {what}; expected whole numbers in {size:,} bytes")
    with archive.open(member) as file:
        return np.lib.format.read_array(file, allow_pickle=False)


def content(packed: bytes) -> str:
    """SHA-256 over names, types, shapes and values of a piano-roll `.npz`.

    Raises:
        TaskError: as `unpack`.
    """
    digest = hashlib.sha256()
    for key, array in unpack(packed).items():
        digest.update(f"{key} {array.dtype.str} {array.shape}\n".encode())
        digest.update(np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()
