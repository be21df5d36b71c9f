import re
from typing import Any

import pytest

from tasks import registry
from tasks.generated import temporal_order
from tasks.task import TaskError
from tests.tasks.levels import measured

SIZES: dict[str, Any] = {"train": 1, "valid": 1, "test": 500, "batch": 20}
# the intervals of Hochreiter and Schmidhuber 1997, tables 9 and 10, for 100 to 110 symbols
PAPER = {2: ((10, 20), (50, 60)), 3: ((10, 20), (33, 43), (66, 76))}


@pytest.mark.parametrize("markers", [2, 3])
def test_markers_stand_in_their_intervals_and_their_order_is_the_class(markers):
    law = temporal_order.Law(markers=markers, shortest=100, longest=110, **SIZES)
    for text in temporal_order.make(law, "test").sample("test", 300):
        read, said = text.split(" -> ")
        symbols = "".join(read.split())
        assert re.fullmatch(r"E[abcdXY]{98,108}B", symbols)
        places = [found.start() for found in re.finditer("[XY]", symbols)]
        assert said == "".join(symbols[at] for at in places)
        for at, (least, most) in zip(places, PAPER[markers], strict=True):
            assert least <= at <= most


@pytest.mark.parametrize("markers", [2, 3])
@pytest.mark.parametrize("length", [8, 10, 12, 20, 33, 50])
def test_intervals_never_meet_nor_reach_the_ends(markers, length):
    law = temporal_order.Law(markers=markers, shortest=length, longest=length, **SIZES)
    for text in temporal_order.make(law, "test").sample("test", 300):
        read, said = text.split(" -> ")
        assert len(said) == markers == len(re.findall("[XY]", read))
        assert (read[0], read[-1]) == ("E", "B")


@pytest.mark.parametrize("markers", [2, 3])
def test_levels_agree_with_counts_on_drawn_sequences(markers):
    law = temporal_order.Law(markers=markers, shortest=10, longest=12, **SIZES)
    task = temporal_order.make(law, "test")
    said = [text.split(" -> ")[1] for text in task.sample("test", 10_000)]
    known = {floor.name: floor for floor in task.facts.floors}
    views = {
        "no memory": lambda name: "",
        "the last marker": lambda name: name[-1:],
        "how many X, not their order": lambda name: name.count("X"),
    }
    if markers == 3:
        views["the last 2 markers"] = lambda name: name[-2:]
    assert set(views) | {"optimum"} == set(known)
    for name, view in views.items():
        found = measured((view(one), one) for one in said)
        # 10,000 classes: five standard errors are below 0.026
        assert (known[name].loss, known[name].accuracy) == pytest.approx(found, abs=0.026)


def test_every_scale_can_be_read():
    for scale in registry.scales_of("temporal-order"):
        assert registry.load("temporal-order", scale).facts.size == 8 + 2 ** (
            3 if scale in ("laptop", "workstation", "paper") else 2
        )


def test_impossible_numbers_are_refused():
    with pytest.raises(TaskError, match="4 markers"):
        temporal_order.Law(markers=4, shortest=20, longest=20, **SIZES)
    with pytest.raises(TaskError, match="7 to"):
        temporal_order.Law(markers=2, shortest=7, longest=20, **SIZES)
