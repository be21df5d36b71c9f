"""`gatewright cells export`: a cell in a form that others can use, with its weights if it has any."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from search.commands.cells import StoreOption
from search.console import DONE, Json, check_output, drawn, show, version
from search.error import SearchError, UsageError

if TYPE_CHECKING:
    from cells import Cell
    from cells.engine.files.model_file import Trained

_HEADING = "Provenance"
FORMS = ("cell", "canonical", "equations", "latex", "svg", "torch", "onnx")


def export(
    cell: Annotated[
        str,
        typer.Argument(
            metavar="CELL",
            help="A zoo name, a .cell file, an id (with --store), or a model file from `train --save`.",
        ),
    ],
    to: Annotated[
        str, typer.Option("--to", help=f"{', '.join(FORMS[:-1])} or {FORMS[-1]}.")
    ] = "cell",
    out: Annotated[
        Path | None, typer.Option("--out", help="Output file; default: standard output.")
    ] = None,
    store: StoreOption = None,
    json: Json = False,
) -> int:
    """Write a cell in another form: as text, equations, a drawing, or a module of torch."""
    from search.resolve import cell as resolve
    from search.resolve import trained as read

    if to not in FORMS:
        raise UsageError(f"--to {to}: expected one of {', '.join(FORMS)}")
    source = Path(cell)
    if out is not None:
        check_output(out, "--out")
        _check_apart(out, source)
    model = read(source) if source.suffix == ".safetensors" else None
    resolved = model.model.cell if model else resolve(cell, store)
    document: dict[str, Any] = {"form": to, "file": str(out) if out else None}
    if to == "onnx":
        content = _onnx(resolved, model, out)
    elif to == "torch" and model is not None:
        content, document["weights"] = _with_weights(model, source, out)
    elif to == "cell":
        content = _shared(resolved, cell, store, model)
    else:
        content = _text(resolved, to)
    if isinstance(content, str):
        document["content"] = content
    if out is not None:
        out.write_bytes(content if isinstance(content, bytes) else content.encode())
    if to == "svg" and isinstance(content, str):
        content = drawn(content)
    written = [document[key] for key in ("file", "weights") if document.get(key)]
    show(document, json, lambda: print(f"wrote {' and '.join(written)}" if out else content))
    return DONE


def _check_apart(out: Path, source: Path) -> None:
    """Raises UsageError if what is written would take the place of what is read."""
    if out.exists() and source.exists() and out.samefile(source):
        raise UsageError(f"{out} would be written over {source}", "give --out another name")


def _text(cell: "Cell", to: str) -> str:
    from cells import canonical, to_text
    from cells.drawing import equation
    from cells.drawing import svg as drawing
    from cells.export import torch_module

    forms: dict[str, Callable[[Cell], str]] = {
        "canonical": lambda cell: to_text(canonical(cell)),
        "equations": equation.plain,
        "latex": equation.document,
        "svg": drawing.draw,
        "torch": torch_module.write,
    }
    return forms[to](cell)


def _shared(cell: "Cell", word: str, store: Path | None, model: "Trained | None") -> str:
    """The text of a cell with a line that says where it comes from."""
    from cells import identifier, to_text, zoo
    from cells.text.header import header, with_section
    from results.label import label

    if _HEADING in header(cell.comment).sections:  # it has travelled before
        return to_text(cell)
    own, facts = identifier(cell), list[str]()
    title = f"Cell {label(own)}."
    if model is not None:
        facts.append(f"trained on {model.task} ({model.scale}), width {model.model.width}")
        loss = model.facts.get("test_loss")
        if isinstance(loss, float):
            facts.append(f"loss {loss:.4f} on test")
    elif word in zoo.names():
        facts.append("the zoo")
    elif store is not None:
        from results.leaderboard.origin import origin
        from results.record.store import Store

        with Store.read(store) as record:
            facts.append(origin(record, own))
    facts = [*filter(None, facts), f"id {own}", f"written by {version().partition(',')[0]}"]
    comment = with_section(cell.comment, title, _HEADING, f"{', '.join(facts)}.")
    return to_text(replace(cell, comment=comment))


def _onnx(cell: "Cell", trained: "Trained | None", out: Path | None) -> bytes:
    """The step as an ONNX model, with the weights of a trained model."""
    try:
        from cells.engine.files.onnx_step import step
    except ModuleNotFoundError as error:
        if error.name != "onnx":
            raise
        hint = "install it with `pip install onnx`; the other forms need nothing"
        raise SearchError("onnx.missing", "--to onnx needs the package onnx", hint) from None
    from cells.engine.files.state_dict import as_in_zoo, state_dict

    if out is None:
        raise UsageError("--to onnx: not a text, so it needs a file", "add --out FILE.onnx")
    if trained is None:
        return step(cell)
    written = as_in_zoo(trained) or trained
    return step(written.model.cell, written.model.layers, state_dict(written))


def _with_weights(trained: "Trained", source: Path, out: Path | None) -> tuple[str, str]:
    """A module whose docstring loads the weights, and the file beside it that they are written to."""
    from cells.engine.files.state_dict import as_in_zoo, save
    from cells.export import torch_module

    if out is None:
        raise UsageError(
            f"{source}: a trained model, but no place for its weights",
            "add --out FILE.py; the weights go beside it",
        )
    beside = out.with_suffix(".safetensors")
    if out == beside:
        raise UsageError(f"--out {out}: expected a name that ends in .py")
    _check_apart(beside, source)
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
