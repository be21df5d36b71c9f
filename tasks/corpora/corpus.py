"""The corpora: which files, whose, where they are on this machine, and whether they are intact."""

import hashlib
import os
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from cells import user
from tasks.corpora import derive
from tasks.task import TaskError

WITHOUT_DOWNLOAD = (
    *("memorization", "arithmetic", "markup", "progressions", "pydocs", "pydocs-char"),
    *("reber", "reber-continual", "copy", "adding", "temporal-order", "agreement", "subsequence"),
    *("parity", "cycle", "s3", "a5", "recall", "noisy-recall", "selective-copy", "compression"),
)
"""Tasks that run on any machine; the error about a missing corpus names them."""


@dataclass(frozen=True, slots=True)
class File:
    """One file of a corpus.

    Attributes:
        path: below the data folder, with `/`.
        size: bytes.
        sha256: of the whole file.
        urls: mirrors, tried in this order; empty for a derived file.
        origin: path of the file it is derived from, or None.
        rule: the rule of `tasks.corpora.derive`, or None.
        content: SHA-256 over the arrays, where the bytes of the file may differ; or None.
    """

    path: str
    size: int
    sha256: str
    urls: tuple[str, ...] = ()
    origin: str | None = None
    rule: str | None = None
    content: str | None = None

    def fault(self, data: bytes) -> str | None:
        """What is wrong with `data` as this file, or None if it is what it should be."""
        digest = hashlib.sha256(data).hexdigest()
        if digest == self.sha256:
            return None
        if self.content is not None:
            try:
                digest = derive.content(data)
            except TaskError as error:
                return error.message
            if digest == self.content:
                return None
            return f"content digest {digest}, expected {self.content}"
        return f"{len(data)} bytes with SHA-256 {digest}, expected {self.size} with {self.sha256}"


@dataclass(frozen=True, slots=True)
class Corpus:
    """A set of files that belong together.

    Attributes:
        name: as `gatewright data fetch NAME` has it.
        title: what it is.
        tasks: the tasks that read it.
        source: where it comes from.
        terms: licence as far as known.
        files: all files, an origin before what is derived from it.
    """

    name: str
    title: str
    tasks: tuple[str, ...]
    source: str
    terms: str
    files: tuple[File, ...]


@dataclass(frozen=True, slots=True)
class State:
    """How one file of a corpus stands.

    Attributes:
        corpus: name of the corpus.
        file: path below `folder`.
        bytes: size expected.
        folder: the data folder looked at.
        present: whether there is a file of that name.
        ok: whether its digest is right; None if not checked or not present.
    """

    corpus: str
    file: str
    bytes: int
    folder: Path
    present: bool
    ok: bool | None = None


@lru_cache(maxsize=1)
def table() -> Mapping[str, Corpus]:
    """All corpora by name, from `digest.toml`."""
    with (Path(__file__).parent / "digest.toml").open("rb") as stream:
        read = tomllib.load(stream)
    return {
        name: Corpus(
            name=name,
            title=entry["title"],
            tasks=tuple(entry["tasks"]),
            source=entry["source"],
            terms=entry["terms"],
            files=tuple(
                File(
                    path=file["path"],
                    size=file["bytes"],
                    sha256=file["sha256"],
                    urls=tuple(file.get("urls", ())),
                    origin=file.get("from"),
                    rule=file.get("rule"),
                    content=file.get("content"),
                )
                for file in entry["file"]
            ),
        )
        for name, entry in read.items()
    }


def named(name: str) -> Corpus:
    """The corpus of that name, or the one that the task of that name reads.

    Raises:
        TaskError: T101, if there is none.
    """
    for corpus in table().values():
        if name == corpus.name or name in corpus.tasks:
            return corpus
    hint = f"known: {', '.join(table())}"
    if name in WITHOUT_DOWNLOAD:
        hint = f"the task {name} needs no download"
    raise TaskError("T101", f"no corpus is called {name!r}", hint)


def folders() -> tuple[Path, ...]:
    """Where corpora are looked for, in order.

    The folders named by `GATEWRIGHT_DATA` (several are parted like those of `PATH`) and no other,
    where that is set; else `data/` of the checkout, then `gatewright/` of the user's cache.
    """
    chosen = os.environ.get("GATEWRIGHT_DATA")
    if chosen:
        return tuple(
            Path(path).expanduser().absolute() for path in chosen.split(os.pathsep) if path
        )
    return (Path(__file__).parents[2] / "data", user.cache_folder())


def destination() -> Path:
    """Where `fetch` writes: `GATEWRIGHT_DATA`, else the user's cache.

    The cache rather than the checkout: workers run from a staged copy of the packages, which has
    no `data/` beside it.
    """
    return folders()[-1]


def locate(name: str, paths: Iterable[str]) -> Path:
    """The first folder that holds all of `paths`, for corpus `name`.

    Raises:
        TaskError: T102, naming the missing files, the folders looked at and what to do.
    """
    wanted = tuple(paths)
    for folder in folders():
        if all((folder / path).is_file() for path in wanted):
            return folder
    nearest = min(folders(), key=lambda folder: len(_missing(folder, wanted)))
    missing = ", ".join(_missing(nearest, wanted))
    looked = ", ".join(str(folder) for folder in folders())
    raise TaskError(
        "T102",
        f"corpus {name} is not here: {missing} not found (looked in {looked})",
        f"`gatewright data fetch {name}`, or set GATEWRIGHT_DATA to a folder that holds it; "
        f"without download: {', '.join(WITHOUT_DOWNLOAD)}",
    )


def _missing(folder: Path, paths: tuple[str, ...]) -> list[str]:
    return [path for path in paths if not (folder / path).is_file()]


def read(folder: Path, file: File) -> bytes:
    """The bytes of `file` below `folder`, checked against its digest.

    Raises:
        TaskError: T103 if it cannot be read, T104 if the digest is wrong.
    """
    path = folder / file.path
    try:
        # Bounded, since a wrong file may have any size; twice, since recompression may add a little.
        with path.open("rb") as stream:
            data = stream.read(2 * file.size + 1)
    except OSError as cause:
        raise TaskError("T103", f"cannot read {path}: {cause.strerror or cause}") from cause
    fault = file.fault(data)
    if fault is not None:
        raise TaskError(
            "T104",
            f"{path} is not the file that results are recorded for: {fault}",
            "`gatewright data fetch` brings it anew; `gatewright data verify` looks at all files",
        )
    return data


def status(folder: Path | None = None, *, check: bool = False) -> list[State]:
    """How every file of every corpus stands, in the order of the table.

    Args:
        folder: the data folder; None takes for each corpus the one its tasks would read.
        check: also compare digests.
    """
    states: list[State] = []
    for corpus in table().values():
        directory = folder if folder is not None else _place(corpus)
        for file in corpus.files:
            present = (directory / file.path).is_file()
            ok: bool | None = None
            if present and check:
                try:
                    read(directory, file)
                    ok = True
                except TaskError:
                    ok = False
            states.append(State(corpus.name, file.path, file.size, directory, present, ok))
    return states


def verify(folder: Path | None = None) -> list[State]:
    """As `status`, with every file's digest compared."""
    return status(folder, check=True)


def _place(corpus: Corpus) -> Path:
    paths = tuple(file.path for file in corpus.files)
    return min(folders(), key=lambda folder: len(_missing(folder, paths)))
