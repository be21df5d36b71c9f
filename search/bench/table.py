"""The figures of `gatewright bench engine` for people, beside what the engine is meant to reach."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from search.console import number, table


@dataclass(frozen=True, slots=True)
class Target:
    """What one figure shall be.

    Attributes:
        key: in the document; `width` within it, if it is an object.
        what: in words, with the unit.
        least, aim: what it shall reach, and what it should; None where it is only reported.
        low: the figure is to be below these.
        scale: factor of the figure in the words' unit.
    """

    key: str
    width: str | None
    what: str
    least: float | None
    aim: float | None
    low: bool = False
    scale: float = 1.0


TARGETS: Final = (
    Target("lstm_vs_torch", "64", "LSTM step, times faster than nn.LSTM, width 64", 2.3, 3),
    Target("lstm_vs_torch", "128", "width 128", 1.9, 2.4),
    Target("lstm_vs_torch", "256", "width 256", 1.6, 2),
    Target("gru_vs_torch", "64", "GRU step, times faster than nn.GRU, width 64", 3.5, 5),
    Target("gru_vs_torch", "128", "width 128", 2.5, 3),
    Target("gru_vs_torch", "256", "width 256", 1.6, 2),
    Target("mutants_vs_loop", "64", "mutated cells, times faster than a loop, width 64", 6, 10),
    Target("mutants_vs_loop", "128", "width 128", 3, 5),
    Target("mutants_vs_compile", None, "the same, than torch.compile of it, width 64", 2, 3),
    Target("peak_share", "64", "recurrent layer, % of peak, width 64", 65, 80, scale=100),
    Target("peak_share", "128", "width 128", 70, 80, scale=100),
    Target("peak_share", "256", "width 256", 70, 80, scale=100),
    Target("bf16_vs_float32", "64", "LSTM step in bfloat16, times faster, width 64", None, None),
    Target("bf16_vs_float32", "128", "width 128", None, None),
    Target("bf16_vs_float32", "256", "width 256", None, 1.4),
    Target("ready_seconds_p50", None, "new cell to first step, ms, median", 150, 30, True, 1e3),
    Target("ready_seconds_p95", None, "95th percentile", 400, 100, True, 1e3),
    Target("worker_rss_mb", None, "memory of a worker at width 128, MB", 400, 200, True),
    Target("two_workers", None, "two workers, times one", 1.9, 1.97),
    Target("updates_per_core_second", None, "updates a core-second, whole trial", None, 1000),
    Target("peak_gflops", None, "peak of the core, GFLOP/s", None, None),
)
"""For one thread and float32; the widths are those of the full measurement."""


def verdicts(document: Mapping[str, Any]) -> list[tuple[Target, float | None, str]]:
    """Each target with its figure in the target's unit, and `short`, `good`, `aim` or nothing."""
    rows: list[tuple[Target, float | None, str]] = []
    for target in TARGETS:
        figure = document[target.key]
        if target.width is not None:
            figure = figure.get(target.width)
        value = None if figure is None else figure * target.scale
        rows.append((target, value, _verdict(target, value)))
    return rows


def _verdict(target: Target, value: float | None) -> str:
    if value is None:
        return ""
    sign = -1 if target.low else 1
    if target.aim is not None and sign * value >= sign * target.aim:
        return "aim"
    if target.least is None:
        return ""
    return "good" if sign * value >= sign * target.least else "short"


def render(document: Mapping[str, Any], omitted: Sequence[str]) -> None:
    """Prints the figures with their targets, the times behind them, and what was `omitted`."""
    detail = document["detail"]
    table(
        ("what", "measured", "at least", "aim", ""),
        [
            (target.what, *map(_word, (value, target.least, target.aim)), verdict)
            for target, value, verdict in verdicts(document)
        ],
        f"executor {detail['executor']}, one thread, float32",
    )
    for cell in ("lstm", "gru"):
        table(
            ("who", "width", "ms a step", "quartiles", "times ours", "quartiles of turns"),
            [
                (who, width, time["median"], _range(time), *_times(measured["times_ours"].get(who)))
                for width, measured in detail[cell].items()
                for who, time in measured["ms"].items()
            ],
            f"whole training step, {cell.upper()}",
        )
    table(
        ("layers", "width", "in", "ms a step", "times float32", "where the time goes, ms"),
        [
            (layers, width, name, time["median"], *_faster(measured, layers, name))
            for width, measured in detail["bfloat16"].items()
            for layers, layer in measured["layers"].items()
            for name, time in layer["ms"].items()
        ],
        "products of the window in bfloat16, whole training step, LSTM",
    )
    compared = [
        (who, f"{len(measured['cells'])} at {width}", ratio["median"], _range(ratio))
        for width, measured in detail["mutants"].items()
        for who, ratio in measured["times_ours"].items()
    ]
    compiled = detail["compiled_mutants"]
    if compiled:
        few = f"{len(compiled['cells'])} at {min(map(int, detail['mutants']))}"
        compared += [
            (who, few, ratio["median"], _range(ratio))
            for who, ratio in compiled["times_ours"].items()
        ]
    table(("peer", "mutated cells", "times ours", "quartiles"), compared, "mutated cells")
    print(f"load {detail['load'][0]:.2f} before and {detail['load'][1]:.2f} after")
    print(f"peak by {detail['peak']['method']}; {detail['seconds']:.0f} s in all")
    for line in omitted:
        print(f"not timed: {line}")


def _faster(measured: Mapping[str, Any], layers: str, name: str) -> tuple[float | None, str]:
    times = measured["times_ours"][layers]["median"] if name == "bfloat16" else None
    most = [*measured["layers"][layers]["profile_ms"][name].items()][:4]
    return times, ", ".join(f"{kind.removesuffix('_bfloat16')} {number(ms)}" for kind, ms in most)


def _times(spread: Mapping[str, float] | None) -> tuple[float | None, str]:
    return (None, "") if spread is None else (spread["median"], _range(spread))


def _range(spread: Mapping[str, float]) -> str:
    return f"{number(spread['low'])} to {number(spread['high'])}"


def _word(value: float | None) -> str:
    return "-" if value is None else number(value)
