"""A published record: gives the store back row by row, and shows every damage."""

import contextlib
import gzip
import hashlib
import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from results import frame
from results.error import StoreError
from results.record import history, publication
from results.record.store import Store
from results.record.study import Study
from results.report import search_report as report
from tests.results import synthetic
from tests.results.test_report import EVIL, small

Written = tuple[Store, Study]
TABLES = (
    *("study", "epoch", "provenance", "task", "cell", "trial", "ask", "rejection", "admission"),
    *("attempt", "outcome", "point", "event"),
)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Written]:
    """A store with two studies, and beside it the folder `published`."""
    place = tmp_path_factory.mktemp("whole")
    store, study = synthetic.write(place / "run.gate", synthetic.study())
    with store:
        other = synthetic.study("other", seed=2)
        store.begin(other, {"python": "3.12.0", "commit": ""})
        for ask, outcome in synthetic.history(other)[:20]:
            store.add_ask(other.id, ask)
            if outcome is not None and ask.index != 7:
                store.add_outcome(other.id, ask.index, outcome)
        store.add_event(other.id, "worker_lost", 'a "quoted", long\r\nstory\rof\nlines', 3)
        store.add_event(other.id, "resumed", "")
        publication.publish(store, place / "published")
        yield store, study


@pytest.fixture
def folder(tmp_path: Path, whole: Written) -> Path:
    """A published record that may be spoilt."""
    return shutil.copytree(whole[0].path.with_name("published"), tmp_path / "published")


def rows(store: Store) -> dict[str, list[tuple[object, ...]]]:
    return {name: store.table(f"SELECT * FROM {name}")[1] for name in TABLES}  # noqa: S608


def test_a_published_record_gives_the_store_back_row_by_row(folder: Path, whole: Written) -> None:
    store, study = whole
    with publication.open_record(folder) as found:
        assert rows(found) == rows(store)
        assert found.studies() == store.studies()
        assert found.path.name == store.path.name
        for row in store.studies():
            assert found.log(row.id) == store.log(row.id)
            assert found.provenance(row.id) == store.provenance(row.id)
            assert history.digest(found, row.id) == history.digest(store, row.id)
        assert frame.curves(found, study.id).equals(frame.curves(store, study.id))


def test_the_report_of_a_published_record_is_that_of_the_store(
    folder: Path, whole: Written
) -> None:
    store, study = whole
    with publication.open_record(folder) as found:
        assert report.render(found, study.id) == report.render(store, study.id)


def test_the_same_store_is_published_as_the_same_bytes(
    folder: Path, whole: Written, tmp_path: Path
) -> None:
    publication.publish(whole[0], tmp_path / "again")
    with publication.open_record(folder) as found:
        publication.publish(found, tmp_path / "third")
    for path in folder.iterdir():
        content = path.read_bytes()
        assert (tmp_path / "again" / path.name).read_bytes() == content
        assert (tmp_path / "third" / path.name).read_bytes() == content
    assert len(list(folder.iterdir())) == len(TABLES) + 1


def test_the_manifest_says_what_ran_where_and_what_came(folder: Path, whole: Written) -> None:
    store, study = whole
    manifest = json.loads((folder / "record.json").read_text())
    first = manifest["studies"][0]
    assert (first["id"], first["digest"]) == (study.id, history.digest(store, study.id))
    assert first["starts"] == {"1": {"python": "3.11.0", "gatewright": "0.1.0"}}
    assert Study.from_json(json.dumps(first["description"])) == study
    text = gzip.decompress((folder / "trial.csv.gz").read_bytes())
    said = manifest["tables"]["trial"]
    assert (said["bytes"], said["sha256"]) == (len(text), hashlib.sha256(text).hexdigest())
    assert said["rows"] == store.select("SELECT count(*) FROM trial")[0][0]


def edit(change: Callable[[bytes], bytes], table: str = "outcome") -> Callable[[Path], None]:
    def damage(folder: Path) -> None:
        path = folder / f"{table}.csv.gz"
        path.write_bytes(gzip.compress(change(gzip.decompress(path.read_bytes()))))

    return damage


def forge(change: Callable[[bytes], bytes], table: str) -> Callable[[Path], None]:
    """An edit by somebody who corrects the checksum too."""

    def damage(folder: Path) -> None:
        edit(change, table)(folder)
        text = gzip.decompress((folder / f"{table}.csv.gz").read_bytes())
        path = folder / "record.json"
        manifest = json.loads(path.read_text())
        manifest["tables"][table] |= {
            "bytes": len(text),
            "sha256": hashlib.sha256(text).hexdigest(),
        }
        path.write_text(json.dumps(manifest))

    return damage


def manifest(before: str, after: str) -> Callable[[Path], None]:
    def damage(folder: Path) -> None:
        path = folder / "record.json"
        text = path.read_text()
        assert before in text
        path.write_text(text.replace(before, after, 1))

    return damage


