"""Published folders of strangers: whatever is in them ends in a line, soon and in little memory."""

import gzip
import hashlib
import json
import random
import shutil
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from results.error import StoreError
from results.publishing import csv_text, manifest, publication
from tests.results import synthetic
from tests.storm.fault import Tally, Task

Damage = Callable[[Path], None]

PEAK: Final = 200 * 2**20
"""Bytes that reading a hostile folder may take."""


def publish(folder: Path) -> Path:
    """A published folder below `folder`, of a generated record."""
    store, study = synthetic.write(folder / "run.gate")
    with store:
        store.add_event(study.id, "resumed", "a line")
        publication.publish(store, folder / "published")
    return folder / "published"


def refit(folder: Path, table: str, text: bytes, **more: int) -> None:
    """Puts a text in the place of a table, with the checksum that fits it."""
    (folder / f"{table}.csv.gz").write_bytes(gzip.compress(text, 1))
    path = folder / manifest.MANIFEST
    said = json.loads(path.read_text(encoding="utf-8"))
    fitted: dict[str, Any] = {"bytes": len(text), "sha256": hashlib.sha256(text).hexdigest()}
    said["tables"][table] |= fitted | more
    path.write_text(json.dumps(said), encoding="utf-8")


def text_of(folder: Path, table: str) -> bytes:
    """The text of a table."""
    return gzip.decompress((folder / f"{table}.csv.gz").read_bytes())


def long_line(folder: Path) -> None:
    """A line beyond the limit, in a file that is a few kilobytes."""
    refit(folder, "event", text_of(folder, "event") + b"x" * (csv_text.LONGEST + 1))


def long_field(folder: Path) -> None:
    """A field of many short lines that together are beyond the limit."""
    lines = b"x" * 999 + b"\n"
    refit(folder, "event", text_of(folder, "event") + b'"' + lines * (csv_text.LONGEST // 1000 + 9))


def more_rows(folder: Path) -> None:
    """More rows than the manifest says."""
    text = text_of(folder, "point")
    refit(folder, "point", text + text[text.index(b"\n") + 1 :])


def rows_without_end(folder: Path) -> None:
    """A table beyond the limit of all of its lines, that compresses to nothing."""
    head = text_of(folder, "event").splitlines(keepends=True)[0]
    path = folder / "event.csv.gz"
    block = gzip.compress(b"1,1,1,1,1,1\r\n" * 200_000, 1)
    with path.open("wb") as file:
        file.write(gzip.compress(head))
        for _ in range(1 + csv_text.LARGEST // (13 * 200_000)):
            file.write(block)


def number(text: bytes) -> Damage:
    """A number of an outcome that is not one a store can hold."""

    def damage(folder: Path) -> None:
        table = text_of(folder, "outcome")
        row = table.splitlines(keepends=True)[1]
        refit(folder, "outcome", table.replace(row, row.replace(b",300,", b"," + text + b",", 1)))

    return damage


def in_manifest(field: str, text: str) -> Damage:
    """A number of the manifest that is none."""

    def damage(folder: Path) -> None:
        path = folder / manifest.MANIFEST
        said = json.loads(path.read_text(encoding="utf-8"))
        marked = json.dumps({**said, field: "MARK"}).replace('"MARK"', text)
        path.write_text(marked, encoding="utf-8")

    return damage


def endless_manifest(folder: Path) -> None:
    """A manifest of 4 GiB that takes no room."""
    with (folder / manifest.MANIFEST).open("r+b") as file:
        file.truncate(2**32)


def nested_manifest(folder: Path) -> None:
    """A manifest nested beyond what a parser bears."""
    (folder / manifest.MANIFEST).write_text("[" * 10**6, encoding="ascii")


HOSTILE: Final[dict[str, Damage]] = {
    "a line without end": long_line,
    "a field of many lines": long_field,
    "more rows than said": more_rows,
    "1e400 as a whole number": number(b"1e400"),
    "10**400 as a whole number": number(b"1" + b"0" * 400),
    "10,000 digits": number(b"9" * 10_000),
    "1e400 as a version": in_manifest("version", "1e400"),
    "1e400 as a format": in_manifest("format", "1e400"),
    "10**400 as a version": in_manifest("version", "1" + "0" * 400),
    "NaN as a version": in_manifest("version", "NaN"),
    "a manifest without end": endless_manifest,
    "a manifest nested without end": nested_manifest,
}
SLOW: Final[dict[str, Damage]] = {"rows without end": rows_without_end}
"""These take minutes."""


def flipped(draw: random.Random) -> Damage:
    """A bit of any file of the folder flipped."""

    def damage(folder: Path) -> None:
        path = draw.choice(sorted(folder.iterdir()))
        content = bytearray(path.read_bytes())
        content[draw.randrange(len(content))] ^= 1 << draw.randrange(8)
        path.write_bytes(content)

    return damage


def refused(folder: Path, damage: Damage) -> tuple[str, int]:
    """Code of the error that a damaged folder is refused with, "" if it is read, and the peak of memory."""
    damage(folder)
    tracemalloc.start()
    try:
        publication.load(folder).close()
        code = ""
    except StoreError as error:
        code = error.code
    finally:
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    return code, peak


def folders(task: Task) -> Tally:
    """Hostile folders, and folders with a flipped bit: refused in a line, or the very same record."""
    tally, most, whole = Tally(), 0, 0
    published = publish(task.folder)
    expected = synthetic.history(synthetic.study())
    named = list((HOSTILE | (SLOW if task.full else {})).items())
    for index in range(task.count):
        name, damage = named[index] if index < len(named) else ("a bit", flipped(task.draw))
        folder = shutil.copytree(published, task.folder / "copy")
        with task.run(tally, name):
            code, peak = refused(folder, damage)
            most = max(most, peak)
            if code:
                assert code in ("damaged", "too-large", "newer"), code
            else:
                # A flipped bit of a gzip header, say of its time, changes nothing that is read.
                whole += 1
                assert name == "a bit", "it was read"
                with publication.open_record(folder) as record:
                    if record.log(synthetic.study().id) != expected:
                        tally.silent += 1
            assert peak < PEAK, f"{peak:,} bytes"
        shutil.rmtree(folder)
    tally.note = f"{whole} whole; at most {most / 2**20:.0f} MiB"
    return tally
