"""The facts about a cell that its graph tells: what the passport shows before anything is measured."""

import re
from dataclasses import dataclass
from typing import Any, Final

from cells.cell import Cell
from cells.distance.relative import Relative, nearest, zoo_forms
from cells.drawing.equation import latex, plain
from cells.identity.canonical import canonical, identifier
from cells.measure.execution import execution_class, meaning
from cells.size import (
    TRAINING,
    Polynomial,
    flops,
    parameters,
    recurrent_depth,
    width_step,
)
from cells.text.printer import to_text

_HEADING: Final = re.compile(r"([A-Z][a-z]+(?: [a-z]+)?):\s*(.*)")
_YEAR: Final = re.compile(r"\b(?:19|20)\d\d\b")


@dataclass(frozen=True, slots=True)
class Passport:
    """The static facts. Sizes are those of one layer of the canonical form.

    Attributes:
        name: as written.
        id: of the canonical form.
        title: first line of the header, or "".
        notes: the sections of the header, e.g. `Source`, `Convention`, `Pitfall`, as written.
        year: the first year of the source, or None.
        states: names of the states.
        nodes: of the canonical form.
        execution: execution class.
        depth: matrices on the longest path from an old to a new state.
        width: H for the numbers below; the one asked for, or the next that the cell can have.
        parameters, flops: formulas; FLOPs are those of one step of one lane, forward.
        same: zoo cells with this id.
        relative: the nearest other zoo cell, or None if it was not looked for.
        text, canonical, equations, latex: the cell written in four ways.
    """

    name: str
    id: str
    title: str
    notes: tuple[tuple[str, str], ...]
    year: int | None
    states: tuple[str, ...]
    nodes: int
    execution: str
    depth: int
    width: int
    parameters: Polynomial
    flops: Polynomial
    same: tuple[str, ...]
    relative: Relative | None
    text: str
    canonical: str
    equations: str
    latex: str

    def document(self) -> dict[str, Any]:
        """The facts for JSON."""
        return {
            "name": self.name,
            "id": self.id,
            "title": self.title,
            "notes": dict(self.notes),
            "year": self.year,
            "class": self.execution,
            "class_meaning": meaning(self.execution),
            "states": len(self.states),
            "state_names": list(self.states),
            "nodes": self.nodes,
            "recurrent_depth": self.depth,
            "width": self.width,
            "parameters": self.parameters.at(self.width),
            "parameters_formula": str(self.parameters),
            "flops": self.flops.at(self.width),
            "flops_formula": str(self.flops),
            "flops_training": TRAINING * self.flops.at(self.width),
            "zoo": list(self.same),
            "relative": self.relative and self.relative.document(),
            "text": self.text,
            "canonical": self.canonical,
            "equations": self.equations,
            "latex": self.latex,
        }


def passport(cell: Cell, width: int = 64, *, kin: bool = True) -> Passport:
    """The static facts about a valid cell.

    Args:
        cell: any valid cell.
        width: H for the numbers, at least.
        kin: look for the nearest zoo cell, which takes up to seconds where the cell is large.

    Raises:
        CellError: C501 when nothing of x is left in the output.
    """
    form = canonical(cell)
    step = width_step(form)
    title, notes = header(cell.comment)
    source = dict(notes).get("Source", "")
    year = _YEAR.search(source)
    return Passport(
        name=cell.name,
        id=identifier(cell),
        title=title,
        notes=notes,
        year=int(year[0]) if year else None,
        states=cell.states,
        nodes=len(form.nodes),
        execution=execution_class(form),
        depth=recurrent_depth(form),
        width=-(-width // step) * step,
        parameters=parameters(form),
        flops=flops(form),
        same=tuple(name for name, other in zoo_forms().items() if other == form),
        relative=nearest(cell) if kin else None,
        text=to_text(cell),
        canonical=to_text(form),
        equations=plain(cell),
        latex=latex(cell),
    )


def header(comment: str) -> tuple[str, tuple[tuple[str, str], ...]]:
    """Title and sections of the lines above a cell; a section begins with a word and a colon."""
    lines = [line.strip() for line in comment.splitlines()]
    title = lines[0] if lines else ""
    sections: list[tuple[str, list[str]]] = []
    for line in lines[1:]:
        heading = _HEADING.fullmatch(line)
        if heading:
            sections.append((heading[1], [heading[2]]))
        elif sections:
            sections[-1][1].append(line)
        elif line:
            sections.append(("Note", [line]))
    return title, tuple((name, " ".join(words).strip()) for name, words in sections)
