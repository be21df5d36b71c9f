"""A published record: gives the store back row by row, and shows every damage."""

import gzip
import hashlib
import json
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from results import frame
from results.error import StoreError
from results.publishing import csv_text, publication
from results.publishing.restore import restore
from results.record import history
from results.record.file.migrate import VERSION
from results.record.store import Store
from results.record.study import Study
from results.report import search_report as report
from tests.results import synthetic
from tests.results.report.test_report import EVIL, small

Written = tuple[Store, Study]
TABLES = (
    *("study", "epoch", "provenance", "task", "cell", "trial", "ask", "rejection", "admission"),
    *("attempt", "outcome", "point", "event", "seal", "strike"),
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
    "a row less": (
        forge(lambda text: text[: text.rindex(b"\r\n", 0, -2) + 2], "trial"),
        "rows, expected",
    ),
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


STEPS = (30, 90, 10_000)
"""How far a search is each time that it is published."""


@pytest.fixture(scope="module")
def steps(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Store, Path, list[Path]]]:
    """A store that was published three times, the folder, and a copy of it after each time."""
    place = tmp_path_factory.mktemp("steps")
    study, folder, copies = synthetic.study(), place / "published", list[Path]()
    with Store.create_or_open(place / "run.gate") as store:
        store.begin(study, {"python": "3.12.0"})
        synthetic.tasks(store)
        history_ = synthetic.history(study)
        start = 0
        for until in STEPS:
            for ask, outcome in history_[start:until]:
                store.add_ask(study.id, ask)
                # The last one is still at work when this is published, and answered afterwards.
                if outcome is not None and ask.index != until - 1:
                    store.add_attempt(study.id, ask.index, 1, "slot")
                    store.add_outcome(study.id, ask.index, outcome)
            publication.publish(store, folder)
            copies.append(shutil.copytree(folder, place / f"copy-{until}"))
            late, outcome = history_[min(until, len(history_)) - 1]
            if outcome is not None and until < len(history_):
                store.add_outcome(study.id, late.index, outcome)
            start = until
        yield store, folder, copies


