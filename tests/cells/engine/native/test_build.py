import os
import subprocess
import sys
from pathlib import Path

import pytest

from cells.engine import executor
from cells.engine.native import build, compiler
from cells.engine.native.compiler import NativeError


@pytest.fixture
def working() -> None:
    """Skips where no runtime can be made at all."""
    try:
        build.library("float32")
    except NativeError as error:
        pytest.skip(str(error))


@pytest.fixture
def fresh(monkeypatch: pytest.MonkeyPatch):
    """Lets a test choose the compiler."""
    caches = compiler.compiler, build.library, executor.hindrance
    for one in caches:
        one.cache_clear()
    yield monkeypatch
    monkeypatch.undo()
    for one in caches:
        one.cache_clear()


def test_without_a_compiler_the_error_says_so(fresh, tmp_path: Path) -> None:
    fresh.setenv("PATH", str(tmp_path))
    fresh.delenv("CC", raising=False)
    with pytest.raises(NativeError, match="no cc, gcc or clang") as caught:
        build.load("float32", tmp_path)
    assert caught.value.code == "no-compiler"


def test_a_compiler_that_does_not_exist_is_named(fresh, tmp_path: Path) -> None:
    fresh.setenv("CC", "nowhere-cc -x")
    with pytest.raises(NativeError, match="nowhere-cc") as caught:
        build.load("float32", tmp_path)
    assert caught.value.code == "no-compiler"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("gcc '", "which is not a command line: no closing quotation"),
        ("nowhere-cc -x", "which is not on the PATH"),
        ("false", "which does not say its version"),
    ],
)
def test_a_broken_cc_is_an_error_and_never_silently_the_reference(
    fresh, words: str, said: str
) -> None:
    fresh.setenv("CC", words)
    with pytest.raises(NativeError, match=said) as caught:
        executor.best()
    assert caught.value.hint == "correct CC or unset it"
    done = subprocess.run(
        [
            *(sys.executable, "-c", "from search.cli import main; main()"),
            *("train", "gru", "memorization", "--scale", "smoke", "--updates", "2"),
        ],
        env={**os.environ, "CC": words, "PYTHONPATH": str(Path(build.__file__).parents[3])},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 1
    assert f"CC is {words!r}, {said}" in done.stderr
    assert "Traceback" not in done.stderr


def test_without_cc_and_without_a_compiler_the_reference_is_the_best(fresh, tmp_path: Path) -> None:
    fresh.setenv("PATH", str(tmp_path))
    fresh.setenv("CC", " ")
    assert executor.best() == "reference"


@pytest.mark.usefixtures("working")
def test_flags_in_cc_make_another_library(fresh, tmp_path: Path) -> None:
    plain = compiler.compiler().words[0]
    sizes: list[int] = []
    for words in (plain, f"{plain} -O0", f"{plain} -O0 -DSOMETHING"):
        fresh.setenv("CC", words)
        compiler.compiler.cache_clear()
        build.load("float32", tmp_path)
        sizes.append(len(list(tmp_path.glob("*.so"))))
    assert sizes == [1, 2, 3]


def test_what_a_failing_compiler_says_is_quoted(fresh, tmp_path: Path) -> None:
    broken = tmp_path / "broken-cc"
    broken.write_text(
        '#!/bin/sh\n[ "$1" = --version ] && echo broken 1.0 && exit\necho alas >&2\nexit 3\n'
    )
    broken.chmod(0o755)
    fresh.setenv("CC", str(broken))
    with pytest.raises(NativeError, match=r"broken 1\.0 could not compile.*alas") as caught:
        build.load("float32", tmp_path / "cache")
    assert caught.value.code == "compile-failed"
    assert not list((tmp_path / "cache").glob("*.so"))


@pytest.mark.usefixtures("working")
def test_a_second_load_takes_the_file_of_the_first(tmp_path: Path) -> None:
    build.load("float32", tmp_path)
    (path,) = tmp_path.glob("*.so")
    before = path.stat().st_mtime_ns
    build.load("float32", tmp_path)
    assert [path] == list(tmp_path.glob("*.so"))
    assert path.stat().st_mtime_ns == before


@pytest.mark.usefixtures("working")
def test_a_damaged_file_is_made_again(tmp_path: Path) -> None:
    key = "0" * 32
    good = tmp_path / build._name(key, b"good")
    good.write_bytes(b"good")
    assert build._cached(tmp_path, key) == good
    good.write_bytes(b"bad!")
    assert build._cached(tmp_path, key) is None
    assert not good.exists()


@pytest.mark.usefixtures("working")
def test_two_processes_make_one_file(tmp_path: Path) -> None:
    code = "from cells.engine.native import build; print(build.library('float32').real_size())"
    environment = {**os.environ, "XDG_CACHE_HOME": str(tmp_path)}
    environment["PYTHONPATH"] = str(Path(build.__file__).parents[3])
    running = [
        subprocess.Popen([sys.executable, "-c", code], env=environment, stdout=subprocess.PIPE)
        for _ in range(2)
    ]
    assert [one.communicate()[0].split() for one in running] == [[b"4"], [b"4"]]
    made = [path.suffix for path in (tmp_path / "gatewright" / "native").iterdir()]
    assert sorted(made) == [".lock", ".so"]


@pytest.mark.usefixtures("working")
def test_a_folder_that_others_may_write_to_is_not_used(tmp_path: Path) -> None:
    shared = tmp_path / "shared"
    shared.mkdir()
    shared.chmod(0o777)
    assert build.load("float32", shared).real_size() == 4
    assert not list(shared.iterdir())


@pytest.mark.usefixtures("working")
def test_the_record_names_the_compiler_and_what_becomes_of_denormals() -> None:
    about = build.about()
    assert about["compiler"] == compiler.compiler().version
    assert about["denormals"] == "flushed"
    assert "-ffast-math" not in about["flags"]


SPOILT = {
    "missing": ("KERNEL_2(ADD, A + B)", ""),
    "in no row": ("KERNEL_1(TANH,", "KERNEL_1(TAN, A) KERNEL_1(TANH,"),
    "with an operand less": ("KERNEL_2(ADD, A + B)", "KERNEL_1(ADD, A)"),
    "that reads more than it says": ("KERNEL_1(NEGATE, -A)", "KERNEL_1(NEGATE, -B)"),
}


@pytest.mark.parametrize(("old", "new"), SPOILT.values(), ids=SPOILT)
def test_a_kernel_that_does_not_fit_the_table_of_operators_does_not_compile(
    working, old: str, new: str
) -> None:
    text = build.source()
    assert text.count(old) == 1
    words = [
        *compiler.compiler().words,
        "-std=gnu11",
        "-DREAL_BITS=32",
        "-fsyntax-only",
        "-x",
        "c",
        "-",
    ]
    for spoilt, status in ((text, 0), (text.replace(old, new), 1)):
        done = subprocess.run(words, input=spoilt, text=True, capture_output=True, check=False)
        assert done.returncode == status, done.stderr