def shorten(folder: Path) -> None:
    path = folder / "point.csv.gz"
    path.write_bytes(path.read_bytes()[:-20])


def flip(folder: Path) -> None:
    path = folder / "trial.csv.gz"
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


DAMAGES: dict[str, tuple[Callable[[Path], None], str]] = {
    "shortened": (shorten, "point.csv.gz"),
    "a bit flipped": (flip, "trial.csv.gz"),
    "no archive": (lambda folder: gone(folder, b"rows"), "point.csv.gz: Not a gzipped file"),
    "gone": (lambda folder: gone(folder), "point.csv.gz: no such file"),
    "edited": (edit(lambda text: text.replace(b",ok,", b",OK,", 1)), "outcome.csv.gz: sha256"),
    "forged number": (
        forge(lambda text: text.replace(b"300", b"301", 1), "outcome"),
        "checksum",
    ),
    "forged trial": (forge(lambda text: text.replace(b"tanh", b"relu", 1), "trial"), "checksum"),
    "forged commit": (forge(lambda text: text.replace(b"3.11", b"3.10"), "provenance"), "studies"),
    "no number": (forge(lambda text: text.replace(b",300,", b",3oo,", 1), "outcome"), "'3oo'"),
    "a field less": (forge(lambda text: text.replace(b",ok,", b",", 1), "outcome"), "19 fields"),
    "a row less": (forge(lambda text: text[: text.rindex(b"\r\n", 0, -2) + 2], "trial"), "FOREIGN"),
    "other columns": (forge(lambda text: text.replace(b"norm", b"form"), "point"), "columns"),
    "a claim more": (manifest('"answered": ', '"answered": 1'), "studies"),
    "another program": (manifest('"python"', '"py"'), "studies"),
    "no JSON": (manifest("{", "["), "not legible"),
    "another file": (manifest('"run.gate"', '"../run.gate"'), "not what"),
    "no tables": (manifest('"tables"', '"chairs"'), "not what"),
}


def gone(folder: Path, instead: bytes | None = None) -> None:
    path = folder / "point.csv.gz"
    path.unlink()
    if instead is not None:
        path.write_bytes(instead)


@pytest.mark.parametrize("name", DAMAGES)
def test_every_damage_is_found_and_named(folder: Path, name: str) -> None:
    damage, said = DAMAGES[name]
    damage(folder)
    with pytest.raises(StoreError) as caught:
        publication.load(folder)
    assert caught.value.code == "damaged"
    assert said in caught.value.message
    assert caught.value.hint


def test_publishing_that_was_killed_at_any_point_leaves_the_old_record_or_a_refusal(
    folder: Path, whole: Written, tmp_path: Path
) -> None:
    store, study = whole
    with Store.create_or_open(tmp_path / "run.gate") as later:
        later.begin(study, {"python": "3.13.0"})
        manifest = publication.publish(later, tmp_path / "later")
    digest = history.digest(store, study.id)
    changed = False
    for name in manifest["tables"]:
        with contextlib.suppress(StoreError) if changed else contextlib.nullcontext():
            assert history.digest(publication.load(folder), study.id) == digest
        before = (folder / f"{name}.csv.gz").read_bytes()
        shutil.copy(tmp_path / "later" / f"{name}.csv.gz", folder)
        changed |= before != (folder / f"{name}.csv.gz").read_bytes()
    assert changed
    with pytest.raises(StoreError, match=r"^damaged: .* sha256"):
        publication.load(folder)
    shutil.copy(tmp_path / "later" / "record.json", folder)
    with publication.open_record(folder) as found:
        assert found.log(study.id) == []


def test_a_folder_without_a_record_and_a_newer_one_say_what_to_do(
    folder: Path, tmp_path: Path
) -> None:
    with pytest.raises(StoreError, match=r"holds no record\.json"):
        publication.load(tmp_path)
    manifest('"format": 1', '"format": 2')(folder)
    with pytest.raises(StoreError, match=r"newer: .* format 2"):
        publication.load(folder)


def test_a_small_file_cannot_unpack_to_fill_the_memory(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(publication, "LARGEST", 10_000)
    with pytest.raises(StoreError, match=r"too-large: .* unpacks to more than 10,000 bytes"):
        publication.load(folder)


@pytest.mark.parametrize("text", EVIL)
def test_any_text_survives(tmp_path: Path, text: str) -> None:
    store, _ = small(tmp_path / "run.gate", text)
    publication.publish(store, tmp_path / "published")
    with publication.open_record(tmp_path / "published") as found:
        assert rows(found) == rows(store)


def test_a_store_whose_name_no_folder_may_carry_is_refused(tmp_path: Path) -> None:
    store = Store.create_or_open(tmp_path / "a run.gate")
    with pytest.raises(StoreError, match="rename the store"):
        publication.publish(store, tmp_path / "published")
    assert not (tmp_path / "published").exists()
