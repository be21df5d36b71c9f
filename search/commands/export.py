"""`gatewright cells export`: a cell in a form that others can use, with its weights if it has any."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from search.commands.cells import StoreOption
from search.console import DONE, Json, UsageError, check_output, show

if TYPE_CHECKING:
    from cells import Cell
    from cells.engine.model_file import Trained

FORMS = ("cell", "canonical", "equations", "latex", "svg", "torch")


def export(
    cell: Annotated[
        str,
        typer.Argument(
            metavar="CELL",
            help="A zoo name, a .cell file, an id (with --store), or a file of `train --save`.",
        ),
    ],
    to: Annotated[
        str, typer.Option("--to", help=f"{', '.join(FORMS[:-1])} or {FORMS[-1]}.")
    ] = "cell",
    out: Annotated[
        Path | None, typer.Option("--out", help="File; standard output if not given.")
    ] = None,
    store: StoreOption = None,
    json: Json = False,
) -> int:
    """Write a cell in another form: as text, equations, a drawing, or a module of torch."""
    from search.resolve import cell as resolve
    from search.resolve import trained as read

    if to not in FORMS:
        raise UsageError(f"--to {to}: expected one of {', '.join(FORMS)}")
    if out is not None:
        check_output(out, "--out")
    model = read(Path(cell)) if cell.endswith(".safetensors") else None
    document: dict[str, Any] = {"form": to, "file": str(out) if out else None}
    if model is not None and to == "torch":
        content, document["weights"] = _with_weights(model, Path(cell), out)
    else:
        content = _text(model.model.cell if model else resolve(cell, store), to)
    document["content"] = content
    if out is not None:
        out.write_text(content, encoding="utf-8")
    written = [document[key] for key in ("file", "weights") if document.get(key)]
    show(document, json, lambda: print(f"wrote {' and '.join(written)}" if out else content))
    return DONE


def _text(found: "Cell", to: str) -> str:
    from cells import canonical, drawing, equation, to_text, torch_module

    forms: dict[str, Callable[[Cell], str]] = {
        "cell": to_text,
        "canonical": lambda one: to_text(canonical(one)),
        "equations": equation.plain,
        "latex": equation.latex,
        "svg": drawing.draw,
        "torch": torch_module.write,
    }
    return forms[to](found)


def _with_weights(trained: "Trained", source: Path, out: Path | None) -> tuple[str, str]:
    """A module whose docstring loads the weights, and the file beside it that they are written to."""
    from cells import torch_module
    from cells.engine.state_dict import as_in_zoo, save

    if out is None:
        raise UsageError(
            f"{source}: a trained model, but no place for its weights",
            "add --out FILE.py; the weights go beside it",
        )
    beside = out.with_suffix(".safetensors")
    if out == beside or (beside.exists() and beside.samefile(source)):
        raise UsageError(
            f"--out {out}: the weights would be written over {source}", "take another name"
        )
    written = as_in_zoo(trained) or trained
    model = written.model
    title = torch_module.class_name(model.cell)
    dropout = f", dropout={model.dropout:g}" if model.layers > 1 and model.dropout else ""
    note = f"""Trained on {trained.task} ({trained.scale}). To load its weights:

    from safetensors.torch import load_file

    module = {title}({model.width}, {model.width}, num_layers={model.layers}{dropout})
    module.load_state_dict(load_file({beside.name!r}))

What a step reads is in the file of the training as `{_input(trained)}`; what makes
symbols or notes of the output is there as `readout.weight` and `readout.bias`."""
    save(beside, written)
    return torch_module.write(model.cell, note, model.window), str(beside)


def _input(trained: "Trained") -> str:
    return "embedding" if trained.model.kind == "symbols" else "input.weight` and `input.bias"