def contents(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


def test_a_store_that_grows_is_published_in_parts_that_keep_their_bytes(
    steps: tuple[Store, Path, list[Path]],
) -> None:
    store, folder, copies = steps
    before: dict[str, bytes] = {}
    for copy in copies:
        found = contents(copy)
        found.pop("record.json")
        assert found.items() > before.items()
        assert not [name for name in found if name.endswith(".part")]
        before = found
    with publication.open_record(folder) as read:
        assert rows(read) == rows(store)
        (row,) = store.studies()
        assert read.log(row.id) == store.log(row.id)
    for copy, until in zip(copies, STEPS, strict=True):
        with publication.open_record(copy) as read:
            assert read.studies()[0].asked == min(until, row.asked)
    assert len(json.loads((folder / "record.json").read_text())["parts"]) == len(STEPS)
    # A later part has files for tables with new rows only.
    assert not (folder / "part-0001" / "study.csv.gz").exists()


def test_parts_take_little_more_room_than_one_publication(
    steps: tuple[Store, Path, list[Path]], tmp_path: Path
) -> None:
    store, folder, _ = steps
    publication.publish(store, tmp_path / "once")
    in_parts, once = (
        sum(len(content) for content in contents(one).values())
        for one in (folder, tmp_path / "once")
    )
    assert once < in_parts < 1.1 * once


def test_publishing_the_same_again_writes_nothing(
    steps: tuple[Store, Path, list[Path]], tmp_path: Path
) -> None:
    store, folder, copies = steps
    copy = shutil.copytree(copies[-1], tmp_path / "copy")
    for path in copy.rglob("*"):
        os.utime(path, (1, 1))
    assert publication.publish(store, copy).added == 0
    with publication.open_record(copy) as read:
        assert publication.publish(read, copy).added == 0
    assert contents(copy) == contents(folder)
    assert {path.stat().st_mtime for path in copy.rglob("*")} == {1}


@pytest.mark.parametrize("file", ["trial.csv.gz", "part-0001/outcome.csv.gz"])
def test_a_file_that_was_lost_or_damaged_is_published_again(
    file: str, steps: tuple[Store, Path, list[Path]], tmp_path: Path
) -> None:
    store, folder, copies = steps
    for damage in (lambda path: path.unlink(), lambda path: path.write_bytes(b"rows")):
        copy = shutil.copytree(copies[-1], tmp_path / "copy", dirs_exist_ok=True)
        damage(copy / file)
        with pytest.raises(StoreError, match=r"^damaged: "):
            publication.load(copy)
        assert publication.publish(store, copy).added == 0
        assert contents(copy) == contents(folder)


def test_a_store_that_does_not_begin_with_what_is_published_is_refused(
    steps: tuple[Store, Path, list[Path]], tmp_path: Path
) -> None:
    _, folder, _ = steps
    copy = shutil.copytree(folder, tmp_path / "copy")
    for seed in (1, 2):  # the same search begun anew, and another one
        study = synthetic.study(seed=seed)
        other, _ = synthetic.write(tmp_path / f"other-{seed}.gate", study)
        with pytest.raises(StoreError, match=r"^differs: .* has other rows of ") as caught:
            publication.publish(other, copy)
        assert "another folder" in caught.value.hint
        assert contents(copy) == contents(folder)


def test_publishing_that_is_killed_at_any_point_leaves_the_old_record_or_the_new_one(
    steps: tuple[Store, Path, list[Path]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class KilledError(Exception):
        pass

    store, folder, copies = steps
    write, written = publication._replace, 0  # pyright: ignore[reportPrivateUsage]

    def killed(path: Path, content: bytes) -> None:
        nonlocal written
        if written == allowed:
            path.with_name(f".{path.name}.part").write_bytes(content[:10])
            raise KilledError
        written += 1
        write(path, content)

    with publication.open_record(copies[1]) as read:
        old = rows(read)
    monkeypatch.setattr(publication, "_replace", killed)
    copy = shutil.copytree(copies[1], tmp_path / "copy")
    allowed = 0
    while True:
        written = 0
        try:
            publication.publish(store, copy)
        except KilledError:
            with publication.open_record(copy) as read:
                assert rows(read) == old
            allowed += 1
        else:
            break
    assert allowed == 1 + len(list((folder / "part-0002").iterdir()))
    with publication.open_record(copy) as read:
        assert rows(read) == rows(store)


def test_a_first_publication_that_is_killed_leaves_no_record(
    steps: tuple[Store, Path, list[Path]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(publication, "_lines", lambda _: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        publication.publish(steps[0], tmp_path / "new")
    with pytest.raises(StoreError, match=r"^missing: "):
        publication.load(tmp_path / "new")
    monkeypatch.undo()
    publication.publish(steps[0], tmp_path / "new")
    publication.load(tmp_path / "new").close()


PARTS: dict[str, Callable[[dict[str, Any]], object]] = {
    "a part less": lambda found: found["parts"].pop(1),
    "parts exchanged": lambda found: found["parts"].reverse(),
    "other rows": lambda found: found["parts"][1]["tables"]["ask"].update(rows=1),
    "another sum": lambda found: found["parts"][0].update(sha256="0" * 64),
    "no parts": lambda found: found.update(parts=[]),
    "parts that are none": lambda found: found.update(parts=3),
    "a table that is none": lambda found: found["parts"][1]["tables"].update(secrets={}),
    "a version that is none": lambda found: found["parts"][1].update(version=0),
    "a file elsewhere": lambda found: found.update(file="../run.gate"),
}


@pytest.mark.parametrize("name", PARTS)
def test_a_list_of_parts_that_was_edited_is_found_out(
    name: str, steps: tuple[Store, Path, list[Path]], tmp_path: Path
) -> None:
    copy = shutil.copytree(steps[1], tmp_path / "copy")
    path = copy / "record.json"
    found = json.loads(path.read_text())
    PARTS[name](found)
    path.write_text(json.dumps(found))
    with pytest.raises(StoreError, match=r"^damaged: .* not what"):
        publication.load(copy)


@pytest.mark.parametrize("number", ["1e400", "1.0", "true", '"1"', "null", "-1", "[1]"])
@pytest.mark.parametrize("field", ["format", "version"])
def test_a_manifest_with_numbers_that_are_none_is_damaged(
    folder: Path, field: str, number: str
) -> None:
    value = {"format": 1, "version": VERSION}[field]
    manifest(f'"{field}": {value}', f'"{field}": {number}')(folder)
    with pytest.raises(StoreError, match=r"^damaged: "):
        publication.load(folder)


def test_a_manifest_without_end_is_not_read(folder: Path) -> None:
    with (folder / "record.json").open("r+b") as file:
        file.truncate(2**32)  # sparse: it takes no room
    with pytest.raises(StoreError, match=r"^too-large: "):
        publication.load(folder)


OLD = Path(__file__).parents[1] / ("assets") / "edition-1" / "published"


def test_a_folder_of_the_first_layout_is_added_to(tmp_path: Path) -> None:
    copy = shutil.copytree(OLD, tmp_path / "published")
    with publication.open_record(copy) as read:
        assert publication.publish(read, copy).added == 0
    assert contents(copy) == contents(OLD)
    restore(copy, tmp_path / "findings.gate")
    with Store.create_or_open(tmp_path / "findings.gate") as store:
        (row,) = store.studies()
        store.begin(row.study, {"python": "3.13.0"})
        store.add_event(row.id, "resumed", "elsewhere")
        assert publication.publish(store, copy).added == 3 + 3  # with a seal for the old rows, too
        with publication.open_record(copy) as read:
            assert rows(read) == rows(store)
    found = contents(copy)
    assert {name for name in found if name not in contents(OLD)} == {
        f"part-0001/{name}.csv.gz" for name in ("epoch", "provenance", "event", "seal")
    }
    for name, content in contents(OLD).items():
        assert name == "record.json" or found[name] == content


def test_a_folder_without_a_record_and_a_newer_one_say_what_to_do(
    folder: Path, tmp_path: Path
) -> None:
    with pytest.raises(StoreError, match=r"holds no record\.json"):
        publication.load(tmp_path)
    manifest('"format": 1', '"format": 3')(folder)
    with pytest.raises(StoreError, match=r"newer: .* format 3"):
        publication.load(folder)


def test_a_small_file_cannot_unpack_to_fill_the_memory(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(csv_text, "LARGEST", 10_000)
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
