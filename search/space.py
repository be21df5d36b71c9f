"""What `gatewright cells space` says of the core space."""

from collections.abc import Iterator
from random import Random
from typing import Any, Final

from cells import identifier, to_text, zoo
from cells.space.core import Core, core
from cells.space.template import SLOTS, combinations
from results import label as naming
from search import resolve
from search.error import UsageError

_LIKE: Final = "lstm"
"""The cell whose levels fill the slots that are not given."""


def document(
    slots: str | None = None,
    neighbours: str | None = None,
    edits: bool = False,
    sample: int = 0,
    seed: int = 0,
) -> dict[str, Any]:
    """The facts as JSON has them: those asked for, or else size, slots and zoo members.

    Args:
        slots: `SLOT=LEVEL,...`, to show the cell that they write.
        neighbours: a cell, to show its slots and its neighbours.
        edits: also what one edit of the paper leads to.
        sample: how many random cells to show.
        seed: of these.

    Raises:
        CellError: slots that do not fit, or a cell outside of the space.
        UsageError: `slots` is not such a list, or the cell cannot be found.
    """
    space = core()
    made: dict[str, Any] = {"name": space.name, "cells": len(space), "digest": space.digest}
    if slots is not None:
        made["cell"] = _row(space, space.id_of(_filled(space, slots)))
    if neighbours is not None:
        own = space.id_of(resolve.cell(neighbours))
        made["cell"] = _row(space, own)
        made["neighbours"] = [
            {"id": name, "name": naming.label(name), "changed": list(by)}
            for name, by in space.changed(own).items()
        ]
        if edits:
            made["edits"] = [
                {"id": name, "name": naming.label(name), "operator": operator}
                for name, operator in space.edited(own).items()
            ]
    if sample:
        generator = Random(seed)  # noqa: S311 - not for secrets
        made["sample"] = [_row(space, space.id_of(space.sample(generator))) for _ in range(sample)]
    if "cell" not in made and not sample:
        made["combinations"] = len(combinations())
        made["slots"] = {
            slot: {level: {"meaning": meaning} for level, meaning in levels.items()}
            for slot, levels in SLOTS.items()
        }
        members = {name: identifier(zoo.load(name)) for name in zoo.names()}
        made["zoo"] = {name: own for name, own in members.items() if own in space}
    return made


def _filled(space: Core, text: str) -> dict[str, str]:
    levels: dict[str, str] = space.slots_of(zoo.load(_LIKE))._asdict()
    for part in text.split(","):
        slot, sign, level = (word.strip() for word in part.partition("="))
        if not sign:
            raise UsageError(f"--slots {text}: expected SLOT=LEVEL,..., found {part!r}")
        levels[slot] = level
    return levels


def _row(space: Core, name: str) -> dict[str, Any]:
    return {
        "id": name,
        "name": naming.label(name),
        "slots": space.slots_of(name)._asdict(),
        "spellings": len(space.spellings(name)),
        "text": to_text(space.cell_of(name)),
    }


def lines(made: dict[str, Any]) -> Iterator[str]:
    """The same facts for people."""
    for row in [*([made["cell"]] if "cell" in made else []), *made.get("sample", ())]:
        yield from _cell(row)
    if "neighbours" in made:
        yield f"{len(made['neighbours'])} cells one slot away:"
        for row in made["neighbours"]:
            yield f"  {row['name']}  {', '.join(row['changed'])}"
    if "edits" in made:
        yield f"{len(made['edits'])} cells one edit away:"
        for row in made["edits"]:
            yield f"  {row['name']}  {row['operator']}"
    if "slots" in made:
        yield (
            f"{made['cells']:,} cells, written by {made['combinations']:,} combinations of "
            f"{len(made['slots'])} slots. Digest of the ids: {made['digest']}"
        )
        for slot, levels in made["slots"].items():
            yield f"\n{slot}"
            for level, facts in levels.items():
                yield f"  {level:9} {facts['meaning'].replace('`', '')}"
        yield f"\n{len(made['zoo'])} cells of the zoo are in it: {', '.join(made['zoo'])}"


def _cell(row: dict[str, Any]) -> Iterator[str]:
    others = row["spellings"] - 1
    same = f"  # and {others} other combination{'s' * (others > 1)}" if others else ""
    yield f"# {row['name']}: " + " ".join(f"{s}={v}" for s, v in row["slots"].items()) + same
    yield row["text"]
