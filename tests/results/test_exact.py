"""Whole numbers that other programs would round leave as text, wherever JSON or a table leaves."""

import json
import sqlite3
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from results.dashboard import app
from results.exact import LARGEST, exact
from results.spreadsheet import inert
from search import cli
from search.console import show

FROZEN = Path(__file__).with_name("assets") / "edition-1" / "search.gate"


def test_only_what_would_be_rounded_becomes_text() -> None:
    assert exact({"a": [LARGEST, LARGEST + 1, -LARGEST - 1, 2.0**60, True, None, "x"]}) == {
        "a": [LARGEST, str(LARGEST + 1), str(-LARGEST - 1), 2.0**60, True, None, "x"]
    }
    for number in (LARGEST, -LARGEST):
        assert int(float(number)) == number
    assert int(float(2**62 + 1)) != 2**62 + 1
    assert exact((1, (2**60,))) == [1, [str(2**60)]]


def rounded(document: str) -> list[int]:
    """Whole numbers of a JSON text that a program with doubles reads as others."""
    found: list[int] = []

    def keep(word: str) -> int:
        if int(float(word)) != int(word) or abs(int(word)) > LARGEST:
            found.append(int(word))
        return int(word)

    json.loads(document, parse_int=keep)
    return found


def test_a_document_of_a_command_and_of_the_api_has_no_number_that_is_rounded(
    capsys: pytest.CaptureFixture[str],
) -> None:
    document: dict[str, Any] = {"seed": 2**62 + 1, "inner": [{"count": 2**53 + 1}]}
    show(document, True, lambda: None)
    shown = capsys.readouterr().out
    answer = bytes(app._document(document).body).decode()  # pyright: ignore[reportPrivateUsage]
    for text in (shown, answer):
        assert rounded(text) == []
        assert json.loads(text) == {
            "seed": str(2**62 + 1),
            "inner": [{"count": str(2**53 + 1)}],
        }
    assert rounded(json.dumps(document)) == [2**62 + 1, 2**53 + 1]


@pytest.mark.parametrize("to", ["csv", "json", "parquet", "optuna"])
def test_an_export_has_the_seeds_of_the_record_to_the_last_digit(
    to: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "run.gate").write_bytes(FROZEN.read_bytes())
    out = tmp_path / "out"
    words = ["export", str(tmp_path / "run.gate"), "--to", to, "--out", str(out), "--json"]
    assert cli.run(words) == 0
    capsys.readouterr()
    connection = sqlite3.connect(tmp_path / "run.gate")
    asked = connection.execute(
        "SELECT seed FROM ask JOIN trial ON key = trial_key ORDER BY number"
    ).fetchall()
    connection.close()
    seeds = [str(seed) for (seed,) in asked]
    assert any(int(float(seed)) != int(seed) for seed in seeds)
    if to == "csv":
        found = pd.read_csv(out / "trials.csv", dtype=str)["seed"].tolist()
        seeds = [f"'{seed}" for seed in seeds]
    elif to == "json":
        text = (out / "trials.json").read_text(encoding="utf-8")
        assert rounded(text) == []
        found = [row["seed"] for row in json.loads(text)]
    elif to == "parquet":
        found = pd.read_parquet(out / "trials.parquet")["seed"].tolist()
    else:
        lines = [json.loads(line) for line in out.read_text(encoding="utf-8").splitlines()]
        found = [
            attributes["seed"]
            for line in lines
            if "seed" in (attributes := line.get("user_attrs") or line.get("user_attr") or {})
        ]
        # By task, not by number.
        found, seeds = sorted(found), sorted(seeds)
    assert found == seeds


@pytest.mark.parametrize(
    ("text", "guarded"),
    [
        ("5838224036662721829", "'5838224036662721829"),
        ("012345678901", "'012345678901"),
        ("39e4", "'39e4"),
        ("39e4a", "39e4a"),
        ("39daa5a47658", "39daa5a47658"),
        ("lstm", "lstm"),
        (5, 5),
        (1e300, 1e300),
    ],
)
def test_digits_that_a_spreadsheet_would_round_stay_text(text: object, guarded: object) -> None:
    assert inert(text) == guarded
