"""`record.json`: what a published folder holds, in parts that are only ever added.

A record that was published once is of format 1, one file a table: `TABLE.csv.gz`. Each later
publication adds a part with the rows that were added since, in a folder of its own. `parts` then lists
all of them, with rows, bytes and sha256 of each table's text, and a running sha256 over all until then.
"""

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final, cast

from results.error import StoreError
from results.record.file.migrate import VERSION
from results.record.file.table import tables

FORMATS: Final = (1, 2)
"""Of the folder: published once, and published in parts."""

MANIFEST: Final = "record.json"

LARGEST: Final = 2**24
"""Bytes of a manifest beyond which it is not read."""

HINT: Final = "get the folder again, or publish the store again"
NAME: Final = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,99}")


@dataclass(frozen=True, slots=True)
class Text:
    """The text of a table's rows in a part: how many, how long, and its sha256."""

    rows: int
    bytes: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Part:
    """What one publication added.

    Attributes:
        version: of the schema that the columns are of.
        texts: by table; a later part has those with new rows only.
    """

    version: int
    texts: Mapping[str, Text]

    def to_json(self) -> dict[str, Any]:
        """Plain values, as in the manifest."""
        texts = {name: asdict(text) for name, text in self.texts.items()}
        return {"version": self.version, "tables": texts}


@dataclass(frozen=True, slots=True)
class Manifest:
    """The content of `record.json`: name of the store's file, its studies, and the parts."""

    file: str
    studies: list[dict[str, Any]]
    parts: tuple[Part, ...]

    def to_json(self) -> dict[str, Any]:
        """Plain values: of format 1 if there is one part, else of format 2."""
        version = self.parts[-1].version
        head = {"format": min(len(self.parts), 2), "file": self.file, "version": version}
        if len(self.parts) == 1:
            return {**head, "studies": self.studies, "tables": self.parts[0].to_json()["tables"]}
        sums = running(self.parts)
        parts = [
            {**part.to_json(), "sha256": digest}
            for part, digest in zip(self.parts, sums, strict=True)
        ]
        return {**head, "studies": self.studies, "parts": parts}

    def rows(self) -> dict[str, int]:
        """By table how many rows all parts hold."""
        counts = dict.fromkeys(tables(self.parts[-1].version), 0)
        for part in self.parts:
            for name, text in part.texts.items():
                counts[name] += text.rows
        return counts


def running(parts: Sequence[Part]) -> list[str]:
    """For each part the sha256 over it and all before it."""
    sums: list[str] = []
    for part in parts:
        text = json.dumps([sums[-1] if sums else "", part.to_json()], sort_keys=True)
        sums.append(hashlib.sha256(text.encode()).hexdigest())
    return sums


def file_of(folder: Path, number: int, table: str) -> Path:
    """Where the text of a table in part `number` lies."""
    return (folder / f"part-{number:04d}" if number else folder) / f"{table}.csv.gz"


def read(folder: Path) -> Manifest:
    """The manifest of a published folder.

    Raises:
        StoreError: `missing` if there is none; `newer` if a newer Gatewright published it; `damaged`
            if it is not one; `too-large`.
    """
    path = folder / MANIFEST
    if not path.is_file():
        hint = "give a folder that `gatewright publish` wrote, or the file of a search"
        raise StoreError("missing", f"{folder}: holds no {MANIFEST}", hint)
    with path.open("rb") as file:
        text = file.read(LARGEST + 1)
    if len(text) > LARGEST:
        raise StoreError("too-large", f"{path}: more than {LARGEST:,} bytes", HINT)
    try:
        content = json.loads(text.decode("utf-8"))
        form, version = _number(content["format"]), _number(content["version"])
    except (ValueError, TypeError, LookupError, RecursionError) as error:
        raise StoreError("damaged", f"{path}: not legible", HINT) from error
    if form > FORMATS[-1] or version > VERSION:
        what = f"{path}: format {form}, version {version}"
        known = f"this Gatewright reads up to {FORMATS[-1]} and {VERSION}"
        raise StoreError("newer", f"{what}; {known}", "update Gatewright")
    try:
        return _manifest(content, form, version)
    except (ValueError, TypeError, LookupError, AttributeError) as error:
        what = f"{path}: not what `gatewright publish` writes"
        raise StoreError("damaged", what, HINT) from error


def _manifest(content: dict[str, Any], form: int, version: int) -> Manifest:
    """The manifest of plain values. Raises one of four errors if they are none."""
    listed = "tables" if form == 1 else "parts"
    if set(content) != {"format", "file", "version", "studies", listed} or form < 1:
        raise ValueError(sorted(content))
    if form == 1:
        parts = (_part({"version": version, "tables": content["tables"]}, 0),)
    else:
        parts = tuple(_part(entry, number) for number, entry in enumerate(content["parts"]))
        versions = [part.version for part in parts]
        sums = [entry["sha256"] for entry in content["parts"]]
        if sums != running(parts) or versions != sorted(versions) or version != versions[-1]:
            raise ValueError(versions)
    if not NAME.fullmatch(content["file"]):
        raise ValueError(content["file"])
    return Manifest(content["file"], list(content["studies"]), parts)


def _part(entry: dict[str, Any], number: int) -> Part:
    version = _number(entry["version"])
    if not 1 <= version <= VERSION:
        raise ValueError(version)
    texts: dict[str, Text] = {}
    for name in tables(version):
        said = entry["tables"].get(name)
        if said is None and number == 0:
            raise ValueError(name)
        if said is not None:
            texts[name] = Text(_number(said["rows"]), _number(said["bytes"]), str(said["sha256"]))
    if set(texts) != set(cast("dict[str, Any]", entry["tables"])):
        raise ValueError(sorted(entry["tables"]))
    return Part(version, texts)


def _number(value: object) -> int:
    if type(value) is not int:
        raise TypeError(value)
    return value
