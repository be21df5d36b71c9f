"""Corpora are found where they should be, and only intact files count."""

import hashlib
import io
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tasks import registry
from tasks.corpora import corpus, derive
from tasks.task import TaskError


def test_the_table_pins_every_file_with_size_digest_and_a_way_to_get_it() -> None:
    for name, known in corpus.table().items():
        paths = [file.path for file in known.files]
        assert known.name == name
        assert known.terms
        assert known.source
        for file in known.files:
            assert re.fullmatch(r"[0-9a-f]{64}", file.sha256), file.path
            assert file.size > 0
            assert not Path(file.path).is_absolute()
            assert ".." not in Path(file.path).parts
            if file.rule is None:
                assert len(file.urls) >= 2
                assert all(url.startswith("https://") for url in file.urls)
            else:
                assert not file.urls
                assert file.origin in paths[: paths.index(file.path)]


def test_digests_are_those_of_the_data_folder(data: Path) -> None:
    listed = (data / "SHA256SUMS").read_text(encoding="utf-8").splitlines()
    sums = {path: digest for digest, path in (line.split() for line in listed)}
    files = [file for known in corpus.table().values() for file in known.files]
    assert len(files) == 14
    assert {file.path: file.sha256 for file in files} == {
        path: digest for path, digest in sums.items() if "tinyshakespeare" not in path
    }


def test_every_real_file_verifies(data: Path) -> None:
    states = corpus.verify(data)
    assert len(states) == 14
    assert all(state.present and state.ok for state in states)
    assert all((data / state.file).stat().st_size == state.bytes for state in states)


def test_every_task_reads_a_corpus_or_is_listed_as_needing_no_download() -> None:
    reading = {task for known in corpus.table().values() for task in known.tasks}
    assert reading.isdisjoint(corpus.WITHOUT_DOWNLOAD)
    assert set(registry.names()) == reading | set(corpus.WITHOUT_DOWNLOAD)


def test_a_missing_corpus_is_one_clear_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GATEWRIGHT_DATA", str(tmp_path))
    (tmp_path / "ptb").mkdir()
    (tmp_path / "ptb" / "ptb.train.txt").write_bytes(b"x")
    with pytest.raises(TaskError) as caught:
        corpus.locate("ptb", ["ptb/ptb.train.txt", "ptb/ptb.valid.txt"])
    assert caught.value.code == "T102"
    assert "ptb/ptb.valid.txt not found" in caught.value.message
    assert "ptb.train" not in caught.value.message
    assert str(tmp_path) in caught.value.message
    assert "gatewright data fetch ptb" in caught.value.hint
    assert "pydocs" in caught.value.hint


def test_the_chosen_folder_is_the_only_one_looked_at(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GATEWRIGHT_DATA", str(tmp_path))
    assert corpus.folders() == (tmp_path,)
    assert corpus.destination() == tmp_path
    monkeypatch.setenv("GATEWRIGHT_DATA", os.pathsep.join(map(str, (tmp_path, tmp_path / "more"))))
    assert corpus.folders() == (tmp_path, tmp_path / "more")


def test_without_a_chosen_folder_checkout_then_cache_are_looked_at(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("GATEWRIGHT_DATA", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    checkout, cache = corpus.folders()
    assert checkout == Path(corpus.__file__).parents[2] / "data"
    assert cache == corpus.destination() == tmp_path / "gatewright"


def test_a_relative_cache_folder_is_ignored(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("GATEWRIGHT_DATA", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", "somewhere")
    assert corpus.destination() == Path.home() / ".cache" / "gatewright"


def test_a_wrong_file_is_refused_with_both_digests(tmp_path: Path) -> None:
    file = corpus.named("ptb").files[1]
    path = tmp_path / file.path
    path.parent.mkdir()
    path.write_bytes(b"not the treebank\n")
    with pytest.raises(TaskError) as caught:
        corpus.read(tmp_path, file)
    assert caught.value.code == "T104"
    assert file.sha256 in caught.value.message
    assert hashlib.sha256(b"not the treebank\n").hexdigest() in caught.value.message
    state = next(state for state in corpus.verify(tmp_path) if state.file == file.path)
    assert state.present
    assert state.ok is False


def packed(arrays: Mapping[str, Any]) -> bytes:
    stream = io.BytesIO()
    np.savez_compressed(stream, **arrays)
    return stream.getvalue()


def test_a_piano_roll_archive_of_other_bytes_but_equal_arrays_counts(data: Path) -> None:
    file = corpus.named("jsb").files[1]
    arrays = derive.unpack((data / file.path).read_bytes())
    other = packed(dict(reversed(arrays.items())))
    assert other != (data / file.path).read_bytes()
    assert file.fault(other) is None
    arrays["train"] = arrays["train"].copy()
    arrays["train"][0, 0] ^= 1
    assert "content digest" in (file.fault(packed(arrays)) or "")


def test_an_archive_with_objects_or_other_members_is_refused() -> None:
    arrays = {key: np.zeros(1, np.int64) for key in derive.KEYS}
    objects = packed({**arrays, "train": np.array([{}], dtype=object)})
    for hostile in (objects, b"", b"PK\x03\x04" + bytes(60), objects[:-30]):
        with pytest.raises(TaskError) as caught:
            derive.unpack(hostile)
        assert caught.value.code == "T104"
    with pytest.raises(TaskError, match="members"):
        derive.unpack(packed({**arrays, "extra": np.zeros(1)}))


def test_an_unknown_name_lists_the_known_ones() -> None:
    with pytest.raises(TaskError, match="nottingham") as caught:
        corpus.named("nottinham")
    assert caught.value.code == "T101"
    with pytest.raises(TaskError, match="needs no download"):
        corpus.named("markup")
    assert corpus.named("ptb-char") is corpus.named("ptb")
