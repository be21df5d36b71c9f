"""Archives of music by strangers: whatever is in them, nothing is unpickled and nothing grows."""

import io
import pickle
import tracemalloc
import zipfile
from collections.abc import Callable
from typing import Any, Final

import numpy as np

from tasks.corpora import derive
from tasks.task import TaskError
from tests.storm.fault import Tally, Task

PEAK: Final = 600 * 2**20
"""Bytes that reading an archive may take: twice the 256 MB that it may expand to, and a little."""

RAN: list[str] = []
"""What a pickle that was loaded would add to."""


class Trap:
    """An object whose pickle runs code when it is loaded."""

    def __reduce__(self) -> tuple[Callable[[str], None], tuple[str]]:
        return (RAN.append, ("a pickle was loaded",))


def archive(pieces: int = 6) -> bytes:
    """A piano-roll archive of generated pieces."""
    draw = np.random.default_rng(5)
    arrays: dict[str, Any] = {"midi_low": np.asarray(derive.MIDI_LOW, dtype=np.int64)}
    for split in derive.SPLITS:
        lengths = draw.integers(20, 60, pieces)
        arrays[split] = (draw.random((int(lengths.sum()), 88)) < 0.05).astype(np.uint8)
        arrays[f"{split}_offsets"] = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
    return packed(arrays)


def packed(arrays: dict[str, Any], **members: bytes) -> bytes:
    """An archive of arrays, and of members that are any bytes."""
    file = io.BytesIO()
    np.savez_compressed(file, **arrays)
    if not members:
        return file.getvalue()
    made = io.BytesIO()
    with zipfile.ZipFile(file) as old, zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as new:
        for member in old.infolist():
            content = members.pop(member.filename.removesuffix(".npy"), None)
            new.writestr(member.filename, old.read(member) if content is None else content)
        for name, content in members.items():
            new.writestr(name, content)
    return made.getvalue()


def with_pickle() -> bytes:
    """An array of objects, which NumPy keeps as a pickle."""
    file = io.BytesIO()
    np.save(file, np.array([Trap()], dtype=object), allow_pickle=True)
    return packed(derive.unpack(archive()), train=file.getvalue())


def huge_shape() -> bytes:
    """An array whose header claims a terabyte."""
    file = io.BytesIO()
    np.lib.format.write_array_header_1_0(
        file, {"descr": "|u1", "fortran_order": False, "shape": (2**33, 88)}
    )
    return packed(derive.unpack(archive()), train=file.getvalue())


HOSTILE: Final[dict[str, Callable[[], bytes]]] = {
    "an array of objects": with_pickle,
    "a pickle alone": lambda: packed(derive.unpack(archive()), train=pickle.dumps(Trap())),
    "a pickle for the archive": lambda: pickle.dumps(Trap()),
    "a member that leads away": lambda: packed(derive.unpack(archive()), **{"../away.npy": b"x"}),
    "one array less": lambda: packed({"train": np.zeros((3, 88), np.uint8)}),
    "a header of a terabyte": huge_shape,
    "a member of 300 MB of zeros": lambda: packed(
        derive.unpack(archive()), train=bytes(300 * 2**20)
    ),
    "empty": lambda: b"",
}


def archives(task: Task) -> Tally:
    """Hostile and spoilt archives are refused in a line, or hold what they held."""
    tally, most, refused = Tally(), 0, 0
    whole, named = archive(), list(HOSTILE.items())
    RAN.clear()
    for number in range(task.count):
        if number < len(named):
            name, content = named[number][0], named[number][1]()
        else:
            name, spoilt = "a byte", bytearray(whole)
            spoilt[task.draw.randrange(len(whole))] = task.draw.randrange(256)
            content = bytes(spoilt)
        traced = name != "a byte"
        with task.run(tally, name):
            if traced:
                tracemalloc.start()
            try:
                derive.unpack(content)
            except TaskError as error:
                refused += 1
                if error.code != "T104":
                    raise
            else:
                assert not traced, "it was read"
            finally:
                if traced:
                    most = max(most, tracemalloc.get_traced_memory()[1])
                    tracemalloc.stop()
            assert not RAN, "a pickle was loaded"
    if most > PEAK:
        tally.fail(f"an archive took {most:,} bytes")
    tally.note = f"{refused} refused, {tally.runs - refused} read; at most {most / 2**20:.0f} MiB"
    return tally
