"""The engine's own steps with the products of the window in bfloat16, against those in float32."""

import statistics
from dataclasses import asdict
from typing import Any, Final

from cells import identify, zoo
from cells.engine.executor import hindrance
from cells.engine.native.learner import NativeLearner
from search.bench import peers
from search.bench import steps as engine_steps
from search.bench import window as engine_window
from search.bench.alternate import Spread, Work, alternate, ratio

LAYERS: Final = ("1", "2")
TOLERANCE: Final = 1e-2
"""Largest relative difference of the first losses; what is beyond it is not timed."""


def bfloat16(width: int, turns: int) -> dict[str, Any]:
    """Whole training steps of the LSTM with one and with two layers.

    On the first layer the input products are tabulated, and the recurrent ones are float32 in any
    case, so that little more than the weight gradients can become faster. A second layer has its
    input products on the whole window too.

    Returns:
        For each number of layers the times of float32 relative to bfloat16 (`times_ours`), and in
        `layers` the times, the first losses, and the milliseconds by kind of item, see
        `NativeLearner.profile`. `absent` says what was not timed and why.
    """
    reason = hindrance("native-bf16")
    if reason is not None:
        return {"times_ours": {}, "layers": {}, "absent": {"all": str(reason)}}
    form, _ = identify(zoo.load("lstm"))
    absent: dict[str, str] = {}
    details: dict[str, Any] = {}
    works: dict[str, Work] = {}
    for layers in LAYERS:
        start = engine_steps.Start.of(form, width, int(layers))
        learners = {
            name: NativeLearner(start.model, start.weights, bfloat16=name == "bfloat16")
            for name in ("float32", "bfloat16")
        }
        steps = {
            name: peers.OurTrainer(learner, engine_window.windows())
            for name, learner in learners.items()
        }
        losses = {name: step() for name, step in steps.items()}
        if not abs(losses["bfloat16"] / losses["float32"] - 1) <= TOLERANCE:
            absent[f"layers {layers}"] = f"{engine_steps.DISAGREES}: first losses {losses}"
            continue
        works |= {f"{layers} {name}": step for name, step in steps.items()}
        profiles = {name: _profile(learner, turns) for name, learner in learners.items()}
        details[layers] = {"losses": losses, "profile_ms": profiles}
    times = alternate(works, turns)
    ratios: dict[str, Any] = {}
    for layers, detail in details.items():
        own = {name: times[f"{layers} {name}"] for name in detail["losses"]}
        detail["ms"] = {name: asdict(Spread.of(values)) for name, values in own.items()}
        ratios[layers] = asdict(ratio(own["float32"], own["bfloat16"]))
    return {"times_ours": ratios, "layers": details, "absent": absent}


def _profile(learner: NativeLearner, turns: int) -> dict[str, float]:
    batch = engine_window.windows()[0]
    rows = [learner.profile(batch) for _ in range(turns)]
    medians = {name: 1e3 * statistics.median(row[name] for row in rows) for name in rows[0]}
    return dict(sorted(medians.items(), key=lambda item: -item[1]))
